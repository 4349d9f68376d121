"""Companion layers lie where the image lies, however it is placed."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import Dims, ViewerModel
from napari.layers import Image, Labels, Points

from napari_sam_i2v.annotator.geometry import MovieGeometry, find_geometry
from napari_sam_i2v.annotator.layers import AnnotationLayers
from napari_sam_i2v.errors import InputError

T, Y, X = 6, 20, 32
TYX = np.array([[0, 0, 0], [5, 19, 31], [2, 7, 11], [3, 0.5, 30.25]], float)
TURN = [[1, 0, 0, 0], [0, 0.8, -0.6, 5], [0, 0.7, 0.9, -3], [0, 0, 0, 1]]

PLACES = {
    "plain": {},
    "scale 2": {"scale": (1, 2, 2)},
    "scale .5": {"scale": (1, 0.5, 0.5)},
    "anisotropic": {"scale": (3, 0.5, 1.25)},
    "translate": {"translate": (4, -10, 30.5)},
    "rotate": {"rotate": 30},
    "shear": {"shear": [0, 0, 0.3]},
    "affine": {"affine": TURN},
    "all": {
        "scale": (2, 0.5, 1.5),
        "translate": (1, 5, -7),
        "rotate": 20,
        "shear": [0, 0, 0.2],
        "affine": TURN,
    },
}


def shown(image: Image, order: tuple[int, ...] | None = None) -> Dims:
    viewer = ViewerModel()
    viewer.add_layer(image)
    if order is not None:
        viewer.dims.order = order
    return viewer.dims


def movie(shape: tuple[int, ...] = (T, Y, X), **options) -> Image:
    return Image(np.zeros(shape, np.uint8), name="movie", **options)


def companion(geometry: MovieGeometry) -> Labels:
    stack = np.zeros(geometry.shape, np.uint8)
    return Labels(geometry.as_layer(stack), **geometry.placement())


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_companions_share_the_image_world(place: dict) -> None:
    image = movie(**place)
    geometry = find_geometry(image, shown(image))
    layer = companion(geometry)
    points = geometry.coordinates(TYX)
    for point, tyx in zip(points, TYX, strict=True):
        np.testing.assert_allclose(
            layer.data_to_world(point), image.data_to_world(tyx), atol=1e-9
        )
    assert geometry.is_companion(layer)
    np.testing.assert_allclose(geometry.positions(layer, points), TYX)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_layer_elsewhere_is_followed_through_the_world(place: dict) -> None:
    image = movie(**place)
    geometry = find_geometry(image, shown(image))
    world = [image.data_to_world(tyx) for tyx in TYX]
    elsewhere = Points(world)
    assert (place == {}) == geometry.is_companion(elsewhere)
    np.testing.assert_allclose(
        geometry.positions(elsewhere, elsewhere.data), TYX, atol=1e-9
    )


@pytest.mark.parametrize(
    ("shape", "order", "axes", "options"),
    [
        ((T, Y, X), None, "TYX", {}),
        ((Y, X, T), (2, 0, 1), "YXT", {}),
        ((X, Y, T), (2, 1, 0), "XYT", {}),
        ((T, 2, Y, X), None, "TCYX", {}),
        ((2, T, Y, X), None, "CTYX", {}),
        ((Y, X, 3, T), (2, 3, 0, 1), "YXCT", {}),
        ((T, Y, X, 3), None, "TYX", {"rgb": True}),
        ((Y, T, X), None, "YTX", {"axis_labels": ("y", "t", "x")}),
        ((Y, X, T), None, "YXT", {"axis_labels": ("Y", "X", "Time")}),
    ],
)
def test_axes_are_found(shape, order, axes, options) -> None:
    image = movie(shape, **options)
    geometry = find_geometry(image, shown(image, order))
    assert geometry.axes == axes
    assert geometry.shape == (T, Y, X)
    assert geometry.video_axes == axes + ("S" if "rgb" in options else "")
    assert geometry.channel_axis == (axes.index("C") if "C" in axes else None)
    points = geometry.coordinates(TYX)
    assert points.shape == (len(TYX), len(axes))
    layer = companion(geometry)
    np.testing.assert_allclose(geometry.positions(layer, points), TYX)
    assert [layer.data.shape[axis] for axis in geometry.tyx] == [T, Y, X]


def test_as_layer_is_a_view_that_keeps_pixels_in_their_places() -> None:
    image = movie((X, 3, Y, T))
    geometry = find_geometry(image, shown(image, (1, 3, 2, 0)))
    stack = np.arange(T * Y * X).reshape(T, Y, X)
    view = geometry.as_layer(stack)
    assert view.shape == (X, 1, Y, T)
    assert np.shares_memory(view, stack)
    for t, y, x in TYX[:3].astype(int):
        point = geometry.coordinates(np.array([[t, y, x]]))[0].astype(int)
        assert view[tuple(point)] == stack[t, y, x]


def test_a_companion_stands_in_the_middle_of_the_channels() -> None:
    image = movie((T, 3, Y, X), scale=(1, 2, 0.5, 0.5), translate=(0, 5, 0, 0))
    geometry = find_geometry(image, shown(image))
    layer = companion(geometry)
    for channel in range(3):
        there = image.data_to_world((0, channel, 4, 6))
        # Stretched over all of them, it is shown beside each.
        nearest = np.round(layer.world_to_data(there))
        np.testing.assert_array_equal(nearest, (0, 0, 4, 6))


def test_multiscale() -> None:
    pyramid = [np.zeros((T, Y, X), np.uint8), np.zeros((T, Y // 2, X // 2), np.uint8)]
    image = Image(pyramid, multiscale=True, scale=(1, 2, 2))
    geometry = find_geometry(image, shown(image))
    assert (geometry.axes, geometry.shape) == ("TYX", (T, Y, X))


def test_a_viewer_with_more_axes_than_the_movie() -> None:
    image = movie()
    dims = shown(image)
    dims.ndim = 5
    assert find_geometry(image, dims).axes == "TYX"


def test_the_axis_of_time_may_be_given() -> None:
    image = movie((4, 3, Y, X))
    assert find_geometry(image, shown(image)).axes == "TCYX"
    assert find_geometry(image, shown(image), 1).axes == "CTYX"


@pytest.mark.parametrize(
    ("shape", "options", "says"),
    [
        ((Y, X), {}, "one single image"),
        ((2, T, 4, Y, X), {}, "5 axes"),
        ((T, 9, Y, X), {}, "depth"),
        ((T, 3, Y, X), {"axis_labels": ("t", "z", "y", "x")}, "depth"),
        ((1, Y, X), {}, "single frame"),
    ],
)
def test_what_is_no_movie_is_refused_in_one_line(shape, options, says) -> None:
    image = movie(shape, **options)
    with pytest.raises(InputError, match=says) as caught:
        find_geometry(image, shown(image))
    assert "\n" not in str(caught.value)


def test_a_shown_axis_cannot_be_time() -> None:
    image = movie()
    with pytest.raises(InputError, match="axis 1"):
        find_geometry(image, shown(image), 1)


def cells() -> np.ndarray:
    """Labels that tell every turn and flip apart."""
    labels = np.zeros((Y, X), np.uint16)
    labels[2:6, 3:12] = 1
    labels[10:18, 20:24] = 2
    return labels


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_labels_in_the_same_place_are_read_as_they_are(place: dict) -> None:
    image = movie(**place)
    geometry = find_geometry(image, shown(image))
    stack = np.zeros((T, Y, X), np.uint16)
    stack[3] = cells()
    layer = Labels(stack, **place)
    np.testing.assert_array_equal(geometry.label_frame(layer, 3), cells())
    assert not geometry.label_frame(layer, 2).any()


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_labels_of_one_image_hold_for_every_frame(place: dict) -> None:
    image = movie(**place)
    geometry = find_geometry(image, shown(image))
    flat = {
        name: value[1:] if name in ("scale", "translate") else value
        for name, value in place.items()
    }
    if "affine" in flat:
        flat["affine"] = np.array(TURN)[1:, 1:]
    if "shear" in flat:
        flat["shear"] = flat["shear"][-1:]
    layer = Labels(cells(), **flat)
    np.testing.assert_array_equal(geometry.label_frame(layer, 4), cells())


def test_labels_of_another_pixel_size_are_resampled() -> None:
    image = movie()
    geometry = find_geometry(image, shown(image))
    fine = np.kron(cells(), np.ones((2, 2), np.uint16))
    # A pixel of the movie is two by two of theirs, around the same middle.
    layer = Labels(fine, scale=(0.5, 0.5), translate=(-0.25, -0.25))
    np.testing.assert_array_equal(geometry.label_frame(layer, 0), cells())


def test_labels_reach_only_as_far_as_they_go() -> None:
    image = movie()
    geometry = find_geometry(image, shown(image))
    corner = Labels(np.ones((4, 5), np.uint8), translate=(10, 20))
    expected = np.zeros((Y, X), np.uint8)
    expected[10:14, 20:25] = 1
    np.testing.assert_array_equal(geometry.label_frame(corner, 1), expected)


def test_labels_with_turned_axes() -> None:
    image = movie((Y, X, T))
    geometry = find_geometry(image, shown(image, (2, 0, 1)))
    stack = np.zeros((Y, X, T), np.uint16)
    stack[..., 3] = cells()
    np.testing.assert_array_equal(geometry.label_frame(Labels(stack), 3), cells())


def test_labels_across_the_movie_are_refused() -> None:
    image = movie()
    geometry = find_geometry(image, shown(image))
    skew = np.eye(4)
    skew[0, 1] = 0.5
    layer = Labels(np.ones((T, Y, X), np.uint8), affine=skew)
    with pytest.raises(InputError, match="plane of the movie"):
        geometry.label_frame(layer, 2)


def test_companions_follow_an_image_that_is_moved() -> None:
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((T, 3, Y, X)))
    geometry = find_geometry(image, viewer.dims)
    layers = AnnotationLayers(viewer, geometry)
    image.scale, image.translate, image.rotate = (1, 2, 3, 0.5), (1, 2, 3, 4), 25
    image.shear, image.affine = [0, 0, 0, 0, 0, 0.2], np.diag([1, 1, 2, 3, 1])
    assert not geometry.is_companion(layers.points)
    layers.follow()
    assert all(geometry.is_companion(layer) for layer in layers.all)
