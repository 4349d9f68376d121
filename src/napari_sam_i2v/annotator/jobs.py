"""One worker beside the viewer: jobs run in order, their answers come back in turn."""

from __future__ import annotations

import gc
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
"""Has a function called in the viewer's thread, soon; calls keep their order."""


@contextmanager
def old_objects_left_alone() -> Iterator[None]:
    """Keep Python's garbage collector off the objects that are there already.

    A full collection goes through all of napari's and torch's objects and holds up the
    viewer for 0.2 to 0.3 s, whichever thread it happens to run in. What is made
    meanwhile is collected as ever; what was garbage before waits until the end.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]
    cut: threading.Event
    lasting: bool


class Jobs:
    """A thread of its own for all that takes time.

    Jobs never overlap, so that what they work on needs no locks. What they return goes
    to callbacks in the viewer's thread.

    Parameters
    ----------
    post
        Takes callbacks to the viewer's thread.
    failed
        Called there with the exception of a job that has no other use for it.
    idle
        Called in the worker whenever no job waits; does a little and says whether
        there is more.
    after
        Thread of jobs that are closed, which is to be over before these begin.

    Attributes
    ----------
    thread
        In which they are done.
    """

    def __init__(
        self,
        post: Post,
        failed: Callable[[Exception], None],
        idle: Callable[[], bool] = lambda: False,
        *,
        after: threading.Thread | None = None,
    ) -> None:
        self.post = post
        self._failed = failed
        self._idle = idle
        self._waiting: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._running: _Job | None = None
        self._last: Callable[[], Any] = lambda: None
        self._before = after
        self._closed = False
        self._nudged = False
        self.thread: threading.Thread = threading.Thread(
            target=self._run, name="napari-sam-i2v", daemon=True
        )
        self.thread.start()

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        with self._wake:
            return self._running is not None or bool(self._waiting)

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        with self._wake:
            return len(self._waiting)

    def submit(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None] = lambda _: None,
        failed: Callable[[Exception], None] | None = None,
        *,
        lasting: bool = False,
    ) -> None:
        """Have something done after all that was asked for before.

        Parameters
        ----------
        work
            Runs in the worker.
        done
            Takes what it returns, in the viewer's thread.
        failed
            Takes its exception there; by default the one for all jobs.
        lasting
            Whether it is to be done still where the jobs are closed before its turn.
        """
        self._put(work, done, failed or self._failed, threading.Event(), lasting)

    def run(
        self,
        steps: Callable[[], Iterator[Any]],
        each: Callable[[Any], None],
        done: Callable[[bool], None],
    ) -> None:
        """Have a generator run through, until it ends or `cancel` is called.

        Parameters
        ----------
        steps
            Makes the generator, in the worker.
        each
            Takes what it yields, in the viewer's thread.
        done
            Called there at the end, with whether it was cut short.
        """
        cut = threading.Event()

        def work() -> bool:
            if cut.is_set():
                return True
            generator = steps()
            try:
                for item in generator:
                    self._hand_over(each, item)
                    if cut.is_set():
                        break
                return cut.is_set()
            finally:
                close = getattr(generator, "close", None)
                if close is not None:
                    close()

        def failed(error: Exception) -> None:
            done(True)
            self._failed(error)

        self._put(work, done, failed, cut, False)

    def cancel(self) -> None:
        """Stop the generator that is running, after its step, and those that wait."""
        with self._wake:
            self._cut_all()

    @property
    def is_cancelled(self) -> bool:
        """Whether the job that is running was asked to stop."""
        running = self._running
        return running is not None and running.cut.is_set()

    def nudge(self) -> None:
        """Have idle work looked for."""
        with self._wake:
            self._nudged = True
            self._wake.notify()

    def close(
        self, timeout: float = 5.0, last: Callable[[], Any] = lambda: None
    ) -> None:
        """Stop what runs, drop what waits behind all that is to last, end the thread.

        Parameters
        ----------
        timeout
            Seconds to wait for the thread.
        last
            Called in the worker when all is done, even if it takes longer.
        """
        with self._wake:
            if self._closed:
                return
            self._closed = True
            self._last = last
            self._cut_all()
            # With what comes before them, such as the opening of a session.
            lasting = [i for i, job in enumerate(self._waiting, 1) if job.lasting]
            self._waiting = deque([*self._waiting][: max(lasting, default=0)])
            self._wake.notify()
        if threading.current_thread() is not self.thread:
            self.thread.join(timeout)

    def _put(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        cut: threading.Event,
        lasting: bool,
    ) -> None:
        job = _Job(work=work, done=done, failed=failed, cut=cut, lasting=lasting)
        with self._wake:
            if not self._closed:
                self._waiting.append(job)
                self._wake.notify()

    def _cut_all(self) -> None:
        for job in self._waiting:
            job.cut.set()
        if self._running is not None:
            self._running.cut.set()

    def _run(self) -> None:
        if self._before is not None:
            self._before.join()
        while self._turn():
            pass
        try:
            self._last()
        except Exception:
            _log.exception("the worker could not clear up")

    def _turn(self) -> bool:
        with self._wake:
            self._running = None
            while not (self._waiting or self._nudged or self._closed):
                self._wake.wait()
            if self._closed and not self._waiting:
                return False
            job = self._waiting.popleft() if self._waiting else None
            self._running = job
        with old_objects_left_alone():
            if job is None:
                self._do_idle()
            else:
                self._do(job)
        return True

    def _do(self, job: _Job) -> None:
        try:
            answer = job.work()
        except Exception as error:
            if self._closed:
                _log.warning("what waited could not be done: %s", error)
            self._hand_over(job.failed, error)
        else:
            self._hand_over(job.done, answer)

    def _do_idle(self) -> None:
        self._nudged = False  # before it is looked for: a nudge meanwhile counts
        try:
            if self._idle():
                self.nudge()
        except Exception as error:
            self._hand_over(self._failed, error)

    def _hand_over(self, callback: Callable[[Any], None], value: Any) -> None:
        def call() -> None:
            if not self._closed:
                callback(value)

        self.post(call)
