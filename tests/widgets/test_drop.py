"""Files and folders dropped on a real window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QRadioButton

import clicks
from fakes import ThresholdPredictor
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.video import open_video
from scenes import two_crossing as SCENE
from sources import PACKAGE

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
def folder(tmp_path: Path) -> Path:
    """A session in which both cells are tracked."""
    tifffile.imwrite(tmp_path / "movie.tif", SCENE.images, metadata={"axes": "TYX"})
    video = open_video(tmp_path / "movie.tif")
    session = TrackingSession(video, ThresholdPredictor(video))
    session.add_all(SCENE.first_masks)
    for _ in session.propagate():
        pass
    session.save(tmp_path / "session")
    session.close()
    return tmp_path / "session"


def drop(viewer: Any, path: Path) -> None:
    """Drag a path over the window, and let go of it."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, clicks.PLAIN
    target = viewer.window._qt_viewer
    QApplication.sendEvent(target, QDragEnterEvent(QPoint(200, 200), *how))
    QApplication.sendEvent(target, QDropEvent(QPointF(200, 200), *how))


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
