"""What a person did, in order: the document of a tracking session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_sam_i2v.prompts import Prompt

Direction = Literal["forward", "backward", "both"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward", "both")


@dataclass(frozen=True, kw_only=True, eq=False)
class AddPrompts:
    """Prompts given together; they join those given before on the same frames."""

    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, kw_only=True)
class Clear:
    """All prompts of an object on one frame are taken back."""

    frame: int
    object_id: int


@dataclass(frozen=True, kw_only=True)
class Remove:
    """An object is removed, with everything known of it."""

    object_id: int


@dataclass(frozen=True, kw_only=True)
class Propagate:
    """Objects are followed over a range of frames.

    Attributes
    ----------
    start, stop
        Frames visited, half-open.
    direction
        Which way; see `napari_sam_i2v.session.schedule`.
    objects
        Ids followed.
    steps
        Visits done. Fewer than the schedule has: it was cancelled or cut off.
    """

    start: int
    stop: int
    direction: Direction
    objects: tuple[int, ...]
    steps: int = 0


@dataclass(frozen=True, kw_only=True)
class Approve:
    """A person vouches for an object's masks; tracking never changes them."""

    object_id: int
    frames: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Unapprove:
    """An approval is taken back."""

    object_id: int
    frames: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The last action in force is undone."""


@dataclass(frozen=True, kw_only=True)
class Redo:
    """The last action undone is in force again."""


Change = AddPrompts | Clear | Remove | Propagate | Approve | Unapprove
Action = Change | Undo | Redo


def touched(action: Change) -> dict[int, tuple[int, ...]]:
    """Say which frames' conditioning an action concerns, per object.

    An object whose every frame is concerned (a propagation, a removal) has none.
    """
    match action:
        case AddPrompts():
            frames: dict[int, dict[int, None]] = {}
            for prompt in action.prompts:
                frames.setdefault(prompt.object_id, {})[prompt.frame] = None
            return {object_id: tuple(ts) for object_id, ts in frames.items()}
        case Clear():
            return {action.object_id: (action.frame,)}
        case Approve() | Unapprove():
            return {action.object_id: action.frames}
        case Remove():
            return {action.object_id: ()}
        case Propagate():
            return dict.fromkeys(action.objects, ())
