"""The plugin as napari has it, without a window."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tifffile
from napari import settings
from napari.components import ViewerModel

import scenes
from fakes import ThresholdPredictor
from napari_sam_i2v.prompts import BoxPrompt, PointPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.video import open_video
from scenes import BRIGHT, Scene
from sources import PACKAGE


@pytest.fixture
def plugins(npe2pm: Any) -> Iterator[Any]:
    """npe2's plugin manager, with napari's own plugin and this one."""
    with (
        npe2pm.tmp_plugin(package="napari"),
        npe2pm.tmp_plugin(manifest=PACKAGE / "napari.yaml"),
    ):
        yield npe2pm


@pytest.fixture
def preferences(plugins: Any, plugin_settings: Any) -> Any:
    """The plugin's part of napari's preferences."""
    del plugin_settings  # napari's fixture keeps settings in this test's folder
    return settings.get_plugin_settings("napari-sam-i2v").tracking


@pytest.fixture
def viewer(plugins: Any) -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """A movie file with pixels of 0.5 x 0.25 µm."""
    path = tmp_path / "movie.tif"
    images = scenes.two_crossing.images
    described = {"axes": "TYX", "unit": "um"}
    resolution = (1 / 0.25, 1 / 0.5)
    tifffile.imwrite(
        path, images, imagej=True, resolution=resolution, metadata=described
    )
    return path


@pytest.fixture
def session(movie: Path) -> TrackingSession:
    """Objects 1 and 2 of a movie, followed; all kinds of prompts."""
    scene = scenes.two_crossing
    video = open_video(movie, contrast=(0, 2.0 * BRIGHT))
    session = TrackingSession(video, ThresholdPredictor(video))
    session.add(scene.click(1, 0))
    session.add(PointPrompt(frame=0, object_id=1, yx=(22.5, 30.0), positive=False))
    session.add(_box(scene, 2, 0))
    session.add(scene.mask_prompt(2, 7))
    for _ in session.propagate():
        pass
    return session


@pytest.fixture
def folder(session: TrackingSession, tmp_path: Path) -> Path:
    """The session, saved."""
    session.save(tmp_path / "session")
    return tmp_path / "session"


def _box(scene: Scene, object_id: int, frame: int) -> BoxPrompt:
    rows, columns = scene.mask(object_id, frame).nonzero()
    return BoxPrompt(
        frame=frame,
        object_id=object_id,
        yx_min=(float(rows.min()), float(columns.min())),
        yx_max=(float(rows.max()), float(columns.max())),
    )
