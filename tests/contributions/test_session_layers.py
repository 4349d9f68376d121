"""A session folder opens in napari as it was saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

import scenes
from fakes import ThresholdPredictor
from napari_sam_i2v.contributions import session_layers
from napari_sam_i2v.contributions.settings import PluginSettings
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.session_folder import MASK_FILE, SESSION_FILE
from napari_sam_i2v.prompts import BoxPrompt, PointPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.video import open_video
from scenes import BRIGHT

PLUGIN = "napari-sam-i2v"
MASKLETS, CLICKS, BOXES = "movie masklets", "movie clicks", "movie boxes"


@pytest.mark.parametrize("inside", ["", SESSION_FILE])
def test_a_session_opens_as_it_was(
    viewer: ViewerModel, session: TrackingSession, folder: Path, inside: str
) -> None:
    viewer.open(folder / inside, plugin=PLUGIN)

    names = [layer.name for layer in viewer.layers]
    assert names == ["movie", MASKLETS, CLICKS, BOXES]
    masklets = np.asarray(viewer.layers[MASKLETS].data)
    np.testing.assert_array_equal(masklets, session.masklets.labels)
    assert masklets.any(axis=(1, 2)).all()
    for layer in viewer.layers:
        assert layer.metadata["sam_i2v_session"] == str(folder.resolve())
        np.testing.assert_allclose(layer.scale, (1, 0.5, 0.25))
        assert [str(unit) for unit in layer.units] == [
            "pixel",
            "micrometer",
            "micrometer",
        ]


def test_the_movie_is_read_when_shown(viewer: ViewerModel, folder: Path) -> None:
    viewer.open(folder, plugin=PLUGIN)
    layer = viewer.layers["movie"]
    assert isinstance(layer.data, da.Array)
    np.testing.assert_array_equal(layer.data, scenes.two_crossing.images)
    assert tuple(layer.contrast_limits) == (0, 2 * BRIGHT)


def test_prompts_can_be_read_off_the_layers(
    viewer: ViewerModel, session: TrackingSession, folder: Path
) -> None:
    viewer.open(folder, plugin=PLUGIN)
    points, boxes = viewer.layers[CLICKS], viewer.layers[BOXES]

    clicks = {
        (int(place[0]), int(row.object_id), bool(row.positive), *place[1:])
        for place, row in zip(points.data, points.features.itertuples(), strict=True)
    }
    given = [one for one in session.prompts() if isinstance(one, PointPrompt)]
    assert clicks == {(p.frame, p.object_id, p.positive, *p.yx) for p in given}
    (box,) = [one for one in session.prompts() if isinstance(one, BoxPrompt)]
    (corners,) = boxes.data
    assert set(corners[:, 0]) == {box.frame}
    np.testing.assert_array_equal(corners[:, 1:].min(axis=0), box.yx_min)
    np.testing.assert_array_equal(corners[:, 1:].max(axis=0), box.yx_max)
    assert boxes.features.object_id.tolist() == [box.object_id]


def test_masklets_too_large_for_memory_are_painted_when_shown(
    viewer: ViewerModel,
    session: TrackingSession,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def small() -> PluginSettings:
        return PluginSettings(memory_limit_gb=0)

    monkeypatch.setattr(session_layers, "plugin_settings", small)
    viewer.open(folder, plugin=PLUGIN)
    shutil.rmtree(folder)  # nothing is left open in it, and the layer stays
    layer = viewer.layers[MASKLETS]
    assert isinstance(layer.data, da.Array)
    np.testing.assert_array_equal(layer.data, session.masklets.labels)


def test_reading_changes_nothing(viewer: ViewerModel, folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    viewer.open(folder, plugin=PLUGIN)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def move(movie: Path, folder: Path) -> None:
    movie.rename(movie.with_name("elsewhere.tif"))


def alter(movie: Path, folder: Path) -> None:
    tifffile.imwrite(movie, scenes.touching.images, metadata={"axes": "TYX"})


def forget(movie: Path, folder: Path) -> None:
    record = json.loads((folder / SESSION_FILE).read_text())
    record["movie"]["path"] = None
    (folder / SESSION_FILE).write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("happen", "said"),
    [(move, "no such file"), (alter, "not the one"), (forget, "was no file")],
)
def test_without_its_movie_a_session_still_opens(
    viewer: ViewerModel,
    movie: Path,
    folder: Path,
    happen: Callable[[Path, Path], None],
    said: str,
) -> None:
    happen(movie, folder)
    viewer.open(folder, plugin=PLUGIN)
    kinds = [layer._type_string for layer in viewer.layers]
    assert kinds == ["labels", "points", "shapes"]
    assert said in notification_manager.records[-1].message


def lose_masks(folder: Path) -> None:
    (folder / MASK_FILE).unlink()


def break_masks(folder: Path) -> None:
    (folder / MASK_FILE).write_bytes(b"no database" * 100)


def break_record(folder: Path) -> None:
    (folder / SESSION_FILE).write_text('{"format": 1, ')


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose_masks, "is missing"),
        (break_masks, "is damaged"),
        (break_record, "cannot be read"),
    ],
)
def test_a_damaged_session_is_one_line(
    viewer: ViewerModel, folder: Path, harm: Callable[[Path], None], said: str
) -> None:
    harm(folder)
    with pytest.raises(InputError, match=said) as raised:
        viewer.open(folder, plugin=PLUGIN)
    assert "\n" not in str(raised.value)
    assert not viewer.layers


@pytest.mark.parametrize("shape", [(4, 24, 32, 3), (4, 2, 24, 32)])
def test_colours_and_channels(
    viewer: ViewerModel, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    is_colour = shape[-1] == 3
    np.save(tmp_path / "movie.npy", pixels if is_colour else pixels.astype(np.uint16))
    settings = TrackSettings(channels=None if is_colour else (0, 1))
    video = open_video(tmp_path / "movie.npy", channel=settings.channels)
    session = TrackingSession(video, ThresholdPredictor(video), settings=settings)
    session.save(tmp_path / "session")
    viewer.open(tmp_path / "session", plugin=PLUGIN)
    images = [layer for layer in viewer.layers if layer._type_string == "image"]
    if is_colour:
        assert [layer.rgb for layer in images] == [True]
        np.testing.assert_array_equal(images[0].data, pixels)
    else:
        for channel, layer in enumerate(images):
            np.testing.assert_array_equal(layer.data, pixels[:, channel])
        assert len(images) == 2
