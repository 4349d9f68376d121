"""What a person did, in order: the document of a tracking session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from napari_sam_i2v.prompts import Prompt

Direction = Literal["forward", "backward", "both"]
DIRECTIONS: tuple[Direction, ...] = ("forward", "backward", "both")


@dataclass(frozen=True, kw_only=True, eq=False)
class AddPrompts:
    """Prompts given together.

    Attributes
    ----------
    prompts
        The prompts.
    replace
        Whether they take the place of those given before for the same objects on the
        same frames, instead of joining them.
    """

    prompts: tuple[Prompt, ...]
    replace: bool = False


@dataclass(frozen=True, kw_only=True)
class Clear:
    """All prompts of some objects on some frames are taken back.

    Attributes
    ----------
    places
        (frame, object id) of the prompts.
    """

    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Remove:
    """Objects are removed, with everything known of them."""

    object_ids: tuple[int, ...]


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
    """A person vouches for masks; tracking never changes them.

    Attributes
    ----------
    places
        (frame, object id) of the masks.
    """

    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class Unapprove:
    """Approvals are taken back.

    Attributes
    ----------
    places
        (frame, object id) of the masks.
    """

    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Revise:
    """What is known of objects is handed over, or ends; see `session.revisions`.

    Attributes
    ----------
    ended
        (object id, frame): what the object has from this frame on goes, and it is not
        tracked there until it is prompted there; 0 for all it has.
    moved
        (object id, frame, new id): the masks that the object had from this frame on
        are now the new id's. Where several meet it has their union.
    prompts
        They take the place of those of their objects on their frames; the masks there
        stay as they are moved.
    approved
        (object id, frame) of masks that are vouched for from now on.
    """

    ended: tuple[tuple[int, int], ...]
    moved: tuple[tuple[int, int, int], ...] = ()
    prompts: tuple[Prompt, ...] = ()
    approved: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a person tells an object from others.

    Attributes
    ----------
    name
        ``None`` where it has none but its id.
    colour
        As ``#rrggbb``; ``None`` where it is left to the viewer.
    hidden
        Whether it is not drawn; what is known of it stays.
    """

    name: str | None = None
    colour: str | None = None
    hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Restyle:
    """Objects have other names or colours, are hidden or shown.

    Attributes
    ----------
    styles
        (object id, how it is told from others now).
    """

    styles: tuple[tuple[int, Style], ...]


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The last action in force is undone."""


@dataclass(frozen=True, kw_only=True)
class Redo:
    """The last action undone is in force again."""


Change = (
    AddPrompts | Clear | Remove | Propagate | Approve | Unapprove | Revise | Restyle
)
Action = Change | Undo | Redo


def touched(action: Change) -> dict[int, tuple[int, ...]]:
    """Say which frames' conditioning an action concerns, per object.

    An object whose every frame is concerned (a propagation, a removal), or of which
    nothing but its looks is, has none.
    """
    match action:
        case AddPrompts():
            places = [(prompt.frame, prompt.object_id) for prompt in action.prompts]
            return _by_object(places)
        case Clear() | Approve() | Unapprove():
            return _by_object(action.places)
        case Remove():
            return dict.fromkeys(action.object_ids, ())
        case Propagate():
            return dict.fromkeys(action.objects, ())
        case Revise():
            places = [(prompt.frame, prompt.object_id) for prompt in action.prompts]
            places += [(frame, object_id) for object_id, frame in action.approved]
            ended = dict.fromkeys((object_id for object_id, _ in action.ended), ())
            return ended | _by_object(places)
        case Restyle():
            return {object_id: () for object_id, _ in action.styles}


def _by_object(places: Iterable[tuple[int, int]]) -> dict[int, tuple[int, ...]]:
    frames: dict[int, dict[int, None]] = {}
    for frame, object_id in places:
        frames.setdefault(object_id, {})[frame] = None
    return {object_id: tuple(ts) for object_id, ts in frames.items()}
