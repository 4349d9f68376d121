"""The walkthrough of docs/napari.md on a real movie, with the mouse alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog, QInputDialog, QPushButton

import clicks
from napari_sam_i2v.widgets.track import TrackWidget
from widgets.desk import Desk, centre
from widgets.dropping import drop

pytestmark = [pytest.mark.qt, pytest.mark.slow]


@pytest.fixture
def movie(data_folder: Path) -> Path:
    return data_folder / "fluo_n2dh_gowt1_01"


class Opened(Desk):
    """A desk on a movie that was dropped on the window."""

    def __init__(self, viewer: Any, truth: np.ndarray) -> None:
        self.viewer, self.truth = viewer, truth
        [self.image] = viewer.layers
        self.widget = TrackWidget(viewer)
        viewer.window.add_dock_widget(self.widget, name="Segment & track")
        clicks.breathe(0.2)

    def push(self, part: Any) -> None:
        """Click a button, and wait for what comes of it."""
        clicks.push(part)
        self.settle()

    def button(self, text: str) -> Any:
        buttons = self.widget.findChildren(QPushButton)
        return next(one for one in buttons if one.text() == text)


def test_from_a_file_to_masklets(
    make_napari_viewer: Callable[..., Any],
    movie: Path,
    sessions: Path,
    tmp_path: Path,
    notes: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)
    truth = tifffile.imread(movie / "labels.tif")
    drop(viewer, movie / "images.tif")
    desk = Opened(viewer, truth)
    viewer.dims.set_current_step(0, 0)
    desk.start()

    inside = np.unique(truth[0, 60:-60, 60:-60])[1:]
    followed = [i for i in inside if (truth == i).any(axis=(1, 2)).all()][:3]
    assert len(followed) == 3
    for number, cell in enumerate(followed):
        desk.click_cell(cell, modifier=clicks.SHIFT if number else clicks.PLAIN)
        assert desk.iou(number + 1, cell) > 0.7

    desk.run()
    assert (desk.stack > 0).any(axis=(1, 2)).all()
    for number, cell in enumerate(followed):
        each = [desk.iou(number + 1, cell, t) for t in range(1, len(truth))]
        assert np.mean(each) > 0.8

    # A wrong mask is painted over, and the object tracked again from there.
    desk.go_to(30)
    desk.push(desk.button("Correct"))
    desk.annotator.layers.masklets.brush_size = 4
    y, x = centre(truth[30] == followed[-1])
    desk.drag(30, (y, x), (y + 2, x))
    desk.push(desk.widget.propagate.ahead)
    clicks.wait_for(lambda: desk.annotator.status.phase != "busy", "tracking")
    desk.settle()
    desk.push(desk.button("Approve"))
    assert sum(one.approved for one in desk.annotator.objects) == 1

    # Native dialogs take no clicks of a test: they answer by themselves.
    answers = iter([("label stack and scores", True)])
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: next(answers))
    out = str(tmp_path / "out")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: out)
    desk.push(desk.button("Export…"))
    [exported] = Path(out).glob("*.tif")
    np.testing.assert_array_equal(tifffile.imread(exported), desk.stack)
    assert [note for note in notes if not note.startswith("info")] == []
