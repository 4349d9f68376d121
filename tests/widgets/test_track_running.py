"""Tracking in a real viewer: cancelled, clicked into, closed, gone on with."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari._qt.widgets.qt_progress_bar import QtLabeledProgressBar
from qtpy.QtWidgets import QPushButton, QScrollArea

import clicks
from fakes import ThresholdPredictor
from napari_sam_i2v import backends
from napari_sam_i2v.tracking import load_session
from scenes import Scene
from scenes import two_crossing as SHORT
from widgets.desk import Desk

pytestmark = pytest.mark.qt
LONG = Scene("long", np.concatenate([SHORT.truth] * 5), {1: 0, 2: 0})
"""Forty frames, of 20 ms each."""


def slow(name: str, video: Any, **options: Any) -> ThresholdPredictor:
    del name, options
    return ThresholdPredictor(video, delay=0.02)


@pytest.fixture(autouse=True)
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path / "sessions"))
    monkeypatch.setitem(backends.BACKENDS, "threshold", slow)
    return tmp_path / "sessions"


@pytest.fixture
def desk(make_napari_viewer: Callable[..., Any]) -> Desk:
    """Both cells are clicked on the first frame."""
    desk = Desk(make_napari_viewer(), LONG.images, LONG.truth)
    desk.begin(1, 2)
    return desk


def begin(desk: Desk, frames: int = 4) -> None:
    """Press the key that tracks, and wait for some frames."""
    clicks.press(desk.viewer, "W")
    clicks.wait_for(
        lambda: (
            desk.annotator.status.progress is not None
            and desk.annotator.status.progress.done >= frames
        ),
        "some frames",
    )


def test_the_whole_movie(desk: Desk, notes: list[str]) -> None:
    desk.run()
    np.testing.assert_array_equal(desk.stack, LONG.truth)
    np.testing.assert_array_equal(desk.annotator.layers.masklets.data, LONG.truth)
    assert desk.annotator.status.text == "tracked"
    table = desk.widget.objects.model
    rows = [[table.index(r, c).data() for c in range(1, 4)] for r in range(2)]
    assert rows == [["1", "0–39", "1"], ["2", "0–39", "1"]]
    assert desk.widget.propagate.bar.isHidden()
    assert notes == []


def test_cancelling_keeps_what_is_done(desk: Desk) -> None:
    begin(desk)
    clicks.push(desk.widget.propagate.cancel)
    clicks.wait_for(lambda: desk.annotator.status.phase == "ready", "the end")
    desk.settle()
    done = desk.stack.any(axis=(1, 2)).sum()
    assert 4 <= done < 40
    np.testing.assert_array_equal(desk.stack[:done], LONG.truth[:done])
    assert not desk.stack[done:].any()
    labels = desk.annotator.desk.session.masklets.labels
    np.testing.assert_array_equal(np.asarray(labels), desk.stack)


def test_cancelling_before_it_begins(desk: Desk) -> None:
    # The click is still being answered when both keys are pressed.
    desk.click_only(0, (1.0, 1.0))
    clicks.press(desk.viewer, "W")
    clicks.press(desk.viewer, "K")
    clicks.wait_for(lambda: desk.annotator.status.phase == "ready", "the end")
    desk.settle()
    assert len(desk.annotator.desk.session.frames_of(1)) < 40


def test_clicks_while_tracking_are_answered_after(desk: Desk) -> None:
    begin(desk)
    desk.go_to(0)
    desk.annotator.choose(3)
    desk.click_only(0, (12.0, 20.0))
    assert desk.annotator.status.phase == "busy"
    assert len(desk.annotator.layers.points.data) == 3
    desk.settle()
    kinds = [type(action).__name__ for action in desk.annotator.desk.session.log]
    assert kinds == ["AddPrompts", "AddPrompts", "Propagate", "AddPrompts"]
    assert desk.annotator.desk.session.frames_of(1) == list(range(40))
    assert len(desk.annotator.layers.points.data) == 3


def roll(desk: Desk) -> None:
    """Time comes to lie on the screen."""
    desk.viewer.dims.roll()
    desk.viewer.dims.roll()


def to_3d(desk: Desk) -> None:
    desk.viewer.dims.ndisplay = 3


def rename(desk: Desk) -> None:
    desk.image.name = "another name"
    desk.annotator.layers.masklets.name = "mine"


def reorder(desk: Desk) -> None:
    desk.viewer.layers.reverse()


def delete_the_movie(desk: Desk) -> None:
    desk.viewer.layers.remove(desk.image)


def contrast(desk: Desk) -> None:
    desk.image.contrast_limits = (0, 1500)
    desk.image.gamma = 0.7


def another_movie(desk: Desk) -> None:
    desk.viewer.add_image(np.zeros((3, 5, 60, 60)), name="second")


CHANGES = [roll, to_3d, rename, reorder, delete_the_movie, contrast, another_movie]


@pytest.mark.filterwarnings("ignore:Contours are not displayed")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_layers_change_while_it_tracks(desk: Desk, notes: list[str], change) -> None:
    begin(desk)
    change(desk)
    clicks.breathe()
    assert desk.annotator.status.phase == "busy"
    desk.settle()
    np.testing.assert_array_equal(desk.stack, LONG.truth)
    assert notes == []


def test_progress_is_told_here_and_in_the_activity_dock(desk: Desk) -> None:
    shown = desk.viewer.window._qt_viewer.window()._activity_dialog
    before = len(shown.findChildren(QtLabeledProgressBar))
    bar = desk.widget.propagate.bar
    begin(desk)
    assert not bar.isHidden() and bar.value() >= 4 and bar.maximum() == 40
    assert bar.format().endswith(" s left")
    clicks.wait_for(
        lambda: len(shown.findChildren(QtLabeledProgressBar)) > before, "napari's bar"
    )
    desk.settle()
    assert bar.isHidden()
    clicks.wait_for(
        lambda: len(shown.findChildren(QtLabeledProgressBar)) == before, "its end"
    )


def test_it_goes_as_far_as_the_form_says(desk: Desk) -> None:
    form = desk.widget.propagate
    desk.go_to(0)
    form.until.setCurrentText("over frames")
    form.number.setValue(3)
    desk.run()
    assert desk.stack.any(axis=(1, 2)).nonzero()[0].tolist() == [0, 1, 2, 3]
    desk.annotator.choose(2)
    form.until.setCurrentText("to frame")
    form.number.setValue(6)
    clicks.press(desk.viewer, "W", clicks.SHIFT)
    desk.settle()
    assert desk.annotator.desk.session.frames_of(1) == [0, 1, 2, 3]
    assert desk.annotator.desk.session.frames_of(2) == list(range(7))
    desk.go_to(20)
    desk.annotator.choose(1)
    desk.click_cell(1, 20)
    form.until.setCurrentText("to the end")
    form.direction.setCurrentText("← Backward")
    clicks.push(form.chosen)
    desk.settle()
    assert desk.annotator.desk.session.frames_of(1) == list(range(21))


def test_a_stroke_is_not_painted_over(desk: Desk) -> None:
    annotator = desk.annotator
    desk.go_to(20)
    desk.annotator.choose(7)
    clicks.push(desk.widget.prompt.findChild(object, "masklets"))
    annotator.layers.masklets.brush_size = 3
    stroke = [desk.place(20, 4.0, x) for x in (4.0, 8.0)]

    def tracked() -> None:
        assert annotator.layers.stack[20, 4, 6] == 7
        begin(desk, 25)
        assert (annotator.layers.stack[20] == 7).sum() == (
            annotator.layers.stack[20] > 0
        ).sum()

    clicks.drag(desk.viewer, stroke, held=tracked)
    desk.settle()
    assert desk.stack[20, 4, 6] == 7
    assert {1, 2, 7} == set(np.unique(desk.stack[20])) - {0}
    assert annotator.desk.session.summary()[2].prompts == 1


def test_undo_while_tracking_waits_for_its_end(desk: Desk) -> None:
    begin(desk)
    clicks.press(desk.viewer, "U")
    desk.settle()
    np.testing.assert_array_equal(desk.stack[1:], 0)
    clicks.press(desk.viewer, "U", clicks.SHIFT)
    desk.settle()
    np.testing.assert_array_equal(desk.stack, LONG.truth)


def frames_on_disk(folder: Path) -> list[int]:
    session = load_session(folder, LONG.images)
    try:
        return session.frames_of(1)
    finally:
        session.close()


@pytest.mark.parametrize("what", ["widget", "viewer"])
def test_closing_while_tracking(desk: Desk, sessions: Path, what: str) -> None:
    annotator = desk.annotator
    begin(desk)
    thread, folder = annotator.jobs.thread, annotator.folder
    if what == "widget":
        desk.viewer.window.remove_dock_widget(desk.widget)
    else:
        desk.viewer.close()
    clicks.breathe(0.1)
    assert not thread.is_alive() and not annotator.is_open
    assert desk.widget.annotator is None
    done = frames_on_disk(folder)
    assert 4 <= len(done) < 40 and done == list(range(len(done)))
    assert [each.name for each in sessions.iterdir()] == [folder.name]


def test_stopping_does_not_wait_for_a_long_step(desk: Desk) -> None:
    begun, go = threading.Event(), threading.Event()
    annotator = desk.annotator
    annotator.jobs.submit(lambda: (begun.set(), go.wait(20)))
    assert begun.wait(20)
    thread, folder = annotator.jobs.thread, annotator.folder
    clicks.push(desk.widget.start_button)
    assert thread.is_alive() and not annotator.is_open
    clicks.push(desk.widget.start_button)
    clicks.breathe(0.1)
    # The worker before has the session until it is done.
    assert desk.annotator.status.phase == "loading"
    go.set()
    clicks.wait_for(lambda: len(desk.annotator.objects) == 2, "the session")
    assert desk.annotator.folder == folder


def test_stopping_and_starting_goes_on(desk: Desk, notes: list[str]) -> None:
    begin(desk)
    folder = desk.annotator.folder
    clicks.push(desk.widget.start_button)
    assert desk.widget.annotator is None
    desk.start()
    desk.settle()
    assert desk.annotator.folder == folder
    assert desk.widget.offer.isHidden()
    assert len(desk.annotator.layers.points.data) == 2
    done = desk.stack.any(axis=(1, 2)).sum()
    assert 4 <= done < 40
    names = [layer.name for layer in desk.viewer.layers]
    assert len(names) == 6 and "movie masklets, before" in names
    desk.run()
    np.testing.assert_array_equal(desk.stack, LONG.truth)
    assert all(note.startswith("info: ") for note in notes)


def test_another_model_is_given_all_that_was_said(desk: Desk) -> None:
    desk.run()
    before = desk.annotator
    before.approve([1], [3, 20])
    before.rename(2, "left")
    desk.go_to(30)
    before.choose(2)
    before.end_object()
    desk.settle()
    masks = before.layers.stack[[3, 20]] == 1
    desk.widget.use_model("threshold")
    clicks.wait_for(lambda: desk.widget.annotator is not before, "another")
    clicks.wait_for(lambda: desk.annotator.status.phase == "ready", "the model")
    desk.settle()
    annotator = desk.annotator
    assert [one.ended for one in annotator.objects] == [None, 30]
    assert [one.approved for one in annotator.objects] == [2, 0]
    assert annotator.styles[2].name == "left"
    np.testing.assert_array_equal(annotator.layers.stack[[3, 20]] == 1, masks)
    assert (annotator.layers.stack > 0).any(axis=(1, 2)).sum() == 3
    [put_aside] = [layer for layer in desk.viewer.layers if "before" in layer.name]
    assert not put_aside.visible


def test_in_another_viewer(
    desk: Desk, make_napari_viewer: Callable[..., Any], tmp_path: Path
) -> None:
    desk.run()
    before = repr(desk.annotator.desk.session.prompts())
    desk.annotator.save(tmp_path / "kept")
    desk.settle()
    other = Desk(make_napari_viewer(), LONG.images, LONG.truth)
    other.start()
    # The first viewer's session is found, and in use there.
    assert not other.widget.offer.isHidden()
    other.widget.open_session(str(tmp_path / "kept"))
    other.settle()
    np.testing.assert_array_equal(other.stack, desk.stack)
    assert repr(other.annotator.desk.session.prompts()) == before
    assert len(other.annotator.layers.points.data) == 2
    other.click_cell(1, 7)
    assert len(desk.annotator.layers.points.data) == 2
    assert len(other.annotator.layers.points.data) == 3


def test_the_model_is_let_go(desk: Desk) -> None:
    engine = weakref.ref(desk.annotator.desk.session._memory._predictor)
    assert engine() is not None
    clicks.push(desk.widget.start_button)
    clicks.wait_for(lambda: (gc.collect(), engine() is None)[1], "its end", 10)


def test_it_fits_a_narrow_dock(desk: Desk) -> None:
    assert desk.widget.minimumSizeHint().width() <= 300
    assert desk.widget.minimumWidth() <= 300
    area = desk.widget.findChild(QScrollArea)
    assert area.widget().minimumSizeHint().width() <= 300


def test_going_on_after_a_crash(
    desk: Desk, make_napari_viewer: Callable[..., Any]
) -> None:
    desk.run()
    expected = desk.stack.copy()
    desk.viewer.close()
    clicks.breathe(0.1)
    other = Desk(make_napari_viewer(), LONG.images, LONG.truth)
    other.start()
    assert "2 objects" in other.widget._offer_text.text()
    offer = other.widget.offer.findChildren(QPushButton)
    clicks.push(next(each for each in offer if each.text() == "Go on"))
    other.settle()
    np.testing.assert_array_equal(other.stack, expected)
