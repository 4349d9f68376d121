"""Depth maps have the outlines they should have."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam_i2v.simulation.cell import Cell
from napari_sam_i2v.simulation.shapes import chain_depth, shape_depth
from napari_sam_i2v.simulation.skeleton import bones_of, skeletons_of

REACH = 20.0


def grid(half: int) -> tuple[np.ndarray, np.ndarray]:
    line = np.arange(-half, half + 1, dtype=np.float32)
    return line[:, None], line[None]


def round_cell(**changes: object) -> Cell:
    made = {
        "centre": np.zeros(2),
        "angle": 0.0,
        "radius": 10.0,
        "adult_radius": 10.0,
        "brightness": 1.0,
        "defocus": 0.0,
    }
    return Cell(**(made | changes))


def depth_of(cell: Cell, half: int) -> np.ndarray:
    return shape_depth(cell, *skeletons_of([cell]), *grid(half), REACH).depth


def test_a_cell_without_waves_is_a_disc() -> None:
    dy, dx = grid(20)
    depth = depth_of(round_cell(), 20)
    assert np.allclose(depth, 10 - np.hypot(dy, dx), atol=1e-4)


@pytest.mark.parametrize("stretch", [0.0, 0.5, 1.0])
def test_stretching_keeps_the_area(stretch: float) -> None:
    cell = round_cell(stretch=stretch, angle=0.3)
    depth = depth_of(cell, 25)
    assert (depth > 0).sum() == pytest.approx(100 * np.pi, rel=0.03)


def test_a_tapered_capsule_is_as_wide_as_its_nodes() -> None:
    dy, dx = grid(20)
    nodes = np.array([[[0.0, -10.0], [0.0, 10.0]]])
    [bone] = bones_of(nodes, np.array([[6.0, 2.0]]))
    depth = chain_depth(dy, dx, bone.pieces)
    assert depth[20, 10] == pytest.approx(6)
    assert depth[20, 20] == pytest.approx(4)
    assert depth[20, 30] == pytest.approx(2)
    assert depth[25, 30] == pytest.approx(-3)


def test_arms_make_a_cell_concave_and_stay_inside_its_extent() -> None:
    arms = np.array([[0.0, 3.0, 0.5, 0.3, 0.1, 0.2], [2.5, 2.0, 0.5, 0.3, 0.2, 0.0]])
    cell = round_cell(arms=arms, rest_arms=arms.copy())
    dy, dx = grid(50)
    inside = depth_of(cell, 50) > 0
    rows, columns = np.nonzero(inside)
    box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert inside.sum() < 0.5 * box
    [skeleton] = skeletons_of([cell])
    low, high = skeleton.low, skeleton.high
    assert dy[rows.min(), 0] >= low[0] - 3 and dy[rows.max(), 0] <= high[0] + 3
    assert dx[0, columns.min()] >= low[1] - 3 and dx[0, columns.max()] <= high[1] + 3
