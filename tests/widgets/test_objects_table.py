"""The table of objects, worked with mouse and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QColorDialog,
    QDialogButtonBox,
    QLineEdit,
    QMenu,
    QPushButton,
)

import clicks
from scenes import two_crossing as SCENE
from widgets.desk import Desk

pytestmark = pytest.mark.qt
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def desk(make_napari_viewer: Callable[..., Any], sessions: Path) -> Desk:
    """Both cells are tracked through the movie."""
    desk = Desk(make_napari_viewer(), SCENE.images, SCENE.truth)
    desk.begin(1, 2)
    desk.run()
    return desk


def choose(desk: Desk, *rows: int) -> None:
    """Click on rows of the table, all but the first with Control."""
    for number, row in enumerate(rows):
        click(desk, row, modifier=CONTROL if number else clicks.PLAIN)


def click(desk: Desk, row: int, modifier: Any = clicks.PLAIN) -> None:
    view = desk.widget.objects.view
    place = view.visualRect(desk.widget.objects.model.index(row, 1)).center()
    left = Qt.MouseButton.LeftButton
    QTest.mouseClick(view.viewport(), left, modifier, place)
    QApplication.processEvents()


def push(desk: Desk, text: str) -> None:
    """Click on the button that says so."""
    buttons = desk.widget.objects.findChildren(QPushButton)
    clicks.push(next(each for each in buttons if each.text() == text))
    desk.settle()


def from_menu(desk: Desk, text: str, then: Callable[[], bool] = lambda: True) -> None:
    """Ask for the menu of the first chosen row, and click on a line of it.

    ``then`` is tried until it holds, for a dialog that the line opens.
    """
    view = desk.widget.objects.view
    done: list[str] = []

    def answer() -> None:
        menu = QApplication.activePopupWidget()
        if isinstance(menu, QMenu):
            [action] = [each for each in menu.actions() if each.text() == text]
            QTimer.singleShot(10, answer)
            place = menu.actionGeometry(action).center()
            QTest.mouseClick(menu, Qt.MouseButton.LeftButton, clicks.PLAIN, place)
        elif then():
            done.append(text)
        else:
            QTimer.singleShot(10, answer)

    QTimer.singleShot(10, answer)
    row = view.selectionModel().selectedRows()[0]
    view.customContextMenuRequested.emit(view.visualRect(row).center())
    clicks.wait_for(lambda: done, text)
    desk.settle()


def test_approving_up_to_a_frame_and_unlocking_are_one_undo_each(desk: Desk) -> None:
    annotator = desk.annotator
    choose(desk, 0, 1)
    desk.go_to(4)
    from_menu(desk, "Approve up to this frame")
    assert [one.approved for one in annotator.objects] == [5, 5]
    assert desk.widget.objects.model.index(0, 2).data() == "✓5  0–7"
    from_menu(desk, "Unlock all frames")
    assert [one.approved for one in annotator.objects] == [0, 0]
    for approved in (5, 0):
        clicks.press(desk.viewer, "U")
        desk.settle()
        assert [one.approved for one in annotator.objects] == [approved] * 2


def test_a_checkbox_hides_and_shows(desk: Desk) -> None:
    view, model = desk.widget.objects.view, desk.widget.objects.model
    box = view.visualRect(model.index(1, 0)).center()
    for hidden in ({2}, set()):
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, clicks.PLAIN, box)
        assert desk.annotator.hidden == hidden
        colour = desk.annotator.layers.masklets.colormap.map(2)
        assert bool(colour[3]) == (not hidden)
    for hidden in ({2}, set()):
        clicks.press(desk.viewer, "U")
        desk.settle()
        assert desk.annotator.hidden == hidden
        shown = model.index(1, 0).data(Qt.ItemDataRole.CheckStateRole)
        assert (shown == Qt.CheckState.Unchecked) == bool(hidden)


@pytest.mark.parametrize("way", ["double click", "menu"])
def test_a_name_is_typed_in_the_table(desk: Desk, way: str) -> None:
    view, model = desk.widget.objects.view, desk.widget.objects.model
    choose(desk, 1)
    if way == "menu":
        from_menu(desk, "Rename")
    else:
        place = view.visualRect(model.index(1, 1)).center()
        QTest.mouseDClick(
            view.viewport(), Qt.MouseButton.LeftButton, clicks.PLAIN, place
        )
    editor = view.viewport().findChild(QLineEdit)
    editor.selectAll()
    QTest.keyClicks(editor, "left one")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    desk.settle()
    assert model.index(1, 1).data() == "left one"
    clicks.press(desk.viewer, "U")
    desk.settle()
    assert model.index(1, 1).data() == "2"


def test_a_chosen_row_comes_in_sight(
    make_napari_viewer: Callable[..., Any], sessions: Path
) -> None:
    desk = Desk(make_napari_viewer(show=True), SCENE.images, SCENE.truth)
    desk.viewer.dims.set_current_step(0, 4)
    desk.start()
    desk.click_cell(1, 4)
    desk.click_cell(2, 4, modifier=clicks.SHIFT)
    camera = getattr(desk.viewer, "scene", desk.viewer).camera
    before = camera.center
    choose(desk, 0)
    assert camera.center == before, "it is seen where it is"
    camera.zoom, camera.center = 6 * camera.zoom, (0, 22, 30)
    clicks.breathe(0.3)
    choose(desk, 1)
    pixels = np.argwhere(desk.stack[4] == 2)
    middle = (pixels.min(axis=0) + pixels.max(axis=0)) / 2
    np.testing.assert_allclose(camera.center[1:], middle, atol=0.6)


def test_the_least_sure_masks_are_gone_through(desk: Desk) -> None:
    annotator = desk.annotator
    scores = annotator.desk.session.masklets.scores.query("frame > 0")
    seen = []
    for _ in range(3):
        clicks.press(desk.viewer, "B", clicks.SHIFT)
        seen.append((annotator.layers.frame_shown(), annotator.object_id))
        clicks.press(desk.viewer, "Y")
        desk.settle()
    order = scores.sort_values(["predicted_iou", "object_id", "frame"], kind="stable")
    places = zip(order["frame"], order["object_id"], strict=True)
    assert seen == list(places)[:3]


def test_two_objects_get_a_colour_in_a_dialog_and_lose_it_by_one_key(
    desk: Desk,
) -> None:
    def accept() -> bool:
        shown = QApplication.activeModalWidget()
        if not isinstance(shown, QColorDialog):
            return False
        shown.setCurrentColor(QColor("#12ab34"))
        [buttons] = shown.findChildren(QDialogButtonBox)
        clicks.push(buttons.button(QDialogButtonBox.StandardButton.Ok))
        return True

    choose(desk, 0, 1)
    from_menu(desk, "Colour…", accept)
    colour = np.array([0x12, 0xAB, 0x34]) / 255
    layers = desk.annotator.layers
    for one in (1, 2):
        assert layers.colour(one)[:3] == pytest.approx(colour, abs=1e-6)
        shown = layers.masklets.colormap.map(one)[:3]
        assert shown == pytest.approx(colour, abs=0.01)
    clicks.press(desk.viewer, "U")
    desk.settle()
    for one in (1, 2):
        assert layers.colour(one)[:3] != pytest.approx(colour, abs=1e-6)


def test_three_objects_are_merged_and_taken_apart_by_one_key(desk: Desk) -> None:
    choose(desk, 1)
    desk.go_to(4)
    push(desk, "Split here")
    before = desk.stack.copy()
    assert np.unique(before).tolist() == [0, 1, 2, 3]
    choose(desk, 0, 1, 2)
    push(desk, "Merge")
    assert np.unique(desk.stack).tolist() == [0, 1]
    clicks.press(desk.viewer, "U")
    desk.settle()
    np.testing.assert_array_equal(desk.stack, before)


def test_what_was_ended_stays_so_when_all_are_tracked_again(desk: Desk) -> None:
    choose(desk, 0)
    desk.go_to(5)
    clicks.press(desk.viewer, "J")
    desk.settle()
    assert desk.widget.objects.model.index(0, 2).data() == "0–4 ⊣"
    desk.run()
    assert (desk.stack == 1).any(axis=(1, 2)).tolist() == [True] * 5 + [False] * 3
    assert (desk.stack == 2).any(axis=(1, 2)).all()


def test_what_is_selected_stands_out(desk: Desk) -> None:
    masklets, table = desk.annotator.layers.masklets, desk.widget.objects

    def opacity(object_id: int) -> float:
        return float(masklets.colormap.map(object_id)[3])

    choose(desk, 1)
    assert desk.annotator.object_id == 2
    assert opacity(2) == 1 and opacity(1) < 0.5
    clicks.press(desk.viewer, "Comma")
    assert table.selected_ids() == (1,)
    assert opacity(1) == 1 and opacity(2) < 0.5
    clicks.press(desk.viewer, "N")
    assert table.selected_ids() == ()
    assert opacity(1) == opacity(2) == 1
    choose(desk, 0)
    clicks.press(desk.viewer, "D", clicks.SHIFT)
    desk.settle()
    assert desk.annotator.selected == () and opacity(2) == 1
