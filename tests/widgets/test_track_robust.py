"""Layers that change under the annotator's hands, and more than one viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import clicks
from napari_sam_i2v import annotator as annotators
from napari_sam_i2v.widgets.track import TrackWidget
from scenes import late_arrival
from scenes import two_crossing as SCENE
from widgets.desk import Desk

pytestmark = [pytest.mark.qt, pytest.mark.usefixtures("sessions")]


def rename(desk: Desk) -> None:
    desk.image.name = "another name"
    desk.annotator.layers.points.name = "mine"


def delete(desk: Desk) -> None:
    desk.viewer.layers.remove(desk.image)


def to_3d(desk: Desk) -> None:
    desk.viewer.dims.ndisplay = 3
    clicks.breathe()
    desk.annotator.rename(1, "seen from aside")
    desk.settle()
    desk.viewer.dims.ndisplay = 2


def reorder(desk: Desk) -> None:
    desk.viewer.layers.reverse()


def contrast(desk: Desk) -> None:
    desk.image.contrast_limits = (0, 1500)
    desk.image.gamma = 0.7


CHANGES = [rename, delete, to_3d, reorder, contrast]


@pytest.mark.filterwarnings("ignore:Contours are not displayed")
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_it_goes_on_while_layers_change(desk: Desk, notes: list[str], change) -> None:
    change(desk)
    clicks.breathe()
    desk.go_to(0)
    desk.annotator.set_mode("points")
    desk.click_cell(2, modifier=clicks.SHIFT)
    desk.run()
    # The movie is the one that it was started on.
    np.testing.assert_array_equal(desk.stack, SCENE.truth)
    desk.annotator.undo()
    desk.settle()
    assert not desk.stack[1:].any()
    assert notes == []


def test_the_movie_is_replaced_by_another(desk: Desk, notes: list[str]) -> None:
    desk.image.data = desk.image.data[::-1].copy()
    clicks.breathe()
    assert len(notes) == 1 and "Stop and Start" in notes[0]
    desk.run()
    # Masklets are still of what it was started on.
    np.testing.assert_array_equal(desk.stack, SCENE.truth == 1)
    desk.annotator.undo()
    clicks.push(desk.widget.start_button)
    desk.start()
    assert desk.annotator.objects == []
    assert len(notes) == 2
    # Nothing to keep: nothing is said of where.
    clicks.push(desk.widget.start_button)
    assert len(notes) == 2


@pytest.mark.parametrize("first", [True, False])
def test_two_widgets_in_one_viewer(desk: Desk, first: bool) -> None:
    second = TrackWidget(desk.viewer)
    desk.viewer.window.add_dock_widget(second, name="another")
    second.movie.list_models("threshold")
    both = [desk.widget, second]
    clicks.push(second.start_button)
    clicks.wait_for(lambda: second.annotator.status.phase == "ready", "the model")
    for widget in both if first else both[::-1]:
        desk.viewer.window.remove_dock_widget(widget)
    clicks.breathe()
    assert not desk.viewer.keymap
    assert annotators.of(desk.viewer) is None


def test_layers_of_ours_are_deleted(desk: Desk, notes: list[str]) -> None:
    folder = desk.annotator.folder
    for which in range(len(desk.annotator.layers.all)):
        alive = desk.annotator.jobs.thread.is_alive
        desk.viewer.layers.remove(desk.annotator.layers.all[which])
        clicks.breathe()
        assert desk.widget.annotator is None
        clicks.wait_for(lambda alive=alive: not alive(), "the worker")
        assert desk.widget.start_button.text() == "Start"
        assert len(notes) == 1 and "press Start to go on" in notes.pop()
        desk.start()
        assert desk.annotator.folder == folder
        np.testing.assert_array_equal(desk.stack[0], SCENE.truth[0] == 1)
        assert all(each in desk.viewer.layers for each in desk.annotator.layers.all)


def test_all_layers_are_deleted(desk: Desk) -> None:
    desk.viewer.layers.clear()
    clicks.breathe()
    assert desk.widget.annotator is None
    assert annotators.of(desk.viewer) is None


def test_the_movie_moves(desk: Desk, notes: list[str]) -> None:
    desk.image.translate = (0, 40, -20)
    desk.image.scale = (1, 2, 1)
    desk.viewer.reset_view()
    clicks.breathe()
    desk.click_cell(2, modifier=clicks.SHIFT)
    np.testing.assert_array_equal(desk.stack[0], SCENE.truth[0])
    masklets = desk.annotator.layers.masklets
    np.testing.assert_allclose(masklets.extent.world, desk.image.extent.world)
    assert notes == []


def test_two_viewers(desk: Desk, make_napari_viewer: Callable[..., Any]) -> None:
    other = Desk(make_napari_viewer(), late_arrival.images, late_arrival.truth)
    other.viewer.dims.set_current_step(0, 5)
    other.start()
    assert annotators.of(other.viewer) is other.annotator
    assert annotators.of(desk.viewer) is desk.annotator
    clicks.press(desk.viewer, "W")
    other.click_cell(2, 5)
    clicks.wait_for(lambda: desk.annotator.status.phase == "ready", "tracking")
    desk.settle()
    np.testing.assert_array_equal(desk.stack, SCENE.truth == 1)
    np.testing.assert_array_equal(other.stack[5], late_arrival.truth[5] == 2)
    clicks.push(desk.widget.start_button)
    clicks.press(other.viewer, "W")
    clicks.wait_for(lambda: other.annotator.status.phase == "ready", "tracking")
    other.settle()
    assert other.stack[7].any()


def test_another_movie_in_the_same_viewer(desk: Desk) -> None:
    first = desk.annotator
    clicks.push(desk.widget.start_button)
    second = desk.viewer.add_image(late_arrival.images, name="second")
    assert second in desk.widget.movie.movie.choices
    desk.widget.movie.movie.value = second
    desk.image, desk.truth = second, late_arrival.truth
    desk.start()
    assert desk.annotator is not first and desk.annotator.image is second
    desk.go_to(5)
    desk.click_cell(2, 5)
    np.testing.assert_array_equal(desk.stack[5], late_arrival.truth[5] == 2)
    # The layers of the first movie are as they were left.
    np.testing.assert_array_equal(first.layers.stack[0], SCENE.truth[0] == 1)
    assert all(layer in desk.viewer.layers for layer in first.layers.all)
