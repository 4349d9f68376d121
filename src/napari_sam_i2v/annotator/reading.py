"""What prompt layers say: napari's points, shapes and labels as prompts.

A rectangle is a box. An ellipse or a polygon is a mask, what it encloses. The vertices
of a line or path are positive points, or negative ones where it is marked so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.draw import polygon2mask

from napari_sam_i2v.annotator.geometry import MovieGeometry
from napari_sam_i2v.annotator.names import OBJECT_ID, POSITIVE
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.masklets import crop_positive
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt

if TYPE_CHECKING:
    from napari.layers import Points, Shapes

Place = tuple[int, int]
"""A frame and an object's id."""

Places = dict[Place, tuple[Prompt, ...]]

_PATH_POINTS = 12
_ELLIPSE_POINTS = 64


def by_place(prompts: Iterable[Prompt]) -> Places:
    """Sort prompts by frame and object; their order is kept."""
    places: dict[Place, list[Prompt]] = {}
    for prompt in prompts:
        places.setdefault((prompt.frame, prompt.object_id), []).append(prompt)
    return {place: tuple(found) for place, found in places.items()}


def read_points(
    layer: Points, geometry: MovieGeometry, first_id: int = 1
) -> list[PointPrompt]:
    """Read a Points layer, one prompt for each point.

    Features ``object_id`` and ``positive`` say what a point is; without them every
    point is a cell of its own, numbered from ``first_id``.
    """
    tyx = geometry.positions(layer, layer.data)
    ids, positive = _features(layer, len(tyx), first_id)
    return [
        PointPrompt(
            frame=round(float(t)),
            object_id=ids[row],
            yx=(float(y), float(x)),
            positive=positive[row],
        )
        for row, (t, y, x) in enumerate(tyx)
    ]


def read_shapes(
    layer: Shapes, geometry: MovieGeometry, first_id: int = 1
) -> list[Prompt]:
    """Read a Shapes layer: boxes, masks and points; ids as of `read_points`."""
    ids, positive = _features(layer, len(layer.data), first_id)
    prompts: list[Prompt] = []
    for row, (kind, vertices) in enumerate(
        zip(layer.shape_type, layer.data, strict=True)
    ):
        tyx = geometry.positions(layer, vertices)
        prompts += _shape(str(kind), tyx, ids[row], positive[row], geometry.shape)
    return prompts


def read_mask(labels: np.ndarray, frame: int, object_id: int) -> MaskPrompt | None:
    """Read an object's pixels of a label frame ``(Y, X)``; ``None`` without any."""
    offset, mask = crop_positive(labels == object_id)
    if mask.size == 0:
        return None
    return MaskPrompt(frame=frame, object_id=object_id, mask=mask, offset=offset)


def write_masks(
    labels: np.ndarray, object_id: int, masks: Iterable[MaskPrompt]
) -> None:
    """Have a label frame ``(Y, X)`` show an object as masks say, and nowhere else."""
    labels[labels == object_id] = 0
    for mask in masks:
        (top, left), (height, width) = mask.offset, mask.mask.shape
        labels[top : top + height, left : left + width][mask.mask] = object_id


def read_masks(labels: np.ndarray, frame: int) -> list[MaskPrompt]:
    """Read every object of a label frame ``(Y, X)``."""
    from skimage.measure import regionprops

    whole = labels.astype(np.int64, copy=False)
    return [
        MaskPrompt(
            frame=frame,
            object_id=int(region.label),
            mask=region.image,
            offset=(int(region.bbox[0]), int(region.bbox[1])),
        )
        for region in regionprops(whole)
    ]


def together(base: Iterable[Prompt], points: Iterable[Prompt]) -> tuple[Prompt, ...]:
    """Choose what a place asks for: the last mask, else the last box; then points."""
    given = [*base, *points]
    masks = [prompt for prompt in given if isinstance(prompt, MaskPrompt)]
    boxes = [prompt for prompt in given if isinstance(prompt, BoxPrompt)]
    clicks = [prompt for prompt in given if isinstance(prompt, PointPrompt)]
    return (*(masks or boxes)[-1:], *clicks)


def say_the_same(one: tuple[Prompt, ...], other: tuple[Prompt, ...]) -> bool:
    """Whether prompts of a place say the same."""
    return len(one) == len(other) and all(map(_alike, one, other))


