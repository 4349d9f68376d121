"""Clicks, boxes and strokes in a real viewer, with the network that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clicks
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt
from napari_sam_i2v.simulation import SimulationSettings, simulate
from widgets.desk import Desk, centre

pytestmark = pytest.mark.qt
MOVIE = simulate(
    SimulationSettings(
        modality="nuclei", frames=4, cells=6, height=96, width=128, seed=5
    )
)
LABELS = MOVIE.labels


def cells() -> list[int]:
    """Cells of the first frame that do not touch its border, largest first."""
    border = np.unique(np.concatenate([LABELS[0][[0, -1]].ravel(), LABELS[0][:, 0]]))
    ids, sizes = np.unique(LABELS[0], return_counts=True)
    order = ids[np.argsort(-sizes)]
    return [int(i) for i in order if i and i not in border]


@pytest.fixture
def desk(
    make_napari_viewer: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    pytest.importorskip("torch")
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path))
    desk = Desk(make_napari_viewer(), MOVIE.images, LABELS, model="sam-i2v-cell")
    desk.begin()
    return desk


def test_prompts_by_mouse(desk: Desk, notes: list[str]) -> None:
    """One start for all of it: loading the network takes the time."""
    first, second, third = cells()[:3]
    assert desk.annotator.status.phase == "ready"

    desk.click_cell(first)
    assert desk.cell_of(1) == first and desk.iou(1, first) >= 0.5
    y, x = (int(n) for n in centre(LABELS[0] == first))
    assert desk.stack[0, y, x] == 1

    before = (desk.stack[0] == 1).sum()
    rows, columns = (desk.stack[0] == 1).nonzero()
    top = int(np.argmin(rows))
    desk.click(0, (float(rows[top]), float(columns[top])), clicks.ALT)
    assert [p.positive for p in desk.annotator.desk.session.prompts()] == [True, False]
    assert desk.annotator.positive, "the next click says yes again"
    told = [True, False]
    for extra in (lambda: desk.click(0, (2.0, 2.0), clicks.CONTROL), press_q(desk)):
        extra()
        told.append(False)
        said = [p.positive for p in desk.annotator.desk.session.prompts()]
        assert said == told
    assert desk.annotator.positive
    assert (desk.stack[0] == 1).sum() != before

    desk.click_cell(second, modifier=clicks.SHIFT)
    assert desk.annotator.object_id == 2
    assert desk.cell_of(2) == second and desk.iou(2, second) >= 0.45

    boxes_by_mouse(desk, third)
    paint_by_mouse(desk)
    assert notes == []


def press_q(desk: Desk) -> Callable[[], None]:
    """Switch to clicks that say no, by key, and back."""

    def click() -> None:
        clicks.press(desk.viewer, "Q")
        desk.click(0, (2.0, 6.0))
        clicks.press(desk.viewer, "Q")

    return click


def boxes_by_mouse(desk: Desk, cell: int) -> None:
    clicks.press(desk.viewer, "N")
    clicks.push(desk.widget.prompt.findChild(object, "boxes"))
    rows, columns = (LABELS[0] == cell).nonzero()
    low = float(rows.min()) - 0.5, float(columns.min()) - 0.5
    high = float(rows.max()) + 0.5, float(columns.max()) + 0.5
    middle = (low[0] + high[0]) / 2, (low[1] + high[1]) / 2
    desk.drag(0, low, middle, high)
    [box] = [p for p in desk.annotator.desk.session.prompts() if p.object_id == 3]
    assert isinstance(box, BoxPrompt)
    np.testing.assert_allclose((*box.yx_min, *box.yx_max), (*low, *high), atol=0.6)
    assert desk.iou(3, cell) >= 0.5


def paint_by_mouse(desk: Desk) -> None:
    clicks.press(desk.viewer, "N")
    clicks.push(desk.widget.prompt.findChild(object, "masks"))
    desk.annotator.layers.masks.brush_size = 8
    desk.drag(0, (10, 10), (10, 16), (10, 22))
    [mask] = [p for p in desk.annotator.desk.session.prompts() if p.object_id == 4]
    assert isinstance(mask, MaskPrompt)
    painted = desk.annotator.layers.painted[0] == 4
    assert painted[10, 10:23].all() and mask.mask.sum() == painted.sum()
    # What a person painted is the answer.
    np.testing.assert_array_equal(desk.stack[0] == 4, painted)


def test_moving_deleting_correcting(desk: Desk, notes: list[str]) -> None:
    first, second = cells()[:2]
    desk.click_cell(first)
    points = desk.annotator.layers.points
    points.mode = "select"
    start, end = centre(LABELS[0] == first), centre(LABELS[0] == second)
    between = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    desk.drag(0, start, between, end)
    [moved] = desk.annotator.desk.session.prompts()
    assert isinstance(moved, PointPrompt)
    np.testing.assert_allclose(moved.yx, end, atol=1)
    assert desk.cell_of(1) == second and desk.iou(1, second) >= 0.45

    clicks.push(desk.widget.prompt.findChild(object, "masklets"))
    desk.annotator.layers.masklets.brush_size = 6
    rows, columns = (desk.stack[0] == 1).nonzero()
    top = float(rows[0]), float(columns[0])
    desk.drag(0, top, (top[0] + 3, top[1]))
    [corrected] = desk.annotator.desk.session.prompts()
    assert isinstance(corrected, MaskPrompt)
    assert not len(points.data), "the mask takes the place of the click"

    clicks.press(desk.viewer, "U")
    desk.settle()
    assert len(points.data) == 1
    desk.annotator.set_mode("points")
    points.mode = "select"
    clicks.click(desk.viewer, desk.place(0, *end))
    clicks.press(desk.viewer, "Delete")
    desk.settle()
    assert not desk.stack.any() and desk.annotator.objects == []
    assert notes == []
