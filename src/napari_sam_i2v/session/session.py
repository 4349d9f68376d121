"""A tracking session: prompts in, masks out, every step of it undoable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.session_folder import describe, save_session
from napari_sam_i2v.masklets import FrameResult, Masklets, ObjectMask
from napari_sam_i2v.prompt_rules import (
    check_alone,
    check_objects,
    check_range,
    check_together,
)
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import (
    DIRECTIONS,
    Action,
    AddPrompts,
    Approve,
    Change,
    Clear,
    Direction,
    Propagate,
    Redo,
    Remove,
    Unapprove,
    Undo,
    touched,
)
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.session.engine_memory import EngineMemory, passes_of
from napari_sam_i2v.session.predictor import Predictor
from napari_sam_i2v.session.propagator import Propagator
from napari_sam_i2v.session.schedule import count
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.session.snapshots import SnapshotClock
from napari_sam_i2v.session.store import MaskStore, as_stored
from napari_sam_i2v.session.visible import VisibleMasks
from napari_sam_i2v.video import VideoSource

__all__ = ["Predictor", "Recorder", "TrackingSession"]

Recorder = Callable[[Sequence[Action]], None]


class TrackingSession:
    """Objects of one movie, followed with one engine.

    The ordered log of actions is the document; masks are stored as they are made, under
    the action that made them.

    Parameters
    ----------
    video
        The movie.
    predictor
        The engine, fresh.
    store
        Where masks go; by default a temporary file. One that has masks needs the log
        that goes with it.
    log
        Actions of a session that is opened again.
    recorder
        Called with the log after every action, to write it down.
    settings
        What the engine was built with, to be saved with the session.
    """

    def __init__(
        self,
        video: VideoSource,
        predictor: Predictor,
        *,
        store: MaskStore | None = None,
        log: Sequence[Action] = (),
        recorder: Recorder | None = None,
        settings: TrackSettings | None = None,
    ) -> None:
        self.shape = video.shape
        self._video = video
        self.store = MaskStore.temporary() if store is None else store
        self._document = Document(log)
        self._visible = VisibleMasks(self.store, self._document)
        self._memory = EngineMemory(predictor, self._document, self._visible)
        clock = SnapshotClock() if self.store.lasting else None
        self._propagator = Propagator(
            self._document, self._memory, self.store, self._visible, clock
        )
        self._predictor = predictor
        self._settings = TrackSettings() if settings is None else settings
        self._recorder = recorder
        self.store.cut(self._document.next_version)
        if log:
            self._propagator.reopen()

    @property
    def log(self) -> Sequence[Action]:
        """Everything done, oldest first."""
        return self._document.log

    @property
    def object_ids(self) -> list[int]:
        """Ids of the objects, sorted."""
        return self._document.state.object_ids

    @property
    def masklets(self) -> Masklets:
        """The masks so far; they follow the session."""
        return self.masklets_in(0, self.shape[0])

    def masklets_in(self, start: int, stop: int) -> Masklets:
        """Return the masks of a range of frames; all others are empty."""
        return Masklets(
            self._visible,
            self.shape,
            range(start, stop),
            pixel_size=self._video.pixel_size,
            unit=self._video.unit,
        )

    def prompts(self) -> list[Prompt]:
        """List the prompts in force, by object and frame."""
        by_object = self._document.state.prompts
        return [
            prompt
            for object_id in sorted(by_object)
            for frame in sorted(by_object[object_id])
            for prompt in by_object[object_id][frame]
        ]

    def approved_frames(self, object_id: int) -> list[int]:
        """List the frames on which an object's mask is approved."""
        return sorted(self._document.state.approved.get(object_id, ()))

    def add(self, prompt: Prompt) -> ObjectMask:
        """Give one prompt; it joins those the object has on that frame.

        Parameters
        ----------
        prompt
            The prompt. It may be of an object not known before.

        Returns
        -------
        ObjectMask
            The object's mask on the frame, from all its prompts there.
        """
        return self.add_all([prompt])[0]

    def add_all(self, prompts: Iterable[Prompt]) -> list[ObjectMask]:
        """Give several prompts as one action.

        Parameters
        ----------
        prompts
            Prompts, of any objects and frames.

        Returns
        -------
        list of ObjectMask
            A mask for every object and frame prompted, by frame, then id.
        """
        action = AddPrompts(prompts=tuple(prompts))
        if not action.prompts:
            raise InputError(
                "there are no prompts; give at least one point, box or mask"
            )
        for prompt in action.prompts:
            check_alone(prompt, self.shape)
        together = self._document.state.joined(action.prompts)
        for joined in together.values():
            check_together(joined)
        check_objects([*self.prompts(), *action.prompts])
        self._propagator.stop()
        masks = []
        with self._memory.spoiling(object_id for _, object_id in together):
            for (frame, object_id), joined in together.items():
                answer = self._memory.segment(object_id, frame, joined)
                masks.append(as_stored(answer))
            self.store.write(self._document.next_version, masks)
        self._append(action)
        return masks

    def clear(self, frame: int, object_id: int) -> None:
        """Take back all prompts of an object on a frame, as if never given.

        The object goes with its last prompt.
        """
        self._check_known(object_id)
        if not self._document.state.prompts_at(object_id, frame):
            raise InputError(f"object {object_id} has no prompts on frame {frame}")
        self._change(Clear(frame=frame, object_id=object_id))

    def remove(self, object_id: int) -> None:
        """Remove an object and its masks."""
        self._check_known(object_id)
        self._change(Remove(object_id=object_id))

    def approve(self, object_id: int, frames: int | Iterable[int]) -> None:
        """Vouch for an object's masks: propagation keeps and follows them.

        Parameters
        ----------
        object_id
            Id of the object.
        frames
            Frames on which it has a mask.
        """
        chosen = self._frames(object_id, frames)
        for frame in chosen:
            if self._visible.version(object_id, frame) is None:
                raise InputError(
                    f"object {object_id} has no mask on frame {frame} to approve; "
                    "prompt or track it there first"
                )
        self._change(Approve(object_id=object_id, frames=chosen))

    def unapprove(self, object_id: int, frames: int | Iterable[int]) -> None:
        """Take an approval back."""
        chosen = self._frames(object_id, frames)
        approved = self._document.state.approved.get(object_id, set())
        for frame in chosen:
            if frame not in approved:
                raise InputError(f"object {object_id} is not approved on frame {frame}")
        self._change(Unapprove(object_id=object_id, frames=chosen))

    def undo(self) -> bool:
        """Undo the last action that is in force; false if there is none."""
        action = self._document.undoable()
        if action is not None:
            self._turn(Undo(), action)
        return action is not None

    def redo(self) -> bool:
        """Bring back the last action undone; false if there is none."""
        action = self._document.redoable()
        if action is not None:
            self._turn(Redo(), action)
        return action is not None

    def propagate(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        direction: Direction = "forward",
        objects: Iterable[int] | None = None,
    ) -> Iterator[FrameResult]:
        """Follow objects through the movie, frame by frame.

        Prompted and approved frames keep their masks; all others are tracked. Closing
        the generator cancels; what it yielded is kept.

        Parameters
        ----------
        start, stop
            Frames to visit, half-open; by default all.
        direction
            ``forward`` from each object's first prompted frame, ``backward`` from its
            last, or ``both``: backward from the first, then forward from it.
        objects
            Ids of the objects to follow; by default all.

        Yields
        ------
        FrameResult
            Masks of every object this propagation has visited on the frame.
        """
        return self._start(self._propagation(start, stop, direction, objects))

    def resume(self) -> Iterator[FrameResult]:
        """Continue the last propagation where it was cut off.

        The masks are the same as if it had not been. Yields nothing where there is
        nothing left to do.
        """
        return self._propagator.resume(self._record)

    def count_visits(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        direction: Direction = "forward",
        objects: Iterable[int] | None = None,
    ) -> int:
        """Count the frames that `propagate` would yield."""
        action = self._propagation(start, stop, direction, objects)
        return count(passes_of(action, self._document.state))

    def visits_left(self) -> int:
        """Count the frames that `resume` would yield."""
        return self._propagator.visits_left()

    def save(self, folder: str | Path) -> None:
        """Write the session into a folder, from which `load_session` opens it.

        Parameters
        ----------
        folder
            Made where it does not exist; an earlier state of this session that it
            holds is replaced.
        """
        record = describe(self._video, self._predictor, self._settings)
        last = self.log[-1] if self.log else None
        steps = last.steps if isinstance(last, Propagate) else 0
        version = self._document.next_version - 1
        self.store.write(version, [], snapshot=self._memory.snapshot(version, steps))
        save_session(Path(folder), record, self.log, self.store)

    def close(self) -> None:
        """Let go of the store; a temporary one is deleted."""
        self._propagator.stop()
        self.store.close()

    def _change(self, action: Change) -> None:
        """Do an action that makes no masks."""
        self._append(action)
        self._refresh(action)

    def _turn(self, turn: Undo | Redo, action: Change) -> None:
        """Undo or redo an action."""
        self._append(turn)
        match action:
            case Propagate():
                self._memory.lose_tracks(action.objects)
            case _:
                self._refresh(action)

    def _refresh(self, action: Change) -> None:
        for object_id, frames in touched(action).items():
            with self._memory.spoiling([object_id]):
                for frame in frames:
                    self._memory.refresh(object_id, frame)
        if isinstance(action, Remove):
            if action.object_id in self.object_ids:
                self._memory.lose([action.object_id])
            else:
                self._memory.forget(action.object_id)

    def _start(self, action: Propagate) -> Iterator[FrameResult]:
        version = self._append(action)
        yield from self._propagator.run(version, 0, self._record)

    def _propagation(
        self,
        start: int,
        stop: int | None,
        direction: Direction,
        objects: Iterable[int] | None,
    ) -> Propagate:
        chosen = self.object_ids if objects is None else sorted(set(objects))
        for object_id in chosen:
            self._check_known(object_id)
        if direction not in DIRECTIONS:
            raise InputError(
                f"direction {direction!r} is none of {', '.join(DIRECTIONS)}"
            )
        return Propagate(
            start=start,
            stop=check_range(start, stop, self.shape[0]),
            direction=direction,
            objects=tuple(chosen),
        )

    def _append(self, action: Action) -> int:
        self._propagator.stop()
        version = self._document.append(action)
        self._record()
        return version

    def _record(self) -> None:
        if self._recorder is not None:
            self._recorder(self.log)

    def _check_known(self, object_id: int) -> None:
        if object_id not in self.object_ids:
            known = ", ".join(map(str, self.object_ids[:10])) or "none"
            raise InputError(f"there is no object {object_id}; objects: {known}")

    def _frames(self, object_id: int, frames: int | Iterable[int]) -> tuple[int, ...]:
        self._check_known(object_id)
        chosen = [frames] if isinstance(frames, int) else sorted(set(frames))
        if not chosen:
            raise InputError(f"no frames of object {object_id} are given")
        return tuple(chosen)
