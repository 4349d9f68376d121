"""The ordered log of actions, and what it says at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.prompt_rules import in_order
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import (
    Action,
    AddPrompts,
    Approve,
    Change,
    Clear,
    Propagate,
    Redo,
    Remove,
    Restyle,
    Revise,
    Style,
    Unapprove,
    Undo,
)


class State:
    """What the actions in force add up to.

    Every action has a version, its place in the log. Masks are stored under the
    version of the action that made them; the state says which of them count.

    Attributes
    ----------
    prompts
        Object id to frame to the prompts there, a mask or box first.
    approved
        Object id to the frames a person vouched for.
    ends
        Object id to the frame from which on it is gone, of objects that were ended.
    styles
        Object id to how it looks, of objects that were given a name, say.
    """

    def __init__(self) -> None:
        self.prompts: dict[int, dict[int, tuple[Prompt, ...]]] = {}
        self.approved: dict[int, set[int]] = {}
        self.ends: dict[int, int] = {}
        self.styles: dict[int, Style] = {}
        self._in_force: dict[int, Change] = {}
        # Object id to (version, frame): what is older has ended at that frame.
        self._ended: dict[int, list[tuple[int, int]]] = {}
        self._cleared: dict[tuple[int, int], int] = {}

    @property
    def object_ids(self) -> list[int]:
        """Ids of the objects that exist, sorted."""
        return sorted(self.prompts)

    def conditioning_frames(self, object_id: int) -> list[int]:
        """Frames of an object that a person vouched for, sorted."""
        frames = self.prompts.get(object_id, {}).keys()
        return sorted(frames | self.approved.get(object_id, set()))

    def is_conditioning(self, object_id: int, frame: int) -> bool:
        """Whether a person vouched for an object's mask on a frame."""
        prompted = frame in self.prompts.get(object_id, {})
        return prompted or frame in self.approved.get(object_id, ())

    def prompts_at(self, object_id: int, frame: int) -> tuple[Prompt, ...]:
        """Prompts of an object on a frame, a mask or box first."""
        return self.prompts.get(object_id, {}).get(frame, ())

    def joined(
        self, prompts: Iterable[Prompt], *, replace: bool = False
    ) -> dict[tuple[int, int], tuple[Prompt, ...]]:
        """Join new prompts to those already given.

        Parameters
        ----------
        prompts
            The new ones.
        replace
            Whether they take the place of those given, instead.

        Returns
        -------
        dict
            For every (frame, object id) that the new ones concern, sorted: all prompts
            there, a mask or box first.
        """
        together: dict[tuple[int, int], list[Prompt]] = {}
        for prompt in prompts:
            frame, object_id = place = prompt.frame, prompt.object_id
            if place not in together:
                known = () if replace else self.prompts_at(object_id, frame)
                together[place] = [*known]
            together[place].append(prompt)
        return {place: in_order(together[place]) for place in sorted(together)}

    def is_visible(self, object_id: int, frame: int, version: int) -> bool:
        """Whether a mask stored under a version still counts."""
        action = self._in_force.get(version)
        if action is None:
            return False
        for ended, first in self._ended.get(object_id, ()):
            if version < ended and frame >= first:
                return False
        if isinstance(action, AddPrompts):
            return version > self._cleared.get((object_id, frame), -1)
        return True

    def is_answer(self, version: int) -> bool:
        """Whether masks stored under a version are answers to prompts."""
        return isinstance(self._in_force.get(version), AddPrompts)

    def are_visible(
        self,
        object_ids: NDArray[np.float64],
        frames: NDArray[np.float64],
        versions: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Tell as `is_visible`, of many masks at once.

        Parameters
        ----------
        object_ids, frames, versions
            A value for every mask; the ids must be sorted. Whole numbers all.

        Returns
        -------
        numpy.ndarray
            Whether each mask counts.
        """
        # Copies, because a worker may add to what a viewer asks about.
        done = list(self._in_force)
        known = 1 + max([int(versions.max(initial=-1)), *done])
        in_force, answers = np.zeros(known, bool), np.zeros(known, bool)
        for version in done:
            in_force[version] = True
            answers[version] = self.is_answer(version)
        counts = in_force[versions]

        def of(object_id: int) -> slice:
            first, stop = np.searchsorted(object_ids, [object_id, object_id + 1])
            return slice(int(first), int(stop))

        for object_id, ends in list(self._ended.items()):
            rows = of(object_id)
            for ended, first in ends:
                counts[rows] &= (versions[rows] >= ended) | (frames[rows] < first)
        for (object_id, frame), cleared in list(self._cleared.items()):
            rows = of(object_id)
            older = (frames[rows] == frame) & (versions[rows] <= cleared)
            counts[rows] &= ~(older & answers[versions[rows]])
        return counts

    def apply(self, version: int, action: Change) -> None:
        """Take one more action into account."""
        self._in_force[version] = action
        match action:
            case AddPrompts():
                self._add(action.prompts, replace=action.replace)
            case Clear():
                for frame, object_id in action.places:
                    self._clear(version, object_id, frame)
            case Remove():
                for object_id in action.object_ids:
                    self._end(version, object_id, 0)
            case Approve():
                for frame, object_id in action.places:
                    self.approved.setdefault(object_id, set()).add(frame)
            case Unapprove():
                for frame, object_id in action.places:
                    self.approved[object_id].discard(frame)
            case Revise():
                self._revise(version, action)
            case Restyle():
                self.styles.update(action.styles)
            case Propagate():
                pass

    def _add(self, prompts: Iterable[Prompt], *, replace: bool) -> None:
        joined = self.joined(prompts, replace=replace)
        for (frame, object_id), together in joined.items():
            self.prompts.setdefault(object_id, {})[frame] = together
            if frame >= self.ends.get(object_id, frame + 1):
                del self.ends[object_id]

    def _clear(self, version: int, object_id: int, frame: int) -> None:
        frames = self.prompts[object_id]
        del frames[frame]
        self.approved.get(object_id, set()).discard(frame)
        self._cleared[object_id, frame] = version
        if not frames:
            self._end(version, object_id, 0)

    def _revise(self, version: int, action: Revise) -> None:
        styles = dict(self.styles)
        for object_id, frame in action.ended:
            self._end(version, object_id, frame)
        self._add(action.prompts, replace=True)
        for object_id, frame in action.approved:
            self.approved.setdefault(object_id, set()).add(frame)
        for object_id, _ in action.ended:
            if not self.prompts.get(object_id):
                self._end(version, object_id, 0)
            elif object_id in styles:
                self.styles[object_id] = styles[object_id]
        for _, _, object_id in action.moved:
            if object_id in self.styles:  # what is made of several is to be seen
                seen = replace(self.styles[object_id], hidden=False)
                self.styles[object_id] = seen

    def _end(self, version: int, object_id: int, first: int) -> None:
        """Drop what an object has from a frame on; all of it from the first on."""
        self._ended.setdefault(object_id, []).append((version, first))
        prompts = self.prompts.get(object_id, {})
        approved = self.approved.get(object_id, set())
        self.prompts[object_id] = {t: p for t, p in prompts.items() if t < first}
        self.approved[object_id] = {t for t in approved if t < first}
        if first:
            self.ends[object_id] = first
            return
        for known in (self.prompts, self.approved, self.ends, self.styles):
            known.pop(object_id, None)


class Document:
    """The ordered log of actions, with undo and redo as actions of their own.

    Attributes
    ----------
    state
        What the actions in force add up to; replaced by undo and redo.
    """

    def __init__(self, log: Iterable[Action] = ()) -> None:
        self._log: list[Action] = []
        self._in_force: list[int] = []
        self._undone: list[int] = []
        self.state = State()
        for action in log:
            self.append(action)

    @property
    def log(self) -> Sequence[Action]:
        """The actions, oldest first."""
        return tuple(self._log)

    @property
    def next_version(self) -> int:
        """The version that the next action will have."""
        return len(self._log)

    def in_force(self) -> Iterator[tuple[int, Change]]:
        """Versions and actions that are not undone, oldest first."""
        for version in self._in_force:
            yield version, self._change(version)

    def append(self, action: Action) -> int:
        """Add an action to the log; returns its version."""
        version = len(self._log)
        self._log.append(action)
        match action:
            case Undo():
                self._undone.append(self._in_force.pop())
                self._fold()
            case Redo():
                again = self._undone.pop()
                self._in_force.append(again)
                self.state.apply(again, self._change(again))
            case _:
                self._in_force.append(version)
                self._undone.clear()
                self.state.apply(version, action)
        return version

    def undoable(self) -> Change | None:
        """Return the action that an undo would undo."""
        return self._change(self._in_force[-1]) if self._in_force else None

    def redoable(self) -> Change | None:
        """Return the action that a redo would bring back."""
        return self._change(self._undone[-1]) if self._undone else None

    def set_steps(self, version: int, steps: int) -> None:
        """Note how far a propagation came."""
        action = self._log[version]
        assert isinstance(action, Propagate)
        self._log[version] = replace(action, steps=steps)

    def _change(self, version: int) -> Change:
        action = self._log[version]
        assert not isinstance(action, Undo | Redo)
        return action

    def _fold(self) -> None:
        self.state = State()
        for version, action in self.in_force():
            self.state.apply(version, action)
