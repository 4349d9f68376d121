"""Masks of objects on frames, and how overlaps between them are settled."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from napari_sam_i2v.label_stack import LabelStack

if TYPE_CHECKING:
    import pandas as pd

_UINT16_MAX = 2**16 - 1

Ending = Literal["divided", "faded"]
"""Why an object is not looked for any more."""
NO_MORE: Mapping[Ending, float] = {"divided": 0.0, "faded": 1 / 128}
"""Predicted IoU that says so, in masks that are empty."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectMask:
    """One object on one frame, stored as the crop that holds its pixels.

    Attributes
    ----------
    frame
        Frame number, from 0.
    object_id
        The user's id for the object.
    offset
        ``yx`` of ``logits[0, 0]`` in the frame.
    logits
        Mask logits at full resolution, float, ``(h, w)``, cropped to the bounding box
        of the positive ones; ``(0, 0)`` where the object is absent. The mask is
        ``logits > 0``.
    predicted_iou
        The network's estimate of the mask's IoU, 0 to 1; one of `NO_MORE` from where
        on the object is known to be no more.
    object_score
        Logit of the object being in the frame at all.
    """

    frame: int
    object_id: int
    offset: tuple[int, int]
    logits: np.ndarray
    predicted_iou: float
    object_score: float

    @property
    def mask(self) -> np.ndarray:
        """Boolean crop, ``(h, w)``."""
        return np.asarray(self.logits > 0)

    @property
    def area(self) -> int:
        """Pixels of the mask."""
        return int(np.count_nonzero(self.logits > 0))


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameResult:
    """What tracking says of one frame: a mask for every object visited on it."""

    frame: int
    masks: dict[int, ObjectMask]


class ScoreRow(NamedTuple):
    """What ``scores.csv`` says of one object on one visited frame."""

    frame: int
    object_id: int
    area: int
    y: float
    x: float
    predicted_iou: float
    object_score: float


