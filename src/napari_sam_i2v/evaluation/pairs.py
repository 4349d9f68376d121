"""The pairs of one frame: every scored object's masklet beside its true mask."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.boundary import boundary_f

Box = tuple[slice, ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One prompted object on one frame; columns as in ``Scores.pairs``."""

    frame: int
    object_id: int
    present: bool
    j: float
    f: float
    truth_area: int
    area: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """One frame to score.

    Attributes
    ----------
    frame
        Frame number, from 0.
    ids
        Ids of the objects to score, sorted.
    predicted, truth
        ``(Y, X)``, 1 + the index of each pixel's object among ``ids``, else 0.
    marked
        Which of ``ids`` have a marker here, ``(len(ids),)``; ``None`` without markers.
    """

    frame: int
    ids: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray
    marked: np.ndarray | None


def pairs_of(
    scene: Scene, prompted: Mapping[int, Collection[int]], radius: int | None
) -> Iterator[Pair]:
    """Compare the objects of one frame.

    Parameters
    ----------
    scene
        The frame.
    prompted
        Prompted frames of every object in ``scene.ids``.
    radius
        Distance in pixels at which outlines agree; ``None`` leaves F out.

    Yields
    ------
    Pair
        Objects prompted on this frame are left out, and so are those without a true
        mask that have a marker, or were not prompted yet.
    """
    n_bins = len(scene.ids) + 1
    same = scene.truth[scene.truth == scene.predicted]
    shared = np.bincount(same, minlength=n_bins)
    truth_area = np.bincount(scene.truth.ravel(), minlength=n_bins)
    area = np.bincount(scene.predicted.ravel(), minlength=n_bins)
    truth_boxes = ndimage.find_objects(scene.truth, len(scene.ids))
    boxes = ndimage.find_objects(scene.predicted, len(scene.ids))
    for index, object_id in enumerate(scene.ids.tolist()):
        label = index + 1
        if scene.frame in prompted[object_id]:
            continue
        present = bool(truth_area[label])
        if not present and _unscored(scene, index, prompted[object_id]):
            continue
        j = f = float("nan")
        if present:
            union = truth_area[label] + area[label] - shared[label]
            j = float(shared[label] / union)
        if present and radius is not None:
            box = _union(truth_boxes[index], boxes[index], radius, scene.truth.shape)
            f = boundary_f(
                scene.predicted[box] == label, scene.truth[box] == label, radius
            )
        yield Pair(
            frame=scene.frame,
            object_id=object_id,
            present=present,
            j=j,
            f=f,
            truth_area=int(truth_area[label]),
            area=int(area[label]),
        )


def _unscored(scene: Scene, index: int, prompted: Collection[int]) -> bool:
    """Whether a pair without a true mask says nothing about absence."""
    not_yet = bool(prompted) and scene.frame < min(prompted)
    return not_yet or (scene.marked is not None and bool(scene.marked[index]))


def _union(first: Box, second: Box | None, radius: int, shape: tuple[int, ...]) -> Box:
    """Surround two boxes with the margin that outlines need."""
    margin = radius + 1
    second = second or first
    return tuple(
        slice(
            max(0, min(a.start, b.start) - margin),
            min(size, max(a.stop, b.stop) + margin),
        )
        for a, b, size in zip(first, second, shape, strict=True)
    )


def held_ids(labels: Any, ids: np.ndarray) -> np.ndarray:
    """Tell which of the ids an image holds, boolean, ``(len(ids),)``."""
    return np.isin(ids, np.unique(np.asarray(labels)))


def index_image(labels: Any, ids: np.ndarray) -> np.ndarray:
    """Return 1 + the index of every pixel's id among ``ids``; 0 for any other pixel."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "biu":
        raise InputError(f"labels are {labels.dtype}; expected whole numbers")
    indices = np.zeros(labels.shape, np.int32)
    foreground = labels != 0
    values = labels[foreground].astype(np.int64)
    positions = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
    indices[foreground] = np.where(ids[positions] == values, positions + 1, 0)
    return indices
