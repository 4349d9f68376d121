"""Objects that end: cells that have divided, left, or are not seen any more.

Where a cell was, the network goes on to see something: a daughter, or a patch of
ground at the border of the frame that it holds on to, ever less sure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from napari_sam_i2v.inference.division import DivisionFinder, Scout
from napari_sam_i2v.inference.following import Found
from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.inference.viewing import absent
from napari_sam_i2v.masklets import NO_MORE, Ending, ObjectMask
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.session.predictor import Interrupted

UNSURE, LEFT = 2.5, 0.6
"""A cell at the border has left below a score that falls from the first of these,
where nothing is left of it, to zero, where this share of its largest mask is."""
SURE, CLEAR = 3.5, 0.6
"""Object score, or predicted IoU, above which a cell that was absent is there again."""
A_WHILE = 3
"""Masks, one after the other, whose scores tell that a cell has faded."""
DOUBTFUL, SHARES = (1.3, 0.7), (0.5, 1.0)
"""Their mean, below which it has where so much is left of its largest mask."""


def end_left(
    model: SamI2V,
    found: Mapping[int, Found],
    objects: Mapping[int, ObjectState],
    shape: tuple[int, int],
    *,
    reverse: bool,
    is_blank: Callable[[int], bool],
) -> dict[int, Found]:
    """Say of cells that have left, or are gone, that they are not there.

    Parameters
    ----------
    model
        The network.
    found
        What was found on a frame.
    objects
        What is known of them.
    shape
        ``(Y, X)`` of a frame.
    reverse
        Whether travel is backward in time.
    is_blank
        Whether a frame shows nothing: that a cell was absent there says nothing.

    Returns
    -------
    dict of int to Found
        The same, with those absent that are no more than a doubtful rest at the
        border, or were absent before and are not surely there again.
    """
    settled = dict(found)
    for object_id, each in found.items():
        mask, state = each.mask, objects[object_id]
        if mask.area == 0:
            continue
        behind = _behind(mask, state, reverse=reverse)
        is_clear = mask.object_score > SURE or mask.predicted_iou > CLEAR
        is_back = is_clear or not _was_absent(state, behind, is_blank)
        if not is_back or _has_left(mask, state, behind, shape):
            settled[object_id] = _gone(model, each, mask.predicted_iou)
    return settled


def end_divided(
    finder: DivisionFinder,
    engine: Scout,
    found: Mapping[int, Found],
    objects: Mapping[int, ObjectState],
) -> dict[int, Found]:
    """Say of cells that have divided that they are not there any more.

    Parameters
    ----------
    finder
        Tells whether a cell has divided.
    engine
        Helps it; its ``interrupted`` is asked before every closer look.
    found
        What was found on a frame.
    objects
        What is known of them.

    Returns
    -------
    dict of int to Found
        The same, with those that have divided absent.

    Raises
    ------
    Interrupted
        If the engine is told to stop.
    """
    masks = [each.mask for each in found.values()]
    settled = dict(found)
    for object_id, each in found.items():
        if not finder.looks_twice(each.mask, objects[object_id]):
            continue
        if engine.interrupted():
            raise Interrupted
        if finder.divided(engine, each.mask, each.view, objects[object_id], masks):
            settled[object_id] = _ended(finder.model, each, "divided")
    return settled


def end_faded(
    model: SamI2V,
    found: Mapping[int, Found],
    objects: Mapping[int, ObjectState],
) -> dict[int, Found]:
    """Say of cells that were doubtful for a while that they are not there any more.

    Scores of a cell that is there fall for a frame, as it rounds up or is crossed;
    where it is gone, what is followed in its place is never sure for long.

    Parameters
    ----------
    model
        The network.
    found
        What was found on a frame.
    objects
        What is known of them.

    Returns
    -------
    dict of int to Found
        The same, with those that have faded absent.
    """
    settled = dict(found)
    for object_id, each in found.items():
        mask, state = each.mask, objects[object_id]
        if mask.area == 0:
            continue
        behind = _behind(mask, state, reverse=False)
        before = [state.sightings[t] for t in behind[: A_WHILE - 1]]
        scores = [mask.object_score, *(last.score for last in before if last.seen)]
        score = np.mean(scores)
        if len(scores) < A_WHILE or score > max(DOUBTFUL):
            continue
        if score < np.interp(_share(mask, state, behind), SHARES, DOUBTFUL):
            settled[object_id] = _ended(model, each, "faded")
    return settled


def _was_absent(
    state: ObjectState, behind: Sequence[int], is_blank: Callable[[int], bool]
) -> bool:
    """Whether a cell was absent on the nearest frame behind that shows anything."""
    for frame in behind:
        if state.sightings[frame].seen is not None:
            return False
        if not is_blank(frame):
            return True
    return False


def _has_left(
    mask: ObjectMask, state: ObjectState, behind: Sequence[int], shape: tuple[int, int]
) -> bool:
    """Whether a mask is but a doubtful rest of a cell, at the border."""
    if mask.object_score >= UNSURE or not _at_border(mask, shape):
        return False
    share = _share(mask, state, behind)
    return mask.object_score < UNSURE * (1 - share / LEFT)


def _behind(mask: ObjectMask, state: ObjectState, *, reverse: bool) -> list[int]:
    """List known frames behind a mask's, the nearest first.

    What lies ahead was said in an earlier run, which is not to change this one.
    """
    behind = state.all_behind(mask.frame, reverse=reverse)
    return sorted(behind, reverse=not reverse)


def _share(mask: ObjectMask, state: ObjectState, behind: Sequence[int]) -> float:
    """Measure a mask in areas of the largest one behind."""
    largest = max((state.sightings[t].area for t in behind), default=0)
    return mask.area / max(largest, 1)


def _ended(model: SamI2V, found: Found, ending: Ending) -> Found:
    return replace(_gone(model, found, NO_MORE[ending]), ending=ending)


def _gone(model: SamI2V, found: Found, predicted_iou: float) -> Found:
    mask = absent(found.mask.frame, found.mask.object_id, predicted_iou)
    return replace(found, prediction=model.absent(found.prediction), mask=mask)


def _at_border(mask: ObjectMask, shape: tuple[int, int]) -> bool:
    """Whether a mask, cut to what it fills, touches the border of the frame."""
    ends = (at + size for at, size in zip(mask.offset, mask.mask.shape, strict=True))
    return 0 in mask.offset or any(a >= b for a, b in zip(ends, shape, strict=True))
