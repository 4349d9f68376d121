"""Engines of tiny random models on small movies, and how their answers compare."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from napari_sam_i2v.inference.devices import Computing
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.video import open_video
from tiny import tiny_model

SIZE = (40, 52)
Answers = dict[tuple[int, int], ObjectMask]


def cells(frames: int = 10, seed: int = 0) -> np.ndarray:
    """Bright blobs that wander over a mottled ground, ``(T, Y, X)`` uint16."""
    rng = np.random.default_rng(seed)
    ground = ndimage.gaussian_filter(rng.normal(size=SIZE), 2) * 8
    paths = rng.uniform(8, 32, (3, 1, 2)) + np.cumsum(
        rng.normal(0, 1, (3, frames, 2)), axis=1
    )
    y, x = np.indices(SIZE)
    movie = np.empty((frames, *SIZE))
    for t in range(frames):
        movie[t] = ground + rng.normal(0, 0.1, SIZE)
        for i, path in enumerate(paths):
            movie[t] += (2 + i) * np.exp(
                -((y - path[t, 0]) ** 2 + (x - path[t, 1]) ** 2) / 30
            )
    return (1000 + 300 * movie).clip(0, 65535).astype(np.uint16)


def engine(
    movie: np.ndarray | None = None,
    model: SamI2V | None = None,
    *,
    views: str = "frame",
    **options: Any,
) -> SamI2VPredictor:
    """Build an engine, by default of the plain tiny model on ten frames of cells."""
    video = open_video(cells() if movie is None else movie)
    return SamI2VPredictor(
        model or tiny_model(), video, Computing("cpu"), views=views, **options
    )


def click(
    frame: int = 0,
    object_id: int = 1,
    yx: tuple[float, float] = (20.0, 25.0),
    positive: bool = True,
) -> PointPrompt:
    return PointPrompt(frame=frame, object_id=object_id, yx=yx, positive=positive)


def box(
    frame: int = 0,
    object_id: int = 1,
    corners: tuple[float, float, float, float] = (10.0, 12.0, 24.0, 30.0),
) -> BoxPrompt:
    return BoxPrompt(
        frame=frame, object_id=object_id, yx_min=corners[:2], yx_max=corners[2:]
    )


def disc(
    frame: int = 0,
    object_id: int = 1,
    centre: tuple[float, float] = (20.0, 24.0),
    radius: float = 6,
) -> MaskPrompt:
    """A round mask prompt, stored as the crop that holds it."""
    y, x = np.indices(SIZE)
    mask = np.hypot(y - centre[0], x - centre[1]) <= radius
    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    offset = (int(rows[0]), int(columns[0]))
    return MaskPrompt(frame=frame, object_id=object_id, mask=crop, offset=offset)


def prompt(predictor: SamI2VPredictor, *prompts: Prompt, **options: Any) -> ObjectMask:
    """Segment an object on a frame, both taken from the first prompt."""
    first = prompts[0]
    return predictor.segment(first.frame, first.object_id, prompts, **options)


def track(
    predictor: SamI2VPredictor,
    frames: Iterable[int],
    object_ids: Sequence[int] = (1,),
    *,
    reverse: bool = False,
) -> Answers:
    """Track objects over frames; answers by frame and object."""
    return {
        (frame, object_id): mask
        for frame in frames
        for object_id, mask in predictor.track(
            frame, object_ids, reverse=reverse
        ).items()
    }


def full(mask: ObjectMask, shape: tuple[int, int] = SIZE) -> np.ndarray:
    """A mask on the whole frame."""
    return full_logits(mask, shape) > 0


def full_logits(mask: ObjectMask, shape: tuple[int, int] = SIZE) -> np.ndarray:
    """Positive logits on the whole frame, 0 elsewhere."""
    whole = np.zeros(shape, np.float32)
    (top, left), (height, width) = mask.offset, mask.logits.shape
    whole[top : top + height, left : left + width] = mask.logits.clip(0)
    return whole


def iou(a: np.ndarray, b: np.ndarray) -> float:
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0


def assert_identical(a: Answers, b: Answers) -> None:
    """Same frames and objects, to the last bit."""
    assert a.keys() == b.keys()
    for key in a:
        assert a[key].offset == b[key].offset, key
        assert np.array_equal(a[key].logits, b[key].logits), key
        assert a[key].predicted_iou == b[key].predicted_iou, key
        assert a[key].object_score == b[key].object_score, key


def assert_alike(a: Answers, b: Answers) -> None:
    """Same frames and objects, but for the rounding of another batch.

    Masks of random weights are all border: pixels whose logits are next to nothing may
    fall on either side.
    """
    assert a.keys() == b.keys()
    for key in a:
        logits = [full_logits(each[key]) for each in (a, b)]
        both = (logits[0] > 0) & (logits[1] > 0)
        assert np.abs(logits[0] - logits[1])[both].max(initial=0) < 0.05, key
        assert np.maximum(*logits)[~both].max(initial=0) < 0.05, key
        assert abs(a[key].predicted_iou - b[key].predicted_iou) < 1e-2, key
        assert abs(a[key].object_score - b[key].object_score) < 5e-2, key


def differ(a: ObjectMask, b: ObjectMask) -> bool:
    return iou(full(a), full(b)) < 0.99