def _alike(one: Prompt, other: Prompt) -> bool:
    if isinstance(one, MaskPrompt) and isinstance(other, MaskPrompt):
        there = (one.frame, one.object_id, one.offset)
        return there == (other.frame, other.object_id, other.offset) and (
            np.array_equal(one.mask, other.mask)
        )
    return one == other


def _features(layer: Any, count: int, first_id: int) -> tuple[list[int], list[bool]]:
    table = layer.features
    if OBJECT_ID in table:
        try:
            ids = [int(one) for one in table[OBJECT_ID]]
        except (TypeError, ValueError):
            raise InputError(
                f"{layer.name!r} has rows whose {OBJECT_ID} is no whole number; fill "
                "them in, or remove that feature"
            ) from None
    else:
        ids = list(range(first_id, first_id + count))
    if POSITIVE in table:
        return ids, [bool(one) for one in table[POSITIVE]]
    return ids, [True] * count


def _shape(
    kind: str,
    tyx: np.ndarray,
    object_id: int,
    positive: bool,
    shape: tuple[int, int, int],
) -> list[Prompt]:
    frame, outline = round(float(tyx[:, 0].mean())), tyx[:, 1:]
    if kind == "rectangle" and _is_upright(outline):
        low, high = outline.min(axis=0), outline.max(axis=0)
        return [_box(frame, object_id, low, high, shape[1:])]
    if kind in ("line", "path"):
        return [
            PointPrompt(
                frame=frame,
                object_id=object_id,
                yx=(float(y), float(x)),
                positive=positive,
            )
            for y, x in _thinned(outline)
        ]
    if kind == "ellipse":
        outline = _ellipse(outline)
    offset, mask = _enclosed(outline, shape[1:])
    if mask.size == 0:
        # Too small or outside: a click in its middle says the same, or why not.
        y, x = (float(middle) for middle in outline.mean(axis=0))
        return [PointPrompt(frame=frame, object_id=object_id, yx=(y, x))]
    return [MaskPrompt(frame=frame, object_id=object_id, mask=mask, offset=offset)]


def _enclosed(
    outline: np.ndarray, shape: tuple[int, ...]
) -> tuple[tuple[int, int], np.ndarray]:
    """Give what an outline encloses of the frame: a corner, and a mask from there."""
    limits = np.array(shape)
    low = np.clip(np.floor(outline.min(axis=0)).astype(int), 0, limits)
    high = np.clip(np.ceil(outline.max(axis=0)).astype(int) + 1, low, limits)
    (top, left), mask = crop_positive(polygon2mask(tuple(high - low), outline - low))
    return (top + int(low[0]), left + int(low[1])), mask


def _is_upright(corners: np.ndarray) -> bool:
    sides = np.abs(np.diff(corners[:3], axis=0))
    return bool((sides.min(axis=1) <= 1e-3 + 0.01 * sides.max(axis=1)).all())


def _box(
    frame: int,
    object_id: int,
    low: np.ndarray,
    high: np.ndarray,
    shape: tuple[int, ...],
) -> BoxPrompt:
    """Cut a drawn rectangle to the frame; one wholly outside stays, to be refused."""
    limits = np.array(shape, float) - 1
    if (high >= 0).all() and (low <= limits).all():
        low, high = np.clip(low, 0, limits), np.clip(high, 0, limits)
    return BoxPrompt(
        frame=frame,
        object_id=object_id,
        yx_min=(float(low[0]), float(low[1])),
        yx_max=(float(high[0]), float(high[1])),
    )


def _thinned(vertices: np.ndarray) -> np.ndarray:
    """Keep a few points, evenly along a path drawn by hand."""
    if len(vertices) <= _PATH_POINTS:
        return vertices
    chosen = np.linspace(0, len(vertices) - 1, _PATH_POINTS).round().astype(int)
    return np.asarray(vertices[chosen])


def _ellipse(corners: np.ndarray) -> np.ndarray:
    """Trace the ellipse within four corners, a parallelogram."""
    middle = corners.mean(axis=0)
    across = (corners[1] - corners[0]) / 2
    down = (corners[3] - corners[0]) / 2
    angle = np.linspace(0, 2 * np.pi, _ELLIPSE_POINTS, endpoint=False)[:, None]
    return np.asarray(middle + np.cos(angle) * across + np.sin(angle) * down)
