"""Running a propagation: visit by visit, each written before the next begins."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice

from napari_sam_i2v.masklets import FrameResult, ObjectMask
from napari_sam_i2v.session.actions import Propagate
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.session.engine_memory import EngineMemory, passes_of
from napari_sam_i2v.session.predictor import Interrupted
from napari_sam_i2v.session.schedule import Visit, count, visits
from napari_sam_i2v.session.snapshots import SnapshotClock
from napari_sam_i2v.session.store import MaskStore, Snapshot, as_stored
from napari_sam_i2v.session.visible import VisibleMasks

_log = logging.getLogger(__name__)

LARGEST_SNAPSHOT = 900_000_000
"""Bytes; SQLite holds no more in one place."""


class Propagator:
    """Does the visits of propagations that the document holds.

    Parameters
    ----------
    document
        The log, which learns how far a propagation came.
    memory
        The engine.
    store
        Where masks go.
    visible
        The masks that count.
    clock
        Says when the engine's state is to be stored too, where the store is to last.

    Attributes
    ----------
    reached
        Visits of the last propagation that the engine has in its memory.
    """

    def __init__(
        self,
        document: Document,
        memory: EngineMemory,
        store: MaskStore,
        visible: VisibleMasks,
        clock: SnapshotClock,
    ) -> None:
        self._document = document
        self._memory = memory
        self._store = store
        self._visible = visible
        self._clock: SnapshotClock | None = clock
        self._running: object = None
        self.reached = 0

    def reopen(self) -> None:
        """Take over what the store knows and the log of a stored session does not."""
        log = self._document.log
        for version, action in enumerate(log):
            if isinstance(action, Propagate):
                self._document.set_steps(version, self._store.steps(version))
        snapshot = self.resume_point()
        if snapshot is None:
            self._memory.lose(self._document.state.object_ids)
            return
        try:
            self._memory.restore(snapshot)
        except Exception:
            # The engine's memory is a cache: one of another version is of no use.
            _log.warning("what the engine remembered cannot be read; it is made anew")
            self._store.drop_snapshot()
            self._memory.lose(self._document.state.object_ids)
            return
        self.reached = snapshot.steps
        last = self._document.log[-1]
        if isinstance(last, Propagate) and snapshot.steps < last.steps:
            self._memory.lose_tracks(last.objects)

    def stop(self) -> None:
        """End the propagation that is running: it yields nothing more."""
        self._running = None

    def visits_left(self) -> int:
        """Count the visits that `resume` would do."""
        log = self._document.log
        last = log[-1] if log else None
        if not isinstance(last, Propagate):
            return 0
        total = count(passes_of(last, self._document.state))
        if last.steps >= total:
            return 0
        snapshot = self.resume_point()
        return total - (snapshot.steps if snapshot else 0)

    def resume_point(self) -> Snapshot | None:
        """Return the engine's state, stored since the last action."""
        snapshot = self._store.snapshot()
        if snapshot is None or snapshot.version != self._document.next_version - 1:
            return None
        return snapshot

    def resume(self, at_end: Callable[[], None]) -> Iterator[FrameResult]:
        """Do the visits left of the last action, a propagation that was cut off."""
        if not self.visits_left():
            return
        snapshot = self.resume_point()
        if snapshot is not None:
            self._memory.restore(snapshot)
        steps = snapshot.steps if snapshot else 0
        yield from self.run(self._document.next_version - 1, steps, at_end)

    def run(
        self, version: int, first: int, at_end: Callable[[], None]
    ) -> Iterator[FrameResult]:
        """Do the visits of a propagation, the last action of the document.

        Parameters
        ----------
        version
            Its place in the log.
        first
            Visits to skip, because the engine is in the state after them.
        at_end
            Called when it ends, is cancelled or fails, unless it was stopped.
        """
        action = self._document.log[version]
        assert isinstance(action, Propagate)
        token = self._running = object()
        passes = passes_of(action, self._document.state)
        self.reached = first
        try:
            if first == 0:
                with self._memory.spoiling(action.objects):
                    self._memory.prepare(passes, version=version)
            todo = islice(visits(passes), first, None)
            for steps, visit in enumerate(todo, first + 1):
                result = self._visit(version, visit, steps)
                self.reached = steps
                yield result
                if self._running is not token:
                    return
        except Interrupted:
            return
        finally:
            if self._running is token:
                self._running = None
                at_end()

    def _visit(self, version: int, visit: Visit, steps: int) -> FrameResult:
        frame, state = visit.frame, self._document.state
        visited = visit.run.visited(frame)
        due = [i for i in visited if not state.is_conditioning(i, frame)]
        with self._memory.spoiling(visit.run.origins, harmless=Interrupted):
            answers = self._memory.track(frame, due, reverse=visit.run.reverse)
            masks = {i: as_stored(answers[i]) for i in due}
            self._write(version, list(masks.values()), steps)
        for object_id in {*visited, *visit.run.visited_before(frame)} - masks.keys():
            kept = self._visible.mask(object_id, frame)
            if kept is not None:
                masks[object_id] = kept
        return FrameResult(frame=frame, masks={i: masks[i] for i in sorted(masks)})

    def snapshot(self, version: int, steps: int) -> Snapshot | None:
        """Take the engine's state, unless it is too large to be stored."""
        snapshot = self._memory.snapshot(version, steps)
        if len(snapshot.engine) <= LARGEST_SNAPSHOT:
            return snapshot
        self._clock = None
        _log.warning(
            "the engine's memory is too large to be stored: after an interruption "
            "--resume would track from the start again"
        )
        return None

    def _write(self, version: int, masks: list[ObjectMask], steps: int) -> None:
        action = self._document.log[version]
        assert isinstance(action, Propagate)
        # A propagation that is resumed does some visits a second time.
        reached = max(steps, action.steps)
        clock = self._clock if self._store.lasting else None
        if clock is None or not clock.is_due():
            self._store.write(version, masks, steps=reached)
        else:
            started = clock.start()
            snapshot = self.snapshot(version, steps)
            self._store.write(version, masks, steps=reached, snapshot=snapshot)
            clock.finish(started)
        self._document.set_steps(version, reached)
