"""What prompts must be like, alone and together, on a frame of a movie."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.masklets import crop_positive
from napari_sam_i2v.prompts import (
    MAX_OBJECT_ID,
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    Prompt,
)

HALF_PIXEL = 0.5
"""Pixel centres are integers, so a frame reaches half a pixel beyond them."""


def in_order(prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
    """Put the mask or box of one object and frame first, then its points."""
    return tuple(sorted(prompts, key=lambda prompt: isinstance(prompt, PointPrompt)))


def check_alone(prompt: Prompt, shape: tuple[int, int, int]) -> None:
    """Refuse a prompt that does not lie in the movie.

    Parameters
    ----------
    prompt
        The prompt.
    shape
        ``(T, Y, X)`` of the movie.

    Raises
    ------
    InputError
        If its id, frame or coordinates are out of range.
    """
    n_frames, height, width = shape
    if not 1 <= prompt.object_id <= MAX_OBJECT_ID:
        raise InputError(
            f"object id {prompt.object_id} is out of range: ids are 1 to "
            f"{MAX_OBJECT_ID}"
        )
    if not 0 <= prompt.frame < n_frames:
        raise InputError(
            f"object {prompt.object_id} is prompted on frame {prompt.frame}, but the "
            f"movie has frames 0 to {n_frames - 1}"
        )
    match prompt:
        case PointPrompt():
            _check_inside(prompt, [prompt.yx], height, width)
        case BoxPrompt():
            _check_inside(prompt, [prompt.yx_min, prompt.yx_max], height, width)
            check_order(prompt)
        case MaskPrompt():
            _check_mask(prompt, height, width)


def check_order(box: BoxPrompt) -> None:
    """Refuse a box whose corners are the wrong way round.

    Raises
    ------
    InputError
        If it ends before it begins.
    """
    if box.yx_max[0] < box.yx_min[0] or box.yx_max[1] < box.yx_min[1]:
        raise InputError(
            f"the box of {_where(box)} ends before it begins: y2 must not be below y, "
            "nor x2 below x"
        )


def check_together(prompts: Sequence[Prompt]) -> None:
    """Refuse prompts of one object on one frame that contradict each other.

    Raises
    ------
    InputError
        If there are two masks or boxes.
    """
    areas = [prompt for prompt in prompts if not isinstance(prompt, PointPrompt)]
    if len(areas) > 1:
        kinds = " and ".join(
            "a mask" if isinstance(prompt, MaskPrompt) else "a box" for prompt in areas
        )
        raise InputError(
            f"{_where(areas[0])} has {kinds}: give one mask or one box, then points"
        )


def normal(prompt: Prompt) -> Prompt:
    """Give a prompt plain whole numbers, and a mask its tight crop, copied.

    Raises
    ------
    InputError
        If its frame or id is no whole number.
    """
    for name in ("frame", "object_id"):
        number = getattr(prompt, name)
        if type(number) is bool or not isinstance(number, int | np.integer):
            raise InputError(
                f"the {name} of a prompt is {number!r}; give a whole number"
            )
    frame, object_id = int(prompt.frame), int(prompt.object_id)
    if not isinstance(prompt, MaskPrompt) or np.ndim(prompt.mask) != 2:
        return dataclasses.replace(prompt, frame=frame, object_id=object_id)
    (top, left), crop = crop_positive(np.asarray(prompt.mask))
    return MaskPrompt(
        frame=frame,
        object_id=object_id,
        mask=np.asarray(crop > 0),
        offset=(int(prompt.offset[0]) + top, int(prompt.offset[1]) + left),
    )


def shows(prompts: Iterable[Prompt]) -> bool:
    """Whether prompts show where an object is, not only where it is not."""
    return any(not isinstance(p, PointPrompt) or p.positive for p in prompts)


def check_objects(prompts: Iterable[Prompt]) -> None:
    """Refuse objects of which all prompts, on all frames, are negative points."""
    told: dict[int, list[Prompt]] = {}
    for prompt in prompts:
        told.setdefault(prompt.object_id, []).append(prompt)
    for object_id, given in told.items():
        if not shows(given):
            raise InputError(
                f"object {object_id} has only negative points: say with a positive "
                "point, a box or a mask where it is"
            )


def check_range(start: int, stop: int | None, n_frames: int) -> int:
    """Refuse a range without frames.

    Parameters
    ----------
    start, stop
        The range, half-open; without a stop it goes to the end.
    n_frames
        Frames of the movie.

    Returns
    -------
    int
        The stop, at most ``n_frames``.
    """
    stop = n_frames if stop is None else stop
    for frame in (start, stop):
        if not isinstance(frame, int | np.integer):
            raise InputError(f"{frame!r} is no frame number; give a whole number")
    if not 0 <= start < n_frames:
        raise InputError(
            f"start {start} is not a frame of the movie, which has frames 0 to "
            f"{n_frames - 1}"
        )
    if stop <= start:
        raise InputError(
            f"stop {stop} must be after start {start}: frames start to stop - 1 are "
            "visited"
        )
    return min(stop, n_frames)


def _check_inside(
    prompt: Prompt, points: Iterable[tuple[float, float]], height: int, width: int
) -> None:
    for y, x in points:
        inside = (
            -HALF_PIXEL <= y <= height - HALF_PIXEL
            and -HALF_PIXEL <= x <= width - HALF_PIXEL
        )
        if not (math.isfinite(y) and math.isfinite(x) and inside):
            raise InputError(
                f"{_where(prompt)} is prompted at y={y:g}, x={x:g}, outside the "
                f"frame of {height} x {width} pixels"
            )


def _check_mask(prompt: MaskPrompt, height: int, width: int) -> None:
    if prompt.mask.ndim != 2:
        raise InputError(f"the mask of {_where(prompt)} must have two axes, y and x")
    (top, left), (rows, columns) = prompt.offset, prompt.mask.shape
    if top < 0 or left < 0 or top + rows > height or left + columns > width:
        raise InputError(
            f"the mask of {_where(prompt)} reaches outside the frame of {height} x "
            f"{width} pixels"
        )
    if not prompt.mask.any():
        raise InputError(f"the mask of {_where(prompt)} is empty")


def _where(prompt: Prompt) -> str:
    return f"object {prompt.object_id} on frame {prompt.frame}"
