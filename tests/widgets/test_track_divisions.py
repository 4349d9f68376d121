"""A cell that divides, in a real viewer, with the network that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import clicks
from dividing import DAUGHTERS, FRAMES, LAST, MOTHER, divides
from widgets.desk import Desk

pytestmark = pytest.mark.qt


@pytest.fixture
def desk(make_napari_viewer: Callable[..., Any], sessions: Path) -> Desk:
    pytest.importorskip("torch")
    movie, truth = divides()
    desk = Desk(make_napari_viewer(), movie, truth, model="sam-i2v-cell")
    desk.viewer.dims.set_current_step(0, 0)
    return desk


def frames_of(desk: Desk, row: int) -> str:
    return desk.widget.objects.model.index(row, 2).data()


def test_the_mother_ends_and_a_daughter_can_be_clicked(desk: Desk) -> None:
    desk.start()
    desk.click_cell(MOTHER)
    desk.run()
    assert frames_of(desk, 0) == f"0–{LAST} ≺"
    desk.go_to(LAST + 2)
    desk.click_cell(DAUGHTERS[0], frame=LAST + 2, modifier=clicks.SHIFT)
    desk.run()
    assert frames_of(desk, 0) == f"0–{LAST} ≺"
    assert frames_of(desk, 1) == f"{LAST + 2}–{FRAMES - 1}"
    assert desk.cell_of(2, FRAMES - 1) == DAUGHTERS[0]


def test_or_is_followed_on_as_one_of_them(desk: Desk) -> None:
    desk.widget.movie.divide.click()
    desk.start()
    desk.click_cell(MOTHER)
    desk.run()
    assert frames_of(desk, 0) == f"0–{FRAMES - 1}"
    assert desk.cell_of(1, FRAMES - 1) in DAUGHTERS


def test_neighbours_contend_unless_they_may_lie_in_each_other(desk: Desk) -> None:
    box = desk.widget.movie
    assert box.options().neighbours == "contend"
    box.contend.click()
    assert box.options().neighbours == "ignore"
