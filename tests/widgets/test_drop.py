"""Files and folders dropped on a real window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QRadioButton

import clicks
from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.io.session_folder import read_session
from napari_sam_i2v.tracking import open_session
from napari_sam_i2v.widgets.track import TrackWidget
from scenes import two_crossing as SCENE
from sources import PACKAGE
from widgets.dropping import drop

pytestmark = pytest.mark.qt


@pytest.fixture
def viewer(npe2pm: Any, make_napari_viewer: Callable[..., Any]) -> Iterator[Any]:
    """A window of a napari that knows the plugin."""
    with (
        npe2pm.tmp_plugin(package="napari"),
        npe2pm.tmp_plugin(manifest=PACKAGE / "napari.yaml"),
    ):
        yield make_napari_viewer(show=True)


@pytest.fixture
def folder(tmp_path: Path, sessions: Path) -> Path:
    """A session in which both cells are tracked."""
    tifffile.imwrite(tmp_path / "movie.tif", SCENE.images, metadata={"axes": "TYX"})
    session = open_session(tmp_path / "movie.tif", model="threshold")
    session.add_all(SCENE.first_masks)
    for _ in session.propagate():
        pass
    session.save(tmp_path / "session")
    session.close()
    return tmp_path / "session"


def check(viewer: Any) -> None:
    [labels] = [layer for layer in viewer.layers if "masklets" in layer.name]
    np.testing.assert_array_equal(np.asarray(labels.data), SCENE.truth)


def test_a_session_file_opens_at_once(viewer: Any, folder: Path) -> None:
    drop(viewer, folder / "session.json")
    check(viewer)


def test_of_a_folder_napari_asks_who_is_to_read_it(viewer: Any, folder: Path) -> None:
    def choose() -> None:
        dialog: Any = QApplication.activeModalWidget()
        if dialog is None:
            QTimer.singleShot(10, choose)
            return
        readers = dialog.findChildren(QRadioButton)
        clicks.push(next(each for each in readers if "SAM-I2V" in each.text()))
        [buttons] = dialog.findChildren(QDialogButtonBox)
        clicks.push(buttons.button(QDialogButtonBox.StandardButton.Ok))

    QTimer.singleShot(10, choose)
    drop(viewer, folder)
    check(viewer)


@pytest.fixture
def widget(viewer: Any, sessions: Path) -> TrackWidget:
    widget = TrackWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment & track")
    widget.movie.list_models("threshold")
    return widget


def wait_until_open(widget: TrackWidget, count: int = 2) -> Annotator:
    """Wait for the session's objects, and for all that is to be painted."""
    annotator = widget.annotator
    assert annotator is not None
    clicks.wait_for(lambda: len(annotator.objects) == count, "the session")
    clicks.wait_for(lambda: not annotator.desk._dirty, "painting")
    clicks.breathe(0.02)
    return annotator


def shown(viewer: Any) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible]


OURS = ["movie masklets", "movie mask prompts", "movie boxes", "movie clicks"]


def test_a_dropped_session_is_gone_on_with(
    viewer: Any, widget: TrackWidget, folder: Path
) -> None:
    drop(viewer, folder / "session.json")
    clicks.push(widget.start_button)
    annotator = wait_until_open(widget)
    np.testing.assert_array_equal(annotator.layers.stack, SCENE.truth)
    assert annotator.folder == folder
    annotator.rename(1, "mine")
    clicks.wait_for(lambda: annotator.styles, "the name")
    # The session still knows its movie, not what napari was told to open.
    movie = read_session(folder).record.movie
    assert movie.path == str(folder.parent / "movie.tif")
    # What the reader showed is not shown twice.
    assert [name.removesuffix(" [1]") for name in shown(viewer)] == ["movie", *OURS]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_session_is_opened_before_anything_is_started(
    viewer: Any, widget: TrackWidget, folder: Path, loaded: bool
) -> None:
    if loaded:
        viewer.open(str(folder.parent / "movie.tif"), plugin="napari")
    widget.open_session(str(folder))
    annotator = wait_until_open(widget)
    np.testing.assert_array_equal(annotator.layers.stack, SCENE.truth)
    assert [layer.name for layer in viewer.layers] == ["movie", *OURS]
    clicks.push(widget.start_button)
    widget.open_session(str(folder))
    wait_until_open(widget)
    names = [layer.name for layer in viewer.layers]
    assert names == ["movie", "movie masklets, before", *OURS]


def test_a_session_of_no_file_is_opened_on_the_movie_there_is(
    viewer: Any, widget: TrackWidget, tmp_path: Path
) -> None:
    session = open_session(SCENE.images, model="threshold")
    session.add_all(SCENE.first_masks)
    session.save(tmp_path / "kept")
    session.close()
    viewer.add_image(SCENE.images, name="movie")
    widget.open_session(str(tmp_path / "kept"))
    annotator = wait_until_open(widget)
    assert annotator.folder == tmp_path / "kept"
    assert [layer.name for layer in viewer.layers] == ["movie", *OURS]


@pytest.mark.parametrize("same", [True, False])
def test_a_session_of_two_channels_is_gone_on_with(
    viewer: Any, widget: TrackWidget, tmp_path: Path, notes: list[str], same: bool
) -> None:
    both = np.stack([SCENE.images, SCENE.images], axis=1)
    tifffile.imwrite(tmp_path / "two.tif", both, metadata={"axes": "TCYX"})
    session = open_session(tmp_path / "two.tif", model="threshold", channel=(0, 1))
    session.add_all(SCENE.first_masks)
    session.save(tmp_path / "kept")
    session.close()
    if not same:
        viewer.add_image(SCENE.images[::-1].copy(), name="another")
        clicks.push(widget.start_button)
        widget.open_session(str(tmp_path / "kept"))
        clicks.wait_for(lambda: notes, "advice")
        assert "is not the one" in notes[0]
        return
    drop(viewer, tmp_path / "kept" / "session.json")
    clicks.push(widget.start_button)
    annotator = wait_until_open(widget)
    assert annotator.folder == tmp_path / "kept"
    # The contrast of one channel is not that of both.
    before = annotator.desk.session.video.contrast
    annotator.image.contrast_limits = (7, 77)
    annotator.rename(1, "mine")
    clicks.wait_for(lambda: annotator.styles, "the name")
    assert annotator.desk.session.video.contrast == before
