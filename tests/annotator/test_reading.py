"""Layers of points, shapes and labels as prompts."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Points, Shapes

from napari_sam_i2v.annotator.geometry import MovieGeometry, find_geometry
from napari_sam_i2v.annotator.reading import (
    by_place,
    read_mask,
    read_masks,
    read_points,
    read_shapes,
    together,
)
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt
from scenes import two_crossing

SHAPE = (5, 30, 40)


@pytest.fixture
def geometry() -> MovieGeometry:
    viewer = ViewerModel()
    return find_geometry(viewer.add_image(np.zeros(SHAPE, np.uint8)), viewer.dims)


def outline(frame: int, *corners: tuple[float, float]) -> np.ndarray:
    return np.array([[frame, y, x] for y, x in corners], float)


def one(geometry: MovieGeometry, vertices: np.ndarray, kind: str, **features):
    layer = Shapes(
        [vertices],
        shape_type=kind,
        features={name: [value] for name, value in features.items()},
    )
    return read_shapes(layer, geometry)


def whole(prompt: MaskPrompt) -> np.ndarray:
    mask = np.zeros(SHAPE[1:], bool)
    (top, left), (height, width) = prompt.offset, prompt.mask.shape
    mask[top : top + height, left : left + width] = prompt.mask
    return mask


def test_an_upright_rectangle_is_a_box(geometry: MovieGeometry) -> None:
    corners = outline(2, (5, 8), (5, 20), (15, 20), (15, 8))
    [box] = one(geometry, corners, "rectangle", object_id=7, positive=True)
    assert box == BoxPrompt(frame=2, object_id=7, yx_min=(5, 8), yx_max=(15, 20))


def test_a_rectangle_is_cut_to_the_frame(geometry: MovieGeometry) -> None:
    corners = outline(0, (-5, -8), (-5, 20), (15, 20), (15, -8))
    [box] = one(geometry, corners, "rectangle", object_id=1)
    assert (box.yx_min, box.yx_max) == ((0, 0), (15, 20))
    [outside] = one(geometry, corners - [0, 40, 0], "rectangle", object_id=1)
    assert outside.yx_max[0] < 0


def test_a_rotated_rectangle_is_a_mask(geometry: MovieGeometry) -> None:
    corners = outline(1, (5, 20), (15, 30), (25, 20), (15, 10))
    [mask] = one(geometry, corners, "rectangle", object_id=2)
    assert isinstance(mask, MaskPrompt)
    drawn = whole(mask)
    assert drawn[15, 20] and drawn[8, 20] and not drawn[8, 12]
    assert abs(drawn.sum() - 200) < 25


def test_an_ellipse_is_a_mask(geometry: MovieGeometry) -> None:
    corners = outline(1, (5, 8), (5, 28), (15, 28), (15, 8))
    [mask] = one(geometry, corners, "ellipse", object_id=2)
    assert abs(whole(mask).sum() - np.pi * 5 * 10) < 12
    assert not whole(mask)[5, 8]


def test_a_polygon_is_what_it_encloses(geometry: MovieGeometry) -> None:
    corners = outline(3, (2, 2), (2, 22), (22, 2))
    [mask] = one(geometry, corners, "polygon", object_id=4)
    assert (mask.frame, mask.object_id) == (3, 4)
    assert whole(mask)[5, 5] and not whole(mask)[20, 20]


def test_a_speck_is_a_click(geometry: MovieGeometry) -> None:
    corners = outline(3, (2.2, 2.2), (2.2, 2.4), (2.4, 2.2))
    [point] = one(geometry, corners, "polygon", object_id=4)
    assert isinstance(point, PointPrompt)


@pytest.mark.parametrize("kind", ["line", "path"])
@pytest.mark.parametrize("positive", [True, False])
def test_a_line_is_points(geometry: MovieGeometry, kind: str, positive: bool) -> None:
    ends = outline(1, (3, 4), (10, 12))
    points = one(geometry, ends, kind, object_id=3, positive=positive)
    assert [point.yx for point in points] == [(3, 4), (10, 12)]
    assert {(p.frame, p.object_id, p.positive) for p in points} == {(1, 3, positive)}


def test_a_path_by_hand_is_thinned(geometry: MovieGeometry) -> None:
    way = outline(0, *[(t / 10, t / 10) for t in range(200)])
    points = one(geometry, way, "path", object_id=1)
    assert len(points) <= 12
    assert points[0].yx == (0, 0)
    assert points[-1].yx == pytest.approx((19.9, 19.9))


def test_points_say_what_their_features_say(geometry: MovieGeometry) -> None:
    layer = Points(
        [[0, 1.5, 2.5], [4, 20, 30]],
        features={"object_id": [3, 9], "positive": [False, True]},
    )
    assert read_points(layer, geometry) == [
        PointPrompt(frame=0, object_id=3, yx=(1.5, 2.5), positive=False),
        PointPrompt(frame=4, object_id=9, yx=(20, 30), positive=True),
    ]


def test_points_without_features_are_a_cell_each(geometry: MovieGeometry) -> None:
    layer = Points([[0, 1, 2], [0, 3, 4], [1, 5, 6]])
    assert [p.object_id for p in read_points(layer, geometry)] == [1, 2, 3]
    assert all(point.positive for point in read_points(layer, geometry))


def test_empty_layers_say_nothing(geometry: MovieGeometry) -> None:
    assert read_points(Points(ndim=3), geometry) == []
    assert read_shapes(Shapes(ndim=3), geometry) == []


def test_masks_are_read_and_written_back() -> None:
    labels = two_crossing.truth[2]
    painted = np.zeros_like(labels)
    for prompt in read_masks(labels, 2):
        (top, left), (height, width) = prompt.offset, prompt.mask.shape
        here = painted[top : top + height, left : left + width]
        here[prompt.mask] = prompt.object_id
        alone = read_mask(labels, 2, prompt.object_id)
        np.testing.assert_array_equal(alone.mask, prompt.mask)
        assert alone.offset == prompt.offset
    np.testing.assert_array_equal(painted, labels)
    assert read_mask(labels, 2, 99) is None


def test_places_keep_the_order_of_prompts() -> None:
    clicks = [
        PointPrompt(frame=f, object_id=i, yx=(y, 0.0))
        for y, (f, i) in enumerate([(0, 2), (0, 1), (0, 2), (1, 1)])
    ]
    places = by_place(clicks)
    assert list(places) == [(0, 2), (0, 1), (1, 1)]
    assert [p.yx[0] for p in places[0, 2]] == [0, 2]


def test_a_mask_counts_more_than_a_box_and_the_last_one_counts() -> None:
    point = PointPrompt(frame=0, object_id=1, yx=(1, 1))
    boxes = [
        BoxPrompt(frame=0, object_id=1, yx_min=(0, 0), yx_max=(n, n)) for n in (3, 4)
    ]
    mask = MaskPrompt(frame=0, object_id=1, mask=np.ones((2, 2), bool), offset=(0, 0))
    assert together([], [point, *boxes]) == (boxes[1], point)
    assert together([mask], [point, *boxes]) == (mask, point)
    assert together([], []) == ()
