"""Outlines of flat cells are tables that describe closed, connected shapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_sam_i2v.simulation.cell import Cell
from napari_sam_i2v.simulation.shapes import shape_depth
from napari_sam_i2v.simulation.sheet import (
    OUTLINE,
    REACH,
    SAG,
    SLANT,
    TENSION,
    TURN,
    draw_corners,
    move_corners,
    outline_tables,
)
from napari_sam_i2v.simulation.skeleton import skeletons_of


def flat_cell(seed: int, **changes: object) -> Cell:
    corners = draw_corners(np.random.default_rng(seed))
    made = {
        "centre": np.zeros(2),
        "angle": 0.4 * seed,
        "radius": 15.0,
        "adult_radius": 15.0,
        "brightness": 1.0,
        "defocus": 0.0,
        "corners": corners,
        "rest_corners": corners,
    }
    return Cell(**(made | changes))


def mask_of(cell: Cell, half: int = 80) -> np.ndarray:
    line = np.arange(-half, half + 1, dtype=np.float32)
    [skeleton] = skeletons_of([cell])
    return shape_depth(cell, skeleton, line[:, None], line[None], 5.0).depth > 0


@pytest.mark.parametrize("seed", range(8))
def test_a_flat_cell_has_the_area_of_its_disc_and_is_in_one_piece(seed: int) -> None:
    mask = mask_of(flat_cell(seed))
    assert mask.sum() == pytest.approx(np.pi * 15**2, rel=0.05)
    pieces, _ = ndimage.label(mask, np.ones((3, 3)))
    assert np.bincount(pieces[mask]).max() > 0.98 * mask.sum()


@pytest.mark.parametrize("seed", range(4))
def test_its_extent_holds_it(seed: int) -> None:
    cell = flat_cell(seed)
    rows, columns = np.nonzero(mask_of(cell))
    [skeleton] = skeletons_of([cell])
    low, high = skeleton.low, skeleton.high
    assert rows.min() - 80 >= low[0] - 1 and rows.max() - 80 <= high[0] + 1
    assert columns.min() - 80 >= low[1] - 1 and columns.max() - 80 <= high[1] + 1


def test_tables_stay_in_range_while_the_outline_moves() -> None:
    rng = np.random.default_rng(0)
    corners = rest = draw_corners(rng)
    for _ in range(200):
        corners, rest = move_corners(corners, rest, 1.0, rng)
        [table] = outline_tables([corners])
        assert np.isfinite(table).all()
        assert table[OUTLINE].min() > 0
        assert np.sqrt(np.mean(table[OUTLINE] ** 2)) == pytest.approx(1, rel=1e-4)
        assert 0 < table[SLANT].min() and table[SLANT].max() <= 1
        assert 0 <= table[TENSION].min() and table[TENSION].max() <= 1 + 1e-6


def test_taut_edges_are_those_that_sag_inwards() -> None:
    corners = np.zeros((4, 3))
    corners[:, TURN] = np.arange(4) * np.pi / 2
    corners[:, REACH] = 1.0
    corners[:, SAG] = (-0.2, -0.2, 0.2, 0.2)
    [table] = outline_tables([corners])
    # Tables begin at -pi: the first half belongs to the edges that bulge.
    eighth = table.shape[1] // 8
    bulging, taut = table[:, eighth], table[:, 5 * eighth]
    assert bulging[TENSION] < 0.1 and taut[TENSION] > 0.9
    assert bulging[OUTLINE] > taut[OUTLINE]


def test_a_flat_cell_rounds_up_for_division() -> None:
    calm, rounded = mask_of(flat_cell(1)), mask_of(flat_cell(1, mitosis=1.0))
    assert rounded.sum() < 0.5 * calm.sum()
    rows, columns = np.nonzero(rounded)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1