def crop_positive(logits: np.ndarray) -> tuple[tuple[int, int], np.ndarray]:
    """Cut an array down to the bounding box of its positive values.

    Parameters
    ----------
    logits
        ``(H, W)``, any real or boolean type.

    Returns
    -------
    tuple of (int, int) and numpy.ndarray
        ``yx`` of the crop, and the crop; ``(0, 0)`` in size where nothing is positive.
    """
    positive = logits > 0
    rows = np.flatnonzero(positive.any(axis=1))
    if rows.size == 0:
        return (0, 0), logits[:0, :0]
    columns = np.flatnonzero(positive[rows[0] : rows[-1] + 1].any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    crop = logits[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    return (top, left), crop


def settle(
    masks: Iterable[ObjectMask],
    shape: tuple[int, int],
    approved: Collection[int] = (),
) -> np.ndarray:
    """Paint objects into one label image; the higher logit wins where they overlap.

    Parameters
    ----------
    masks
        Objects of one frame. Equal logits go to the lower id.
    shape
        ``(Y, X)`` of the frame.
    approved
        Ids that a person vouched for: they win against those that nobody did.

    Returns
    -------
    numpy.ndarray
        Labels, uint32, ``shape``; 0 is background.
    """
    labels = np.zeros(shape, np.uint32)
    best = np.zeros(shape, np.float32)
    vouched = np.zeros(shape, bool)
    order = sorted(masks, key=lambda m: (m.object_id in approved, m.object_id))
    for mask in order:
        (top, left), (height, width) = mask.offset, mask.logits.shape
        here = np.s_[top : top + height, left : left + width]
        wins = mask.logits > best[here]
        if mask.object_id in approved:
            wins |= (mask.logits > 0) & ~vouched[here]
            vouched[here][wins] = True
        labels[here][wins] = mask.object_id
        best[here][wins] = mask.logits[wins]
    return labels


class MaskSource(Protocol):
    """Where masklets read their masks, frame by frame."""

    @property
    def object_ids(self) -> list[int]:
        """Ids of the objects, sorted."""
        ...

    @property
    def revision(self) -> object:
        """A value that differs whenever the masks may."""
        ...

    def masks_on(self, frame: int) -> dict[int, ObjectMask]:
        """Masks of a frame by object id."""
        ...

    def approved_on(self, frame: int) -> Collection[int]:
        """Ids of the objects whose masks on a frame a person vouched for."""
        ...


class Masklets:
    """The masks of all objects over a movie; they follow their session.

    Parameters
    ----------
    source
        Where the masks are.
    shape
        ``(T, Y, X)`` of the movie.
    frames
        Frames shown; by default all.
    pixel_size
        ``yx`` size of a pixel, where known.
    unit
        Of the pixel size.
    """

    def __init__(
        self,
        source: MaskSource,
        shape: tuple[int, int, int],
        frames: range | None = None,
        *,
        pixel_size: tuple[float, float] | None = None,
        unit: str | None = None,
    ) -> None:
        self.shape = shape
        self.pixel_size = pixel_size
        self.unit = unit
        self._source = source
        self._frames = range(shape[0]) if frames is None else frames
        self._scores: tuple[object, pd.DataFrame] | None = None

    @property
    def ids(self) -> list[int]:
        """Ids of the objects, sorted."""
        return self._source.object_ids

    @property
    def frames(self) -> range:
        """Frames shown."""
        return self._frames

    @property
    def labels(self) -> LabelStack:
        """Labels ``(T, Y, X)``, overlaps settled; frames not visited are 0."""
        highest = max(self.ids, default=0)
        dtype = np.dtype(np.uint16 if highest <= _UINT16_MAX else np.uint32)
        return LabelStack(self._paint, self.shape, dtype)

    @property
    def scores(self) -> pd.DataFrame:
        """One row per object and visited frame, sorted by frame, then id.

        Columns: ``frame``, ``object_id``; ``area`` (pixels in the labels), ``y``, ``x``
        (their centre, empty where there are none); ``predicted_iou`` (0 to 1) and
        ``object_score`` (a logit).
        """
        revision = self._source.revision
        if self._scores is None or self._scores[0] != revision:
            rows = (row for frame in self._frames for row in self.rows(frame))
            self._scores = revision, _score_table(rows)
        return self._scores[1].copy()

    def frame(self, frame: int) -> FrameResult:
        """Return the masks of one frame, overlaps not settled."""
        masks = self._source.masks_on(frame) if frame in self._frames else {}
        return FrameResult(frame=frame, masks=masks)

    def _paint(self, frame: int) -> np.ndarray:
        masks = self.frame(frame).masks.values()
        return settle(masks, self.shape[1:], self._source.approved_on(frame))

    def rows(self, frame: int, labels: np.ndarray | None = None) -> list[ScoreRow]:
        """Describe the masks of one frame, sorted by id.

        Parameters
        ----------
        frame
            Frame number.
        labels
            Labels of the frame, where they are at hand already.
        """
        masks = self.frame(frame).masks
        if labels is None:
            labels = self._paint(frame)
        return [_score_row(masks[object_id], labels) for object_id in sorted(masks)]


def _score_row(mask: ObjectMask, labels: np.ndarray) -> ScoreRow:
    (top, left), (height, width) = mask.offset, mask.logits.shape
    crop = labels[top : top + height, left : left + width]
    rows, columns = np.nonzero(crop == mask.object_id)
    area = int(rows.size)
    return ScoreRow(
        frame=mask.frame,
        object_id=mask.object_id,
        area=area,
        y=top + float(rows.mean()) if area else math.nan,
        x=left + float(columns.mean()) if area else math.nan,
        predicted_iou=mask.predicted_iou,
        object_score=mask.object_score,
    )


def _score_table(rows: Iterable[ScoreRow]) -> pd.DataFrame:
    import pandas as pd

    whole = ("frame", "object_id", "area")
    fields = [(name, "i8" if name in whole else "f8") for name in ScoreRow._fields]
    # As one array: a hundred thousand rows as Python objects would be felt.
    table = np.fromiter(rows, np.dtype(fields))
    return pd.DataFrame({name: table[name] for name in ScoreRow._fields})
