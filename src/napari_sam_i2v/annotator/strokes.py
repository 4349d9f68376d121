"""Strokes of napari's brush as mask prompts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from napari_sam_i2v.annotator.reading import Place, read_mask
from napari_sam_i2v.prompts import MaskPrompt


def painted_prompts(
    changes: Iterable[Any], data: np.ndarray, stack: np.ndarray, time_axis: int
) -> dict[Place, MaskPrompt | None]:
    """Read the masks of all objects that a stroke has changed.

    Parameters
    ----------
    changes
        What the ``paint`` event of a Labels layer holds: slices, mask or ``None``,
        labels before, label after; or, of older napari, indices, labels before, labels
        after.
    data
        The layer's labels. The stroke is written there: of some strokes napari tells
        before it writes them.
    stack
        The same labels as ``(T, Y, X)``.
    time_axis
        Axis of time in the layer.

    Returns
    -------
    dict
        Frame and object id to the mask; ``None`` where nothing is left of it.
    """
    places: set[Place] = set()
    for change in changes:
        _write(change, data)
        frames, before, after = _pixels(change, time_axis)
        for labels in (before, after):
            values = np.broadcast_to(np.asarray(labels).ravel(), frames.shape)
            pairs = np.unique(np.stack([frames, values]), axis=1)
            places.update((int(t), int(i)) for t, i in pairs.T if i)
    return {(t, i): read_mask(stack[t], t, i) for t, i in sorted(places)}


def _write(change: Any, data: np.ndarray) -> None:
    if len(change) == 3:
        indices, _, after = change
        data[indices] = after
        return
    slices, mask, _, after = change
    data[slices][... if mask is None else mask] = after


def _pixels(change: Any, time_axis: int) -> tuple[np.ndarray, Any, Any]:
    """Give the frame of every pixel that changed, and its labels before and after."""
    if len(change) == 3:
        indices, before, after = change
        frames = np.broadcast_arrays(*indices)[time_axis]
        return np.atleast_1d(frames).ravel(), before, after
    slices, mask, before, after = change
    # Without a mask all of the box was painted, and all its labels are given.
    changed = np.ones(np.shape(before), bool) if mask is None else mask
    first = slices[time_axis].start or 0
    return first + np.nonzero(changed)[time_axis], before, after
