"""The ordered log of actions, and what it says at its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

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
    """

    def __init__(self) -> None:
        self.prompts: dict[int, dict[int, tuple[Prompt, ...]]] = {}
        self.approved: dict[int, set[int]] = {}
        self._in_force: dict[int, Change] = {}
        self._removed: dict[int, int] = {}
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
        self, prompts: Iterable[Prompt]
    ) -> dict[tuple[int, int], tuple[Prompt, ...]]:
        """Join new prompts to those already given.

        Returns
        -------
        dict
            For every (frame, object id) that the new ones concern, sorted: all prompts
            there, a mask or box first.
        """
        new: dict[tuple[int, int], list[Prompt]] = {}
        for prompt in prompts:
            new.setdefault((prompt.frame, prompt.object_id), []).append(prompt)
        return {
            (frame, object_id): in_order(
                [*self.prompts_at(object_id, frame), *new[frame, object_id]]
            )
            for frame, object_id in sorted(new)
        }

    def is_visible(self, object_id: int, frame: int, version: int) -> bool:
        """Whether a mask stored under a version still counts."""
        action = self._in_force.get(version)
        if action is None or version <= self._removed.get(object_id, -1):
            return False
        if isinstance(action, AddPrompts):
            return version > self._cleared.get((object_id, frame), -1)
        return True

    def apply(self, version: int, action: Change) -> None:
        """Take one more action into account."""
        self._in_force[version] = action
        match action:
            case AddPrompts():
                self._add(action.prompts)
            case Clear():
                self._clear(version, action.object_id, action.frame)
            case Remove():
                self._remove(version, action.object_id)
            case Approve():
                frames = self.approved.setdefault(action.object_id, set())
                frames.update(action.frames)
            case Unapprove():
                self.approved[action.object_id].difference_update(action.frames)
            case Propagate():
                pass

    def _add(self, prompts: Iterable[Prompt]) -> None:
        for (frame, object_id), together in self.joined(prompts).items():
            self.prompts.setdefault(object_id, {})[frame] = together

    def _clear(self, version: int, object_id: int, frame: int) -> None:
        frames = self.prompts[object_id]
        del frames[frame]
        self.approved.get(object_id, set()).discard(frame)
        self._cleared[object_id, frame] = version
        if not frames:
            self._remove(version, object_id)

    def _remove(self, version: int, object_id: int) -> None:
        self._removed[object_id] = version
        self.prompts.pop(object_id, None)
        self.approved.pop(object_id, None)


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
