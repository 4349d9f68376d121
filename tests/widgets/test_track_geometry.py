"""A click lands on the cell that is seen there, however the movie is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import zarr
from qtpy.QtTest import QTest

import clicks
from fakes import ThresholdPredictor
from napari_sam_i2v import backends
from scenes import late_arrival as SCENE
from widgets.desk import Desk, centre

pytestmark = pytest.mark.qt
T = SCENE.n_frames
TURN = np.array([[1, 0, 0, 0], [0, 0.8, -0.5, 5], [0, 0.4, 0.9, -3], [0, 0, 0, 1]])


class Grey:
    """A movie of which an engine sees one channel."""

    def __init__(self, video: Any) -> None:
        self.shape = video.shape
        self._video = video

    def frame(self, t: int) -> np.ndarray:
        pixels = self._video.frame(t)
        return pixels if pixels.ndim == 2 else pixels[..., 0]


def build(name: str, video: Any, **options: Any) -> ThresholdPredictor:
    del name, options
    return ThresholdPredictor(Grey(video))


def channels() -> np.ndarray:
    """The scene is the second of two channels; the first is of no use."""
    return np.stack([np.full_like(SCENE.images, 7), SCENE.images], axis=1)


def colour() -> np.ndarray:
    grey = (SCENE.images // 10).astype(np.uint8)
    return np.stack([grey, grey // 2, grey], axis=-1)


def lazy(images: np.ndarray) -> Any:
    return dask.array.from_array(images, chunks=(1, -1, -1))


def stored(images: np.ndarray) -> Any:
    made = zarr.create_array({}, shape=images.shape, dtype=images.dtype)
    made[:] = images
    return made


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": (SCENE.images, {}),
    "scale 2": (SCENE.images, {"scale": (1, 2, 2)}),
    "scale .5": (SCENE.images, {"scale": (1, 0.5, 0.5)}),
    "anisotropic": (SCENE.images, {"scale": (3, 0.5, 1.25)}),
    "translate": (SCENE.images, {"translate": (4, -10, 30)}),
    "rotate": (SCENE.images, {"rotate": 30}),
    "affine": (SCENE.images, {"affine": TURN, "scale": (1, 0.5, 0.7)}),
    "YXT": (np.moveaxis(SCENE.images, 0, -1), {"order": (2, 0, 1)}),
    "TCYX": (channels(), {"scale": (1, 1, 0.5, 0.5)}),
    "RGB": (colour(), {"rgb": True}),
    "dask": (lambda: lazy(SCENE.images), {"contrast_limits": (0, 2000)}),
    "zarr": (lambda: stored(SCENE.images), {"contrast_limits": (0, 2000)}),
    "multiscale zarr": (
        lambda: [stored(SCENE.images), stored(SCENE.images[:, ::2, ::2])],
        {"multiscale": True, "contrast_limits": (0, 2000)},
    ),
    "multiscale": (
        [SCENE.images, SCENE.images[:, ::2, ::2]],
        {"multiscale": True, "contrast_limits": (0, 2000)},
    ),
}


@pytest.fixture(autouse=True)
def threshold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path))
    monkeypatch.setitem(backends.BACKENDS, "threshold", build)
    return


def click_and_track(desk: Desk) -> None:
    """Both cells on a frame, followed to the end, as they are in truth."""
    desk.go_to(5)
    desk.viewer.reset_view()
    desk.click_cell(2, 5)
    np.testing.assert_array_equal(desk.stack[5], SCENE.truth[5] == 2)
    desk.click_cell(1, 5, clicks.SHIFT)
    expected = np.where(SCENE.truth[5] == 1, 2, SCENE.truth[5] == 2)
    np.testing.assert_array_equal(desk.stack[5], expected)
    y, x = centre(SCENE.mask(2, 5))
    prompt = desk.annotator.desk.session.prompts()[0]
    assert (prompt.frame, prompt.object_id) == (5, 1)
    np.testing.assert_allclose(prompt.yx, (y, x), atol=0.6)
    desk.run()
    np.testing.assert_array_equal(
        desk.stack[7], np.where(SCENE.truth[7] == 1, 2, SCENE.truth[7] == 2)
    )


@pytest.mark.parametrize("case", CASES)
def test_a_click_lands(make_napari_viewer: Callable[..., Any], case: str) -> None:
    images, options = CASES[case]
    images = images() if callable(images) else images
    desk = Desk(make_napari_viewer(), images, SCENE.truth, **options)
    if case == "TCYX":
        desk.viewer.dims.set_current_step(1, 1)
    desk.start()
    click_and_track(desk)
    clicks.push(desk.widget.prompt.findChild(object, "masks"))
    desk.annotator.choose(7)
    desk.annotator.layers.masks.brush_size = 2
    desk.drag(5, (20, 4), (20, 5))
    assert desk.stack[5, 20, 4] == 7
    assert desk.annotator.layers.painted[5, 20, 4] == 7


def test_beside_a_layer_of_another_shape(
    make_napari_viewer: Callable[..., Any],
) -> None:
    viewer = make_napari_viewer()
    viewer.add_image(np.zeros((3, 12, 80, 90), np.uint8), name="stack")
    viewer.add_points(np.array([[400.0, -50.0]]))
    desk = Desk(viewer, SCENE.images, SCENE.truth)
    desk.widget.movie.movie.value = desk.image
    desk.start()
    assert desk.annotator.geometry.axes == "TYX"
    click_and_track(desk)


def test_axes_and_units_are_the_movies(make_napari_viewer: Callable[..., Any]) -> None:
    desk = Desk(
        make_napari_viewer(),
        SCENE.images,
        SCENE.truth,
        axis_labels=("time", "row", "column"),
        units=("s", "um", "um"),
    )
    desk.start()
    for layer in desk.annotator.layers.all:
        assert layer.axis_labels == ("time", "row", "column")
        assert layer.units == desk.image.units


def test_within_a_cropped_range(make_napari_viewer: Callable[..., Any]) -> None:
    desk = Desk(make_napari_viewer(), SCENE.images, SCENE.truth)
    desk.viewer.dims.set_range(0, (4, 7, 1))
    desk.viewer.dims.set_current_step(0, 1)
    desk.start()
    assert desk.annotator.layers.frame_shown() == 5
    yx = centre(SCENE.mask(2, 5))
    clicks.click(desk.viewer, desk.place(5, *yx))
    desk.settle()
    np.testing.assert_array_equal(desk.stack[5], SCENE.truth[5] == 2)


@pytest.mark.parametrize("when", ["before", "after"])
def test_turned_axes_of_the_viewer(
    make_napari_viewer: Callable[..., Any], when: str
) -> None:
    desk = Desk(make_napari_viewer(), SCENE.images, SCENE.truth)
    if when == "before":
        desk.viewer.dims.order = (0, 2, 1)
        desk.start()
        assert desk.annotator.geometry.axes == "TXY"
    else:
        desk.start()
        desk.viewer.dims.order = (0, 2, 1)
        click_and_track(desk)


def test_two_channels_at_once(
    make_napari_viewer: Callable[..., Any], notes: list[str]
) -> None:
    desk = Desk(make_napari_viewer(), channels(), SCENE.truth)
    line = desk.widget.movie.channels
    QTest.keyClicks(line, "red")
    clicks.push(desk.widget.start_button)
    assert desk.widget.annotator is None
    assert notes == ["warning: channels 'red' are no numbers; write 1, or 0, 2 for two"]
    line.clear()
    QTest.keyClicks(line, "1, 0")
    desk.start()
    assert desk.annotator.desk.session.video.frame(0).shape == (
        *SCENE.images.shape[1:],
        2,
    )
    click_and_track(desk)
