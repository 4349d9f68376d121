"""One worker: in order, one at a time, what is cancelled ends, what fails is told."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator

import pytest

from annotator.bench import Pump
from napari_sam_i2v.annotator.jobs import Jobs


class Worker:
    def __init__(self, **options) -> None:
        self.pump = Pump()
        self.failures: list[Exception] = []
        self.jobs = Jobs(self.pump, self.failures.append, **options)
        self.seen: list[object] = []

    def settle(self) -> None:
        self.jobs.submit(lambda: "end", self.seen.append)
        self.pump.until(lambda: "end" in self.seen)
        self.seen.remove("end")


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.jobs.close()
    assert not made.jobs.thread.is_alive()


def test_answers_come_in_the_order_of_the_questions(worker: Worker) -> None:
    here = threading.get_ident()
    places: set[int] = set()
    for number in range(200):
        worker.jobs.submit(lambda n=number: n, worker.seen.append)
    worker.jobs.submit(threading.get_ident, places.add)
    worker.settle()
    assert worker.seen == list(range(200))
    assert here not in places


def test_jobs_never_overlap(worker: Worker) -> None:
    inside, most = [0], [0]

    def work() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.001)
        inside[0] -= 1

    for _ in range(20):
        worker.jobs.submit(work)
    worker.settle()
    assert most == [1]


def test_a_generator_is_handed_over_item_by_item(worker: Worker) -> None:
    ends: list[bool] = []
    worker.jobs.run(lambda: iter(range(5)), worker.seen.append, ends.append)
    worker.settle()
    assert (worker.seen, ends) == (list(range(5)), [False])


def test_cancelling_keeps_what_was_yielded_and_closes(worker: Worker) -> None:
    closed = threading.Event()
    ends: list[bool] = []

    def forever() -> Iterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
                time.sleep(0.002)
        finally:
            closed.set()

    worker.jobs.run(forever, worker.seen.append, ends.append)
    worker.pump.until(lambda: len(worker.seen) > 3)
    worker.jobs.cancel()
    worker.settle()
    assert ends == [True] and closed.is_set()
    assert worker.seen == list(range(len(worker.seen)))


def test_cancelling_concerns_only_what_was_asked_before(worker: Worker) -> None:
    ends: list[bool] = []
    worker.jobs.cancel()
    worker.jobs.run(lambda: iter(range(3)), worker.seen.append, ends.append)
    worker.settle()
    assert (worker.seen, ends) == ([0, 1, 2], [False])


def test_a_run_that_waits_can_be_cancelled(worker: Worker) -> None:
    go = threading.Event()
    ends: list[bool] = []
    worker.jobs.submit(lambda: go.wait(5), lambda _: None)
    worker.jobs.run(lambda: iter(range(1000)), worker.seen.append, ends.append)
    worker.jobs.submit(lambda: "prompt", worker.seen.append)
    worker.jobs.cancel()
    go.set()
    worker.settle()
    assert ends == [True]
    assert worker.seen[-1] == "prompt" and len(worker.seen) <= 2


def test_failures_are_told_once_and_the_worker_goes_on(worker: Worker) -> None:
    own: list[Exception] = []

    def broken() -> Iterator[int]:
        yield 1
        raise RuntimeError("in the middle")

    ends: list[bool] = []
    worker.jobs.submit(lambda: 1 / 0)
    worker.jobs.submit(lambda: 1 / 0, failed=own.append)
    worker.jobs.run(broken, worker.seen.append, ends.append)
    worker.settle()
    assert [type(error) for error in own] == [ZeroDivisionError]
    assert [type(error) for error in worker.failures] == [
        ZeroDivisionError,
        RuntimeError,
    ]
    assert (worker.seen, ends) == ([1], [True])


def test_idle_work_gives_way() -> None:
    left = [1000]

    def idle() -> bool:
        left[0] -= 1
        time.sleep(0.001)
        return left[0] > 0

    worker = Worker(idle=idle)
    worker.jobs.nudge()
    while left[0] > 990:
        time.sleep(0.001)
    assert not worker.jobs.busy
    worker.settle()
    assert left[0] > 0
    before = left[0]
    time.sleep(0.05)
    assert left[0] < before, "it goes on when the job is done"
    worker.jobs.close()


def test_failing_idle_work_is_told_once() -> None:
    worker = Worker(idle=lambda: bool(1 / 0))
    worker.jobs.nudge()
    worker.pump.until(lambda: worker.failures)
    worker.settle()
    assert len(worker.failures) == 1
    worker.jobs.close()


def test_closing_stops_what_runs_and_drops_what_waits() -> None:
    worker = Worker()
    ends: list[object] = []

    def forever() -> Iterator[int]:
        while True:
            yield 1
            time.sleep(0.002)

    worker.jobs.run(forever, worker.seen.append, ends.append)
    worker.jobs.submit(lambda: ends.append("late"))
    worker.pump.until(lambda: worker.seen)
    worker.jobs.close()
    assert not worker.jobs.thread.is_alive()
    told = len(worker.seen)
    time.sleep(0.02)
    worker.pump.empty()
    assert (len(worker.seen), ends) == (told, []), "nothing is told after the close"
    worker.jobs.close()


def test_closing_from_a_job_does_not_wait_for_itself() -> None:
    worker = Worker()
    worker.jobs.submit(worker.jobs.close)
    worker.jobs.thread.join(5)
    assert not worker.jobs.thread.is_alive()


def test_the_last_thing_is_done_after_the_step_that_runs() -> None:
    worker = Worker()
    order: list[str] = []
    go, begun = threading.Event(), threading.Event()

    def step() -> None:
        begun.set()
        go.wait(5)
        order.append("step")

    worker.jobs.submit(step)
    begun.wait(5)
    worker.jobs.close(timeout=0.01, last=lambda: order.append("last"))
    assert order == []
    go.set()
    worker.jobs.thread.join(5)
    assert order == ["step", "last"]


def test_the_collector_does_not_go_through_old_objects_while_a_job_runs(
    worker: Worker,
) -> None:
    old = [[] for _ in range(1000)]

    def fails() -> None:
        raise ValueError(gc.get_freeze_count())

    worker.jobs.submit(gc.get_freeze_count, worker.seen.append)
    worker.jobs.submit(fails)
    worker.settle()
    assert worker.seen[0] > len(old)
    assert worker.failures[0].args[0] > len(old)
    worker.pump.until(lambda: gc.get_freeze_count() == 0)


def test_garbage_made_by_a_job_is_collected_while_it_runs(worker: Worker) -> None:
    class Node:
        pass

    def work() -> bool:
        node = Node()
        node.itself = node
        gone = weakref.ref(node)
        del node
        gc.collect()
        return gone() is None

    worker.jobs.submit(work, worker.seen.append)
    worker.settle()
    assert worker.seen == [True]
