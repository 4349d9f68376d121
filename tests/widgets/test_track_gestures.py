"""What a person does in a viewer that napari takes otherwise than is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qtpy.QtWidgets import QPushButton

import clicks
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt
from napari_sam_i2v.session.actions import Propagate
from scenes import two_crossing as SCENE
from widgets.desk import Desk

pytestmark = [pytest.mark.qt, pytest.mark.usefixtures("sessions")]


def prompts(desk: Desk) -> list[Any]:
    return desk.annotator.desk.session.prompts()


def test_a_point_that_was_selected_is_not_what_is_next(desk: Desk) -> None:
    desk.click_cell(2, modifier=clicks.SHIFT)
    clicks.press(desk.viewer, "N")
    points = desk.annotator.layers.points
    points.mode = "select"
    clicks.click(desk.viewer, desk.place(0, *points.data[0][1:]))
    assert points.selected_data == {0}
    points.mode = "add"
    desk.click(0, (2.0, 30.0))
    assert [one.object_id for one in prompts(desk)] == [1, 2, 3]


def test_a_box_that_was_selected_is_not_what_is_next(desk: Desk) -> None:
    for corners in (((8, 20), (12, 25), (19, 31)), ((1, 1), (3, 3), (5, 6))):
        clicks.press(desk.viewer, "N")
        shapes = desk.annotator.layers.shapes
        desk.annotator.set_mode("boxes")
        if len(shapes.data):
            shapes.mode = "select"
            clicks.click(desk.viewer, desk.place(0, 13, 25))
            shapes.mode = "add_rectangle"
        desk.drag(0, *corners)
    assert [one.object_id for one in prompts(desk)] == [1, 2, 3]


@pytest.mark.parametrize("kind", ["masks", "masklets"])
def test_new_label_is_a_new_object(desk: Desk, kind: str) -> None:
    desk.click_cell(2, modifier=clicks.SHIFT)
    desk.annotator.set_mode(kind)
    clicks.press(desk.viewer, "M")
    assert desk.annotator.object_id == 3
    getattr(desk.annotator.layers, kind).brush_size = 3
    desk.drag(0, (2, 28), (2, 30))
    assert [one.object_id for one in prompts(desk)] == [1, 2, 3]


def test_undo_while_a_polygon_is_drawn(desk: Desk, notes: list[str]) -> None:
    desk.click_cell(2, modifier=clicks.SHIFT)
    desk.annotator.set_mode("boxes")
    desk.drag(0, (8, 20), (12, 25), (19, 31))
    clicks.press(desk.viewer, "N")
    shapes = desk.annotator.layers.shapes
    shapes.mode = "add_polygon"
    corners = [(2, 2), (2, 8), (7, 9), (8, 3)]
    for corner in corners[:2]:
        clicks.click(desk.viewer, desk.place(0, *corner))
        clicks.breathe(0.4)  # or it is a double click
    clicks.press(desk.viewer, "U")
    desk.settle()
    for corner in corners[2:]:
        clicks.click(desk.viewer, desk.place(0, *corner))
        clicks.breathe(0.4)
    clicks.press(desk.viewer, "Escape")
    desk.settle()
    kinds = {one.object_id: type(one) for one in prompts(desk)}
    assert kinds == {1: PointPrompt, 2: PointPrompt, 3: MaskPrompt}
    assert len(shapes.data) == 1, "the box that was taken back is gone"
    assert notes == []


def test_points_deleted_together_come_back_together(desk: Desk) -> None:
    desk.click_cell(2, modifier=clicks.SHIFT)
    points = desk.annotator.layers.points
    points.mode = "select"
    points.selected_data = {0, 1}
    clicks.press(desk.viewer, "Delete")
    desk.settle()
    assert prompts(desk) == [] and not desk.stack.any()
    clicks.press(desk.viewer, "U")
    desk.settle()
    assert [one.object_id for one in prompts(desk)] == [1, 2]
    assert desk.iou(1, 1) == 1 and desk.iou(2, 2) == 1


def test_a_stroke_over_a_neighbour_is_one_step(desk: Desk) -> None:
    annotator = desk.annotator
    annotator.set_mode("masks")
    annotator.layers.masks.brush_size = 5
    for top in (4, 6):
        clicks.press(desk.viewer, "N")
        desk.drag(0, (top, 26), (top, 30))
    assert {one.object_id for one in prompts(desk)} == {1, 2, 3}
    before = {2: (annotator.layers.painted[0] == 2).sum()}
    clicks.press(desk.viewer, "U")
    desk.settle()
    assert {one.object_id for one in prompts(desk)} == {1, 2}
    assert (annotator.layers.painted[0] == 2).sum() > before[2]


def test_twice_the_same_is_once(desk: Desk) -> None:
    clicks.press(desk.viewer, "W")
    clicks.press(desk.viewer, "W")
    desk.settle()
    clicks.breathe(0.2)
    desk.settle()
    log = desk.annotator.desk.session.log
    assert sum(isinstance(action, Propagate) for action in log) == 1
    clicks.press(desk.viewer, "W")
    desk.click_only(0, (2.0, 30.0), clicks.SHIFT)
    clicks.press(desk.viewer, "W")
    desk.settle()
    log = desk.annotator.desk.session.log
    assert sum(isinstance(action, Propagate) for action in log) == 3


def test_labels_in_use_are_not_converted(desk: Desk, notes: list[str]) -> None:
    masklets = desk.annotator.layers.masklets
    masklets.data = masklets.data.astype(np.uint32)
    assert "duplicate the layer" in notes[0]
    desk.run()
    assert np.asarray(masklets.data).any(axis=(1, 2)).all()


def test_nothing_is_drawn_where_nobody_listens(desk: Desk) -> None:
    layers = desk.annotator.layers
    clicks.push(desk.widget.start_button)
    assert not any(x.editable for x in (layers.points, layers.shapes, layers.masks))
    desk.start()
    assert desk.annotator.layers.points.editable


def test_what_is_asked_for_after_stop_is_done(desk: Desk) -> None:
    clicks.press(desk.viewer, "W")
    desk.settle()
    clicks.push(desk.widget.start_button)
    desk.widget.movie.divide.setChecked(False)
    clicks.push(desk.widget.start_button)
    opened = desk.annotator
    clicks.wait_for(lambda: desk.widget.annotator not in (None, opened))
    clicks.wait_for(lambda: desk.annotator.status.phase == "ready")
    desk.settle()
    session = desk.annotator.desk.session
    assert session.settings.divisions == "ignore"
    assert [one.object_id for one in session.prompts()] == [1]
    assert desk.annotator.object_id == 2
    folder = desk.annotator.folder
    clicks.push(desk.widget.start_button)
    desk.start()
    desk.settle()
    assert desk.annotator.folder == folder, "nothing was changed this time"


def test_the_next_click_is_another_cell(desk: Desk) -> None:
    clicks.push(desk.widget.start_button)
    desk.start()
    desk.settle()
    assert desk.annotator.object_id == 2
    other = np.where(SCENE.truth[0] == 2, 7, 0)
    desk.annotator.seed(desk.viewer.add_labels(other))
    desk.settle()
    assert desk.annotator.object_id == 8


def test_a_feature_that_is_no_number(desk: Desk, notes: list[str]) -> None:
    points = [(0, 10.0, 5.0), (0, 14.0, 26.0)]
    features = {"object_id": [1, np.nan]}
    layer = desk.viewer.add_points(points, features=features, name="table")
    desk.widget.prompt.source.value = layer
    clicks.push(desk.widget.prompt.take)
    assert len(notes) == 1 and "no whole number" in notes[0]


def test_what_is_approved_stays_as_it_is(desk: Desk) -> None:
    annotator = desk.annotator
    annotator.approve([1], [0])
    desk.settle()
    before = desk.stack[0] == 1
    clicks.press(desk.viewer, "N")
    annotator.set_mode("masklets")
    annotator.layers.masklets.brush_size = 7
    y, x = (int(n) for n in np.argwhere(before).mean(axis=0))
    desk.drag(0, (y, x), (y, x + 1))
    np.testing.assert_array_equal(desk.stack[0] == 1, before)


def test_buttons_say_that_nothing_is_started(
    make_napari_viewer: Callable[..., Any], notes: list[str]
) -> None:
    desk = Desk(make_napari_viewer(), SCENE.images, SCENE.truth)
    names = {b.text(): b for b in desk.widget.session.findChildren(QPushButton)}
    for name in ("↶ Undo", "Redo ↷", "Save as…", "Export…"):
        clicks.push(names[name])
        assert "press Start first" in notes.pop(), name
    desk.viewer.add_image(SCENE.images, name="second")
    desk.image.name = "control"
    box = desk.widget.movie.movie.native
    assert "control" in [box.itemText(row) for row in range(box.count())]


def test_the_tool_in_hand_is_marked(desk: Desk) -> None:
    def marked() -> list[str]:
        buttons = desk.widget.prompt.tools.buttons()
        return [tool.objectName() for tool in buttons if tool.isChecked()]

    assert marked() == ["points"]
    clicks.push(desk.widget.prompt.findChild(object, "masks"))
    assert marked() == ["masks"]
    desk.viewer.layers.selection.active = desk.annotator.layers.shapes
    assert marked() == ["boxes"]
    desk.viewer.layers.selection.active = desk.image
    assert marked() == []


def test_what_is_hidden_has_no_outline(desk: Desk) -> None:
    annotator = desk.annotator
    annotator.set_mode("boxes")
    desk.drag(0, (8, 20), (12, 25), (19, 31))
    annotator.hide([1])
    assert annotator.layers.shapes.edge_color[0, 3] == 0
    assert annotator.layers.masks.colormap.map(1)[3] == 0
    annotator.show_all()
    assert annotator.layers.shapes.edge_color[0, 3] == 1


def test_a_stroke_over_what_is_locked_changes_the_rest(
    desk: Desk, notes: list[str]
) -> None:
    annotator = desk.annotator
    annotator.approve([1], [0])
    desk.settle()
    before = desk.stack[0] == 1
    y, x = (int(n) for n in np.argwhere(before).mean(axis=0))
    clicks.press(desk.viewer, "N")
    annotator.set_mode("masklets")
    annotator.layers.masklets.brush_size = 5
    desk.drag(0, (y, x), (y, x + 12))
    assert len(notes) == 1 and "approved" in notes[0]
    np.testing.assert_array_equal(desk.stack[0] == 1, before)
    assert (desk.stack[0] == 2).any() and len(prompts(desk)) == 2
