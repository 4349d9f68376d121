"""Masks fill the boxes that are tight around them, and no others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_sam_i2v import open_session
from napari_sam_i2v.evaluation.annotation import prompt_first_frame
from napari_sam_i2v.inference import prompting
from napari_sam_i2v.inference.tightness import filled
from napari_sam_i2v.inference.transforms import paste
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.prompts import BoxPrompt
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.views import View

SHAPE = (100, 120)
GROWN = np.array([[-1, -1], [1, 1]])
VIEW = View.square((50.0, 60.0), 64.0)


def disc(radius: float, steepness: float = 0.5) -> Prediction:
    """A disc around the middle of the view, whose edge is the softer the less steep."""
    line = np.arange(64) - 31.5
    depth = radius - np.hypot(line[:, None], line[None])
    logits = torch.from_numpy(steepness * depth).float()[None, None]
    return Prediction(logits, torch.ones(1), torch.ones(1, 1), torch.zeros(1, 4))


def bounds(prediction: Prediction) -> np.ndarray:
    (top, left), crop = paste(prediction.logits[0, 0], VIEW, SHAPE)
    rows, columns = np.nonzero(crop > 0)
    corners = (rows.min(), columns.min()), (rows.max(), columns.max())
    return np.array(corners) + (top, left)


def box(corners: np.ndarray) -> BoxPrompt:
    low, high = (tuple(map(float, corner)) for corner in corners)
    return BoxPrompt(frame=0, object_id=1, yx_min=low, yx_max=high)


@pytest.mark.parametrize("missing", [-1, 1])
def test_a_mask_that_ends_a_pixel_off_fills_its_box(missing: int) -> None:
    mask = disc(15)
    around = bounds(mask) + missing * GROWN
    better = filled(mask, VIEW, box(around), SHAPE)
    np.testing.assert_array_equal(bounds(better), around)
    assert (better.logits.sign() != mask.logits.sign()).any()


def test_a_large_mask_may_end_a_twentieth_off() -> None:
    mask = disc(30)
    around = bounds(mask) + 2 * GROWN
    better = filled(mask, VIEW, box(around), SHAPE)
    assert np.abs(bounds(better) - around).max() <= 1


@pytest.mark.parametrize("side", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_box_with_room_on_any_side_changes_nothing(side: tuple[int, int]) -> None:
    mask = disc(15)
    around = bounds(mask) + GROWN
    around[side] += 5 if side[0] else -5
    assert filled(mask, VIEW, box(around), SHAPE) is mask


def test_a_mask_that_fits_and_one_that_is_absent_stay() -> None:
    mask = disc(15)
    same = filled(mask, VIEW, box(bounds(mask)), SHAPE)
    torch.testing.assert_close(same.logits, mask.logits, rtol=0, atol=0)
    absent = disc(-200)
    assert filled(absent, VIEW, box(bounds(mask)), SHAPE) is absent


def shift(prediction: Prediction, around: np.ndarray) -> float:
    moved = filled(prediction, VIEW, box(around), SHAPE)
    return float((prediction.logits - moved.logits).mean())


def test_where_an_edge_is_sure_nothing_is_blown_up() -> None:
    # Three units would be another pixel on every side, for 3 % of the box each.
    assert shift(disc(15.2, steepness=6), bounds(disc(15.2)) + GROWN) == 0
    assert shift(disc(15.2, steepness=0.5), bounds(disc(15.2)) + GROWN) < -0.2


@pytest.mark.parametrize("radius, most", [(10.2, 1), (28.2, 3)])
def test_how_much_room_is_no_longer_tight(radius: float, most: int) -> None:
    # A pixel, or a twentieth of 63.
    mask = disc(radius)
    assert shift(mask, bounds(mask) + most * GROWN) < 0
    assert shift(mask, bounds(mask) + (most + 1) * GROWN) == 0


def test_room_counts_by_the_side_it_is_on() -> None:
    line = np.arange(64) - 31.5
    inside = np.minimum(28.2 - np.abs(line[:, None]), 6.2 - np.abs(line[None]))
    logits = torch.from_numpy(0.5 * inside).float()[None, None]
    mask = Prediction(logits, torch.ones(1), torch.ones(1, 1), torch.zeros(1, 4))
    assert shift(mask, bounds(mask) + [[-3, 0], [3, 0]]) == 0  # it would be too wide
    assert shift(mask, bounds(mask) + [[-3, -1], [3, 1]]) < 0
    assert shift(mask, bounds(mask) + [[-1, -3], [1, 3]]) == 0


def test_a_box_of_one_pixel_is_answered_too() -> None:
    mask = disc(0.8)
    middle = np.array([[50, 60], [50, 60]])
    assert np.isfinite(shift(mask, middle))


def test_at_the_border_of_the_frame_it_is_no_different() -> None:
    view = View.square((10.0, 5.0), 64.0)
    mask = disc(15)
    (top, left), crop = paste(mask.logits[0, 0], view, SHAPE)
    corners = np.array([[top, left], [top, left]])
    corners[1] += np.array(crop.shape) - 1
    assert top == left == 0
    better = filled(mask, view, box(corners + [[0, 0], [1, 1]]), SHAPE)
    _, grown = paste(better.logits[0, 0], view, SHAPE)
    assert grown.shape == (crop.shape[0] + 1, crop.shape[1] + 1)


def test_cells_in_tight_boxes_are_answered_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    movie = simulate(
        SimulationSettings(
            modality="ring", frames=2, height=200, width=200, cells=12, seed=777
        )
    )

    def answered() -> float:
        session = open_session(movie.images, model="sam-i2v-cell", device="cpu")
        return prompt_first_frame(session, movie.labels, "box")

    better = answered()
    monkeypatch.setattr(prompting, "filled", lambda prediction, *_: prediction)
    assert better > answered() + 0.005
