"""Failures: the cells of a movie that were followed worst, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.overlay import FrameImages
from napari_sam_i2v.evaluation.panels import (
    Layer,
    gamma_of,
    grey,
    object_colour,
    panel_of,
    tile,
    write_caption,
)
from napari_sam_i2v.evaluation.scores import LabelStack, Scores

SIDE = 300
"""Pixels of a panel."""
ROOM = 2.5
"""Width of what it shows, in widths of the largest true mask in the row."""
SMALLEST = 32
"""Pixels of the frame that it shows, at least."""

_TRUTH, _OTHERS = (255, 255, 255), (120, 120, 120)


def draw_failures(
    video: FrameImages,
    labels: LabelStack,
    truth: LabelStack,
    scores: Scores,
    path: str | Path,
    *,
    cells: int = 5,
    columns: int = 6,
) -> None:
    """Draw the cells that were followed worst, each over its time.

    Worst is the least mean of IoU where the cell is there, and of whether the masklet
    is empty where it is gone. The view goes with the true cell, so a masklet that is
    lost can be out of sight.

    Parameters
    ----------
    video
        The movie.
    labels
        Masklets, ``(T, Y, X)``, drawn in the colour of the object.
    truth
        True labels, ``(T, Y, X)``, drawn in white; other cells in grey.
    scores
        Of these masklets against this truth.
    path
        PNG file to write.
    cells
        Rows, at most.
    columns
        Panels of a row, at most: the frame before the first that is scored, then
        evenly to the last on which there is a cell or a masklet.

    Raises
    ------
    InputError
        If nothing was scored.
    """
    if scores.pairs.empty:
        raise InputError("no pair of masklet and truth was scored: nothing to draw")
    worst = fitness(scores).nsmallest(cells).index
    rows = [scores.pairs[scores.pairs["object_id"] == i] for i in worst]
    sheet = [_row(video, labels, truth, pairs, columns) for pairs in rows]
    wide = max(len(row) for row in sheet)
    blank = Image.new("RGB", (SIDE, SIDE))
    panels = [each for row in sheet for each in row + [blank] * (wide - len(row))]
    tile(panels, wide).save(path, format="PNG", optimize=True)


def fitness(scores: Scores) -> pd.Series:
    """Score objects, 0 to 1, by id: IoU where there, emptiness where gone."""
    pairs = scores.pairs
    empty = (pairs["area"] == 0).astype(float)
    worth = pairs["j"].where(pairs["present"], empty)
    return worth.groupby(pairs["object_id"]).mean()


def _row(
    video: FrameImages,
    labels: LabelStack,
    truth: LabelStack,
    pairs: pd.DataFrame,
    columns: int,
) -> list[Image.Image]:
    """Draw one cell, whose pairs are given."""
    object_id = int(pairs["object_id"].iloc[0])
    shown = pairs[pairs["present"] | (pairs["area"] > 0)]
    first = max(int(pairs["frame"].min()) - 1, 0)
    last = int(shown["frame"].max()) if len(shown) else first
    frames = np.unique(np.rint(np.linspace(first, last, columns)).astype(int)).tolist()
    known = [np.asarray(truth[t]) for t in frames]
    boxes = [_box(whole == object_id) for whole in known]
    widths = [np.ptp(box, axis=0).max() for box in boxes if box is not None]
    side = min(max(round(ROOM * max(widths, default=0)), SMALLEST), *truth.shape[1:])
    centre = np.array(truth.shape[1:]) / 2
    iou = pairs.set_index("frame")["j"]  # empty where the cell is gone
    panels: list[Image.Image] = []
    for t, box, whole in zip(frames, boxes, known, strict=True):
        if box is not None:
            centre = np.mean(box, axis=0)
        crop = _window(centre, side, truth.shape[1:])
        true, found = whole[crop], np.asarray(labels[t])[crop]
        image = video.image(t)
        layers = [
            Layer(np.where(true == object_id, 0, true), _OTHERS),
            Layer(np.where(found == object_id, found, 0), object_colour(object_id)),
            Layer(np.where(true == object_id, true, 0), _TRUTH),
        ]
        panel = panel_of(grey(image[crop], gamma_of(image)), layers, SIDE / side)
        who = "" if panels else f"cell {object_id}, "
        how = "" if t not in iou else "gone" if np.isnan(iou[t]) else f"{iou[t]:.2f}"
        write_caption(panel, f"{who}t = {t}   {how}".rstrip())
        panels.append(panel)
    return panels


def _window(centre: np.ndarray, side: int, shape: Sequence[int]) -> tuple[slice, slice]:
    """Cut a square around a point, as near as it fits into the frame."""
    furthest = np.array(shape) - side
    top, left = np.clip(np.rint(centre - side / 2), 0, furthest).astype(int)
    return slice(top, top + side), slice(left, left + side)


def _box(mask: np.ndarray) -> np.ndarray | None:
    """Corners of a mask, ``yx``, ``(2, 2)``; ``None`` where it is empty."""
    if not mask.any():
        return None
    places = np.argwhere(mask)
    return np.stack([places.min(axis=0), places.max(axis=0) + 1])
