"""What may be asked of a session, in the state it is in."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompt_rules import (
    check_alone,
    check_objects,
    check_range,
    check_together,
)
from napari_sam_i2v.prompts import MAX_OBJECT_ID, Prompt
from napari_sam_i2v.session.actions import (
    DIRECTIONS,
    AddPrompts,
    Direction,
    Propagate,
    Revise,
    Style,
)
from napari_sam_i2v.session.document import State
from napari_sam_i2v.session.visible import VisibleMasks

_COLOUR = re.compile("#[0-9a-fA-F]{6}")

Together = dict[tuple[int, int], tuple[Prompt, ...]]


def check_prompts(
    state: State, action: AddPrompts, shape: tuple[int, int, int]
) -> Together:
    """Refuse prompts that make no sense, alone or with those given before.

    Returns
    -------
    dict
        What `State.joined` gives.
    """
    if not action.prompts:
        raise InputError("there are no prompts; give at least one point, box or mask")
    for prompt in action.prompts:
        check_alone(prompt, shape)
    together = state.joined(action.prompts, replace=action.replace)
    for joined in together.values():
        check_together(joined)
    check_objects(_afterwards(state, together))
    return together


def check_revision(state: State, action: Revise, shape: tuple[int, int, int]) -> None:
    """Refuse a revision of objects that are not there, or with bad prompts."""
    for object_id, *_ in (*action.ended, *action.moved):
        check_known(state, object_id)
    for prompt in action.prompts:
        check_alone(prompt, shape)
    together = state.joined(action.prompts, replace=True)
    for joined in together.values():
        check_together(joined)


def check_known(state: State, object_id: int) -> None:
    """Refuse an object that does not exist."""
    if object_id not in state.prompts:
        known = ", ".join(map(str, state.object_ids[:10])) or "none"
        raise InputError(f"there is no object {object_id}; objects: {known}")


def check_new(state: State, object_id: int) -> None:
    """Refuse an id that is taken, or none."""
    if object_id in state.prompts:
        raise InputError(f"there is an object {object_id} already; give a new id")
    if not 1 <= object_id <= MAX_OBJECT_ID:
        raise InputError(
            f"object id {object_id} is out of range: ids are 1 to {MAX_OBJECT_ID}"
        )


def check_places(
    state: State, places: Iterable[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Refuse (frame, object id) without prompts; returns them sorted."""
    chosen = _some(state, places)
    for frame, object_id in chosen:
        if not state.prompts_at(object_id, frame):
            raise InputError(f"object {object_id} has no prompts on frame {frame}")
    for object_id in {object_id for _, object_id in chosen}:
        frames = state.prompts[object_id].items()
        left = [p for t, given in frames if (t, object_id) not in chosen for p in given]
        check_objects(left)
    return chosen


def places_of(object_id: int, frames: int | Iterable[int]) -> list[tuple[int, int]]:
    """Name an object on some frames, as (frame, object id)."""
    return [(frame, object_id) for frame in several(frames)]


def several(numbers: int | Iterable[int]) -> Iterable[int]:
    """List one number, or several."""
    return [numbers] if isinstance(numbers, int | np.integer) else numbers


def check_masks(
    state: State, visible: VisibleMasks, places: Iterable[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Refuse (frame, object id) without a mask; returns them sorted."""
    chosen = _some(state, places)
    for frame, object_id in chosen:
        if visible.version(object_id, frame) is None:
            raise InputError(
                f"object {object_id} has no mask on frame {frame} to approve; prompt "
                "or track it there first"
            )
    return chosen


def check_approved(
    state: State, places: Iterable[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    """Refuse (frame, object id) that are not approved; returns them sorted."""
    chosen = _some(state, places)
    for frame, object_id in chosen:
        if frame not in state.approved.get(object_id, ()):
            raise InputError(f"object {object_id} is not approved on frame {frame}")
    return chosen


def _some(
    state: State, places: Iterable[tuple[int, int]]
) -> tuple[tuple[int, int], ...]:
    chosen = sorted(set(places))
    if not chosen:
        raise InputError("no frames of an object are named")
    for object_id in {object_id for _, object_id in chosen}:
        check_known(state, object_id)
    return tuple(chosen)


def check_style(style: Style) -> Style:
    """Refuse a colour that is not written ``#rrggbb``; empty text becomes ``None``."""
    if style.colour and not _COLOUR.fullmatch(style.colour):
        raise InputError(f"colour {style.colour!r} is not of the form #rrggbb")
    return Style(
        name=(style.name or "").strip() or None,
        colour=(style.colour or "").lower() or None,
        hidden=bool(style.hidden),
    )


def propagation(
    state: State,
    bounds: tuple[int, int | None],
    direction: Direction,
    objects: Iterable[int] | None,
    n_frames: int,
) -> Propagate:
    """Make the action of a propagation, or refuse it.

    Parameters
    ----------
    state
        What there is.
    bounds
        Start and stop; without a stop it goes to the end.
    direction, objects
        As in `TrackingSession.propagate`.
    n_frames
        Frames of the movie.
    """
    chosen = state.object_ids if objects is None else sorted(set(objects))
    for object_id in chosen:
        check_known(state, object_id)
    if direction not in DIRECTIONS:
        raise InputError(f"direction {direction!r} is none of {', '.join(DIRECTIONS)}")
    return Propagate(
        start=bounds[0],
        stop=check_range(*bounds, n_frames),
        direction=direction,
        objects=tuple(chosen),
    )


def _afterwards(state: State, together: Together) -> list[Prompt]:
    """All prompts there would be of the objects that new ones concern."""
    concerned = {object_id for _, object_id in together}
    kept = [
        prompt
        for object_id in concerned
        for frame, prompts in state.prompts.get(object_id, {}).items()
        if (frame, object_id) not in together
        for prompt in prompts
    ]
    return [*kept, *(prompt for joined in together.values() for prompt in joined)]
