"""A tracking session: prompts in, masks out, every step of it undoable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.masklets import FrameResult, ObjectMask
from napari_sam_i2v.prompt_rules import check_range, normal, shows
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session import checks, revisions
from napari_sam_i2v.session.actions import (
    Action,
    AddPrompts,
    Approve,
    Change,
    Clear,
    Direction,
    Propagate,
    Redo,
    Remove,
    Restyle,
    Revise,
    Style,
    Unapprove,
    Undo,
)
from napari_sam_i2v.session.contents import Recorder
from napari_sam_i2v.session.engine_memory import EngineMemory
from napari_sam_i2v.session.kept import KeptSession
from napari_sam_i2v.session.predictor import Predictor
from napari_sam_i2v.session.propagator import Propagator
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.session.snapshots import SnapshotClock
from napari_sam_i2v.session.store import MaskStore, as_stored
from napari_sam_i2v.video import VideoSource

__all__ = ["Predictor", "Recorder", "TrackingSession"]


class TrackingSession(KeptSession):
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
        super().__init__(
            video,
            MaskStore.temporary() if store is None else store,
            log,
            recorder,
            TrackSettings() if settings is None else settings,
        )
        self._predictor = predictor
        self._memory = EngineMemory(
            predictor, self._document, self._visible, video.n_frames
        )
        self._propagator = Propagator(
            self._document, self._memory, self.store, self._visible, SnapshotClock()
        )
        self.store.cut(self._document.next_version)
        if log:
            self._propagator.reopen()

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
        return self._prompt(AddPrompts(prompts=tuple(map(normal, prompts))))

    def replace(self, prompts: Iterable[Prompt]) -> list[ObjectMask]:
        """Give prompts in place of all that their objects have on their frames.

        Parameters
        ----------
        prompts
            Prompts, of any objects and frames; one action.

        Returns
        -------
        list of ObjectMask
            A mask for every object and frame prompted, by frame, then id.
        """
        plain = tuple(map(normal, prompts))
        return self._prompt(AddPrompts(prompts=plain, replace=True))

    def clear(self, frame: int, object_id: int) -> None:
        """Take back all prompts of an object on a frame, as if never given.

        The object goes with its last prompt.
        """
        self.clear_all([(frame, object_id)])

    def clear_all(self, places: Iterable[tuple[int, int]]) -> None:
        """Take back all prompts on some (frame, object id), as one action."""
        self._do(Clear(places=checks.check_places(self._document.state, places)))

    def remove(self, object_id: int) -> None:
        """Remove an object and its masks."""
        self.remove_all([object_id])

    def remove_all(self, object_ids: Iterable[int]) -> None:
        """Remove several objects and their masks, as one action."""
        chosen = tuple(sorted(set(object_ids)))
        if not chosen:
            raise InputError("no objects to remove are named")
        for object_id in chosen:
            checks.check_known(self._document.state, object_id)
        self._do(Remove(object_ids=chosen))

    def merge(self, object_id: int, *others: int) -> None:
        """Let an object have the masks and prompts of others, which are then no more.

        Where several have a mask it gets their union, as a mask prompt where any was
        prompted. Name and colour are the first's; it is not hidden then.
        """
        state, every = self._document.state, (object_id, *others)
        for each in every:
            checks.check_known(state, each)
        if len(set(every)) < max(2, len(every)):
            raise InputError(f"object {object_id} is to be merged with other objects")
        self.revise(revisions.merged(self._visible, state, every))

    def split(self, object_id: int, frame: int, new_id: int) -> None:
        """Let what an object has from a frame on be a new object's.

        Parameters
        ----------
        object_id
            It keeps what is before the frame, which must not be nothing.
        frame
            First frame of the new object.
        new_id
            An id not in use.
        """
        state = self._document.state
        checks.check_known(state, object_id)
        checks.check_new(state, new_id)
        self.revise(revisions.split(self._visible, state, object_id, frame, new_id))

    def end(self, object_id: int, frame: int) -> None:
        """Drop all that an object has from a frame on: it is gone from there.

        It is not tracked there either, until it is prompted there. An object that has
        nothing before is removed.
        """
        state = self._document.state
        checks.check_known(state, object_id)
        check_range(frame, None, self.shape[0])
        action = revisions.ended(self._visible, state, object_id, frame)
        if isinstance(action, Remove):
            self._do(action)
        else:
            self.revise(action)

    def revise(self, action: Revise) -> None:
        """Do what `merge`, `split` and `end` come to."""
        checks.check_revision(self._document.state, action, self.shape)
        self._do(action, revisions.moved_masks(self._visible, action))

    def style(
        self,
        object_ids: int | Iterable[int],
        *,
        name: str | None = None,
        colour: str | None = None,
        hidden: bool | None = None,
    ) -> None:
        """Give objects a name or a colour, or hide them, as one action.

        Parameters
        ----------
        object_ids
            Id of the object, or of several.
        name
            Its name; empty for none. ``None`` leaves it as it is.
        colour
            As ``#rrggbb``; empty for none. ``None`` leaves it as it is.
        hidden
            Whether viewers do not draw it; files that are exported have it all the
            same. ``None`` leaves it as it is.
        """
        ids = checks.several(object_ids)
        known, styles = self._document.state.styles, {}
        for object_id in ids:
            before = known.get(object_id, Style())
            styles[object_id] = Style(
                name=before.name if name is None else name,
                colour=before.colour if colour is None else colour,
                hidden=before.hidden if hidden is None else hidden,
            )
        self.restyle(styles)

    def restyle(self, styles: Mapping[int, Style]) -> None:
        """Give objects, by id, other looks, as one action."""
        state, changed = self._document.state, []
        for object_id, wanted in styles.items():
            checks.check_known(state, object_id)
            style = checks.check_style(wanted)
            if style != state.styles.get(object_id, Style()):
                changed.append((object_id, style))
        if changed:
            self._do(Restyle(styles=tuple(changed)))

    def approve(self, object_id: int, frames: int | Iterable[int]) -> None:
        """Vouch for an object's masks: propagation keeps and follows them.

        Parameters
        ----------
        object_id
            Id of the object.
        frames
            Frames on which it has a mask.
        """
        self.approve_all(checks.places_of(object_id, frames))

    def approve_all(self, places: Iterable[tuple[int, int]]) -> None:
        """Vouch for masks on some (frame, object id), as one action."""
        state = self._document.state
        self._do(Approve(places=checks.check_masks(state, self._visible, places)))

    def unapprove(self, object_id: int, frames: int | Iterable[int]) -> None:
        """Take an approval back."""
        self.unapprove_all(checks.places_of(object_id, frames))

    def unapprove_all(self, places: Iterable[tuple[int, int]]) -> None:
        """Take approvals on some (frame, object id) back, as one action."""
        chosen = checks.check_approved(self._document.state, places)
        self._do(Unapprove(places=chosen))

    def undo(self) -> Change | None:
        """Undo the last action that is in force; returns it, if there is one."""
        return self._turn(Undo(), self._document.undoable())

    def redo(self) -> Change | None:
        """Bring back the last action undone; returns it, if there is one."""
        return self._turn(Redo(), self._document.redoable())

    def on_replay(self, tell: Callable[[int], None]) -> None:
        """Tell of frames that are followed once more, before those that are asked for.

        What undo, reopening or a failure has spoilt of the engine's memory is made
        good when it is needed, which may take as long as it took at first.

        Parameters
        ----------
        tell
            Called with the frame.
        """
        self._memory.replaying = tell

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
        state, n_frames = self._document.state, self.shape[0]
        return self._start(
            checks.propagation(state, (start, stop), direction, objects, n_frames)
        )

    def begin(self, action: Propagate) -> None:
        """Put a propagation in the log of which no frame is visited yet."""
        self._do(action)

    def resume(self) -> Iterator[FrameResult]:
        """Continue the last propagation where it was cut off.

        The masks are the same as if it had not been. Yields nothing where there is
        nothing left to do.
        """
        return self._propagator.resume(self._record)

    def visits_left(self) -> int:
        """Count the frames that `resume` would yield."""
        return self._propagator.visits_left()

    def _prompt(self, action: AddPrompts) -> list[ObjectMask]:
        together = checks.check_prompts(self._document.state, action, self.shape)
        self._propagator.stop()
        masks = []
        with self._memory.spoiling(object_id for _, object_id in together):
            # Where it is comes first: what it is not is said of what memory finds.
            for (frame, object_id), joined in sorted(
                together.items(), key=lambda place: not shows(place[1])
            ):
                masks.append(as_stored(self._memory.segment(object_id, frame, joined)))
            masks.sort(key=lambda mask: (mask.frame, mask.object_id))
            self._do(action, masks)
        return masks

    def _do(self, action: Change, masks: Sequence[ObjectMask] = ()) -> None:
        """Put an action in the log, and the masks it makes into the store before."""
        self._propagator.stop()
        if masks:
            with self._explained():
                self.store.write(self._document.next_version, masks)
        self._document.append(action)
        if isinstance(action, Propagate):
            self._propagator.reached = 0
        # Whatever becomes of the engine or the disk, the others must know of it.
        try:
            self._memory.take_note(action)
        finally:
            self._record()

    def _turn(self, turn: Undo | Redo, action: Change | None) -> Change | None:
        if action is None:
            return None
        self._propagator.stop()
        self._document.append(turn)
        try:
            self._memory.take_note(action, turned=True)
        finally:
            self._record()
        return action

    def _start(self, action: Propagate) -> Iterator[FrameResult]:
        for object_id in action.objects:
            checks.check_known(self._document.state, object_id)
        self.begin(action)
        begun = self._document.next_version - 1
        with self._explained():
            yield from self._propagator.run(begun, 0, self._record)
