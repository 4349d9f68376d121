"""Keeping what an engine remembers in step with the document.

The engine's memory is a cache. Where undoing, loading or a failure has spoilt it for
an object, it is noted here and made good when it is next needed: from the object's
conditioning frames alone where a propagation begins at the first of them, else by
following the object again through the propagations in force; with those that were
followed with it, where objects contend for pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.prompt_rules import shows
from napari_sam_i2v.prompts import PointPrompt, Prompt
from napari_sam_i2v.session.actions import (
    AddPrompts,
    Approve,
    Change,
    Clear,
    Propagate,
    Remove,
    Restyle,
    Revise,
    Unapprove,
    touched,
)
from napari_sam_i2v.session.document import Document, State
from napari_sam_i2v.session.predictor import Predictor
from napari_sam_i2v.session.revisions import as_prompt
from napari_sam_i2v.session.schedule import Pass, plan, visits
from napari_sam_i2v.session.store import Snapshot
from napari_sam_i2v.session.visible import VisibleMasks
from napari_sam_i2v.views import extent_of_mask


class EngineMemory:
    """An engine, and what is amiss with its memory.

    Parameters
    ----------
    predictor
        The engine.
    document
        What its memory should be like.
    visible
        The masks that approved frames hold.
    n_frames
        Frames of the movie.

    Attributes
    ----------
    replaying
        Called with every frame that is followed once more.
    """

    def __init__(
        self,
        predictor: Predictor,
        document: Document,
        visible: VisibleMasks,
        n_frames: int,
    ) -> None:
        self._predictor = predictor
        self._document = document
        self._visible = visible
        self._n_frames = n_frames
        self._without_conditioning: set[int] = set()
        self._without_tracks: set[int] = set()
        self.replaying: Callable[[int], None] = lambda frame: None

    def segment(
        self, object_id: int, frame: int, prompts: Sequence[Prompt]
    ) -> ObjectMask:
        """Answer prompts on a frame, all that the object has there."""
        if object_id in self._without_conditioning:
            self._condition_again(object_id, but=frame)
        tracked = self._forgotten(object_id, frame, prompts, self._document.state)
        if tracked is not None and _near(tracked, prompts):
            prompts = (as_prompt(tracked), *prompts)
        return self._predictor.segment(frame, object_id, prompts)

    def track(
        self, frame: int, object_ids: Sequence[int], *, reverse: bool
    ) -> dict[int, ObjectMask]:
        """Find objects on a frame from memory."""
        if not object_ids:
            return {}
        return self._predictor.track(frame, object_ids, reverse=reverse)

    def take_note(self, action: Change, *, turned: bool = False) -> None:
        """Follow an action that the document has.

        Parameters
        ----------
        action
            The action. Of prompts, the engine has been told by `segment`.
        turned
            Whether it was undone or done again.
        """
        match action:
            case AddPrompts() | Approve() | Unapprove() | Clear():
                if turned and isinstance(action, Clear):
                    # The object may have gone with its last prompt.
                    self._lose_or_forget(touched(action))
                elif turned or not isinstance(action, AddPrompts):
                    self._refresh_all(touched(action))
            case Propagate():
                if turned:
                    self.lose_tracks(action.objects)
            case Remove():
                self._lose_or_forget(action.object_ids)
            case Revise():
                whole = {i for i in touched(action) if turned or not _cut(action, i)}
                self._lose_or_forget(whole)
                for object_id in touched(action).keys() - whole:
                    self._cut_short(object_id, _cut(action, object_id))
                    self._refresh_all({object_id: touched(action)[object_id]})
            case Restyle():
                pass

    def _refresh_all(self, frames_of: Mapping[int, Iterable[int]]) -> None:
        for object_id, frames in frames_of.items():
            with self.spoiling([object_id]):
                for frame in frames:
                    self._refresh(object_id, frame)

    def _refresh(self, object_id: int, frame: int) -> None:
        state = self._document.state
        if object_id not in state.prompts:
            self._forget(object_id)
        elif object_id in self._without_conditioning:
            return
        elif state.is_conditioning(object_id, frame):
            self._condition(object_id, frame, state)
        else:
            self._predictor.forget(object_id, frame)
            # Conditioning took the place of what tracking had left there.
            if self._visible.version(object_id, frame) is not None:
                self._without_tracks.add(object_id)

    def _lose_or_forget(self, object_ids: Iterable[int]) -> None:
        for object_id in object_ids:
            if object_id in self._document.state.prompts:
                self.lose([object_id])
            else:
                self._forget(object_id)

    def _forget(self, object_id: int) -> None:
        self._predictor.forget(object_id)
        self._without_conditioning.discard(object_id)
        self._without_tracks.discard(object_id)

    def _cut_short(self, object_id: int, first: int) -> None:
        for frame in range(first, self._n_frames):
            self._predictor.forget(object_id, frame)

    def lose(self, object_ids: Iterable[int]) -> None:
        """Take note that the memory of objects is not to be trusted."""
        lost = set(object_ids)
        self._without_conditioning |= lost
        self._without_tracks |= lost

    @contextmanager
    def spoiling(
        self,
        object_ids: Iterable[int],
        harmless: type[Exception] | tuple[()] = (),
    ) -> Iterator[None]:
        """Distrust the memory of objects if what is done to it is cut off.

        An exception that is harmless there passes, and the memory stays trusted.
        """
        try:
            yield
        except harmless:
            raise
        except BaseException:
            self.lose(object_ids)
            raise

    def lose_tracks(self, object_ids: Iterable[int]) -> None:
        """Take note that what tracking left behind is not what the document says."""
        self._without_tracks.update(object_ids)

    def prepare(self, passes: Sequence[Pass], *, version: int) -> None:
        """Make good what a propagation is about to need.

        Parameters
        ----------
        passes
            What it will do.
        version
            Its place in the log; actions before it count.
        """
        wanted = {object_id for run in passes for object_id in run.origins}
        history = {object_id for run in passes for object_id in run.needing_history()}
        lost = wanted & (self._without_conditioning | self._without_tracks)
        for run in passes[:1]:
            history |= {i for i in lost if self._tracked_behind(i, run)}
        for object_id in sorted(lost - history):
            self._condition_again(object_id)
            self._without_tracks.discard(object_id)
        if lost & history:
            self._follow_again(self._followed_with(lost & history, version), version)

    def _tracked_behind(self, object_id: int, run: Pass) -> bool:
        """Whether earlier tracks lie behind where an object joins a pass."""
        origin, state = run.origins[object_id], self._document.state
        return any(
            (t > origin if run.reverse else t < origin)
            and not state.is_conditioning(object_id, t)
            for t in self._visible.places(object_id).frames.tolist()
        )

    def snapshot(self, version: int, steps: int) -> Snapshot:
        """Take a snapshot of the engine, and note what is amiss with it."""
        return Snapshot(
            version=version,
            steps=steps,
            engine=self._predictor.snapshot(),
            without_conditioning=tuple(sorted(self._without_conditioning)),
            without_tracks=tuple(sorted(self._without_tracks)),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Return to the state of a snapshot."""
        self._predictor.restore(snapshot.engine)
        self._without_conditioning = set(snapshot.without_conditioning)
        self._without_tracks = set(snapshot.without_tracks)

    def _condition(self, object_id: int, frame: int, state: State) -> None:
        prompts = state.prompts_at(object_id, frame)
        if not prompts or self._forgotten(object_id, frame, prompts, state):
            mask = self._visible.mask(object_id, frame, state)
            assert mask is not None, "only frames with a mask can be approved"
            prompts = (as_prompt(mask),)
        self._predictor.segment(frame, object_id, prompts)

    def _forgotten(
        self, object_id: int, frame: int, prompts: Sequence[Prompt], state: State
    ) -> ObjectMask | None:
        """Give the tracked mask that points correct, if the engine has it no more."""
        has_tracked = getattr(self._predictor, "has_tracked", None)
        corrections = all(isinstance(prompt, PointPrompt) for prompt in prompts)
        if not corrections or has_tracked is None or has_tracked(frame, object_id):
            return None
        versions = self._visible.versions(object_id, frame, state)
        tracked = [version for version in versions if not state.is_answer(version)]
        if not tracked:
            return None
        mask = self._visible.read(object_id, frame, max(tracked))
        return mask if mask.logits.size else None

    def _condition_again(self, object_id: int, *, but: int | None = None) -> None:
        state = self._document.state
        self._predictor.forget(object_id)
        for frame in _shown_first(state, object_id):
            if frame != but:
                self._condition(object_id, frame, state)
        self._without_conditioning.discard(object_id)

    def _followed_with(self, object_ids: Collection[int], version: int) -> set[int]:
        """Add the objects without which others would not be followed as they were."""
        wanted = set(object_ids)
        if not getattr(self._predictor, "contends", False):
            return wanted
        groups = [
            set(action.objects)
            for then, action in self._document.in_force()
            if then < version and isinstance(action, Propagate)
        ]
        while more := [group for group in groups if group & wanted and group - wanted]:
            wanted = wanted.union(*more)
        return wanted

    def _follow_again(self, object_ids: Collection[int], version: int) -> None:
        for object_id in object_ids:
            self._predictor.forget(object_id)
        past = State()
        for then, action in self._document.in_force():
            if then >= version:
                break
            past.apply(then, action)
            match action:
                case Propagate():
                    self._propagate_again(action, object_ids, past)
                case Remove():
                    for object_id in set(object_ids).intersection(action.object_ids):
                        self._predictor.forget(object_id)
                case Revise():
                    self._revise_again(action, object_ids, past)
                case Restyle():
                    pass
                case AddPrompts() | Clear() | Approve() | Unapprove():
                    for object_id, frames in touched(action).items():
                        if object_id in object_ids:
                            self._condition_past(object_id, frames, past)
        self._without_conditioning.difference_update(object_ids)
        self._without_tracks.difference_update(object_ids)

    def _condition_past(
        self, object_id: int, frames: Iterable[int], past: State
    ) -> None:
        for frame in frames:
            if past.is_conditioning(object_id, frame):
                self._condition(object_id, frame, past)
            else:
                self._predictor.forget(object_id, frame)

    def _propagate_again(
        self, action: Propagate, object_ids: Collection[int], past: State
    ) -> None:
        for visit in islice(visits(passes_of(action, past)), action.steps):
            due = [i for i in visit.run.visited(visit.frame) if i in object_ids]
            due = [i for i in due if not past.is_conditioning(i, visit.frame)]
            self.replaying(visit.frame)
            self.track(visit.frame, due, reverse=visit.run.reverse)

    def _revise_again(
        self, action: Revise, object_ids: Collection[int], past: State
    ) -> None:
        anew = []
        for object_id, frames in touched(action).items():
            if object_id not in object_ids:
                continue
            if _cut(action, object_id):
                self._cut_short(object_id, _cut(action, object_id))
                self._condition_past(object_id, frames, past)
                continue
            self._predictor.forget(object_id)
            if object_id in past.prompts:
                vouched = past.conditioning_frames(object_id)
                self._condition_past(object_id, vouched, past)
                anew.append(object_id)
        # Masks that changed hands left nothing in the engine: it tracks through them.
        masked = [t for i in anew for t in self._visible.frames_of(i, past)]
        if masked:
            through = Propagate(
                start=min(masked),
                stop=max(masked) + 1,
                direction="both",
                objects=tuple(anew),
                steps=2 * self._n_frames,
            )
            self._propagate_again(through, anew, past)


def _shown_first(state: State, object_id: int) -> list[int]:
    """Conditioning frames, those last that tell but what the object is not."""
    frames = state.conditioning_frames(object_id)
    given = {frame: state.prompts_at(object_id, frame) for frame in frames}
    return sorted(frames, key=lambda t: bool(given[t]) and not shows(given[t]))


def _near(mask: ObjectMask, points: Sequence[Prompt]) -> bool:
    """Whether points correct a mask; one elsewhere says that the object was lost."""
    extent = extent_of_mask(mask.mask, mask.offset)
    assert extent is not None, "a mask with pixels"
    shown = [p.yx for p in points if isinstance(p, PointPrompt) and p.positive]
    return not shown or any(
        math.dist(yx, extent.centre) < extent.diameter for yx in shown
    )


def _cut(action: Revise, object_id: int) -> int:
    """Frame from which on an object loses what it has; 0 where it begins anew."""
    return dict(action.ended).get(object_id, 0)


def passes_of(action: Propagate, state: State) -> list[Pass]:
    """Lay out the passes of a propagation."""
    prompted = {i: list(state.prompts[i]) for i in action.objects}
    return plan(prompted, action.start, action.stop, action.direction, dict(state.ends))
