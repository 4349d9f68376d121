"""Strokes of napari's own brush, as its Labels layer reports them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from napari.layers import Labels

from napari_sam_i2v.annotator.strokes import painted_prompts

SHAPE = (4, 20, 30)


class Canvas:
    """A Labels layer over a ``(T, Y, X)`` stack, with its strokes."""

    def __init__(self, order: tuple[int, ...] = (0, 1, 2)) -> None:
        self.stack = np.zeros(SHAPE, np.uint16)
        self.axis = order.index(0)
        self.layer = Labels(self.stack.transpose(order))
        self.order = order
        self.strokes: list[Any] = []
        self.told: list[dict] = []
        self.layer.events.paint.connect(self._tell)

    def _tell(self, event: Any) -> None:
        self.strokes.append(event.value)
        self.told.append(self.prompts())

    def at(self, t: int, y: int, x: int) -> list[int]:
        return [(t, y, x)[axis] for axis in self.order]

    def prompts(self) -> dict:
        return painted_prompts(self.strokes[-1], self.layer.data, self.stack, self.axis)


@pytest.fixture(params=[(0, 1, 2), (1, 2, 0)], ids=["TYX", "YXT"])
def canvas(request: pytest.FixtureRequest) -> Canvas:
    made = Canvas(request.param)
    made.layer._slice_dims(_dims(made))
    made.layer.brush_size = 5
    return made


def _dims(canvas: Canvas) -> Any:
    from napari.components import Dims

    dims = Dims(ndim=3, range=[(0, n - 1, 1) for n in canvas.layer.data.shape])
    dims.order = tuple(canvas.order.index(axis) for axis in (0, 1, 2))
    return dims


def test_a_dab_is_the_mask_of_its_object(canvas: Canvas) -> None:
    canvas.layer.paint(canvas.at(2, 10, 10), 3)
    [(place, prompt)] = canvas.prompts().items()
    assert place == (2, 3)
    whole = np.zeros(SHAPE[1:], bool)
    (top, left), (height, width) = prompt.offset, prompt.mask.shape
    whole[top : top + height, left : left + width] = prompt.mask
    np.testing.assert_array_equal(whole, canvas.stack[2] == 3)
    assert whole[10, 10] and whole.sum() > 9


def test_what_is_told_at_once_is_what_is_there_in_the_end(canvas: Canvas) -> None:
    canvas.layer.paint(canvas.at(2, 10, 10), 3)
    canvas.layer.fill(canvas.at(2, 10, 10), 4)
    canvas.layer.paint(canvas.at(2, 11, 12), 0)
    before, after = canvas.told[-1], canvas.prompts()
    assert before.keys() == after.keys() == {(2, 4)}
    np.testing.assert_array_equal(before[2, 4].mask, after[2, 4].mask)


def test_a_stroke_over_another_object_concerns_both(canvas: Canvas) -> None:
    canvas.layer.paint(canvas.at(1, 10, 10), 3)
    canvas.layer.paint(canvas.at(1, 10, 13), 5)
    prompts = canvas.prompts()
    assert set(prompts) == {(1, 3), (1, 5)}
    assert prompts[1, 3].mask.sum() == (canvas.stack[1] == 3).sum()


def test_erasing_all_of_an_object_leaves_nothing(canvas: Canvas) -> None:
    canvas.layer.paint(canvas.at(1, 10, 10), 3)
    canvas.layer.brush_size = 12
    canvas.layer.paint(canvas.at(1, 10, 10), 0)
    assert canvas.prompts() == {(1, 3): None}


def test_filling(canvas: Canvas) -> None:
    canvas.layer.paint(canvas.at(1, 10, 10), 3)
    canvas.layer.fill(canvas.at(1, 10, 10), 4)
    assert set(canvas.prompts()) == {(1, 3), (1, 4)}
    assert canvas.prompts()[1, 3] is None
    canvas.layer.fill(canvas.at(3, 0, 0), 7)
    assert canvas.prompts()[3, 7].mask.shape == SHAPE[1:]


def test_a_full_rectangle_has_no_mask_in_the_event(canvas: Canvas) -> None:
    canvas.layer.brush_size = 1
    canvas.layer.paint(canvas.at(1, 10, 10), 3)
    assert canvas.prompts()[1, 3].mask.tolist() == [[True]]
    assert canvas.prompts()[1, 3].offset == (10, 10)


def test_indices_as_older_napari_reports_them() -> None:
    stack = np.zeros(SHAPE, np.uint16)
    stack[2, 4, 5:8] = 6
    where = (np.array([2, 2, 2]), np.array([4, 4, 4]), np.array([5, 6, 7]))
    change = (where, np.array([0, 0, 9]), 6)
    prompts = painted_prompts([change], stack, stack, 0)
    assert prompts[2, 9] is None
    assert prompts[2, 6].offset == (4, 5) and prompts[2, 6].mask.sum() == 3
