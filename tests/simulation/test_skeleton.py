"""Skeletons of many cells at once are those of each cell alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from napari_sam_i2v.simulation import SimulationSettings
from napari_sam_i2v.simulation.cell import Cell
from napari_sam_i2v.simulation.dynamics import draw_dynamics
from napari_sam_i2v.simulation.motion import push_apart
from napari_sam_i2v.simulation.population import Population
from napari_sam_i2v.simulation.scene import Layout, compose
from napari_sam_i2v.simulation.shapes import chain_depth, shape_depth
from napari_sam_i2v.simulation.skeleton import Skeleton, skeletons_of
from napari_sam_i2v.simulation.texture import TILE

KINDS = {
    "nuclei": "round",
    "phase": "sheet",
    "spindle": "spindle",
    "rods": "rod",
    "filaments": "filament",
}


def cells_of(modality: str, count: int = 12, seed: int = 3) -> list[Cell]:
    """Cells of one body in a frame of 128 x 128, some of them rounding up."""
    settings = SimulationSettings(
        modality=modality, body=KINDS[modality], height=128, width=128, cells=count
    )
    rng = np.random.default_rng(seed)
    cells = Population(settings, draw_dynamics(settings, rng), rng).cells
    for cell, mitosis in zip(cells, (0.0, 0.5, 0.88, 0.95, 1.0), strict=False):
        cell.mitosis = mitosis
    return cells


def leaves(skeleton: Skeleton) -> list[np.ndarray]:
    bones = [leaf for bone in skeleton.bones for leaf in vars(bone).values()]
    outline = [] if skeleton.outline is None else [skeleton.outline]
    return [skeleton.low, skeleton.high, *map(np.asarray, bones), *outline]


@pytest.mark.parametrize("modality", KINDS)
def test_many_at_once_are_those_of_each_alone(modality: str) -> None:
    cells = cells_of(modality)
    together = skeletons_of(cells)
    assert len(together) == len(cells)
    for cell, skeleton in zip(cells, together, strict=True):
        alone = leaves(*skeletons_of([cell]))
        assert len(alone) == len(leaves(skeleton))
        for mine, other in zip(leaves(skeleton), alone, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-6)


def test_no_cells_have_no_skeletons() -> None:
    assert skeletons_of([]) == []
    push_apart([], 0.8, 2)


@pytest.mark.parametrize("modality", KINDS)
def test_a_skeleton_holds_its_cell(modality: str) -> None:
    line = np.arange(-150, 151, dtype=np.float32)
    for cell in cells_of(modality):
        [skeleton] = skeletons_of([cell])
        form = shape_depth(cell, skeleton, line[:, None], line[None], 5.0)
        rows, columns = np.nonzero(form.depth > 0)
        assert rows.size
        assert line[rows.min()] >= skeleton.low[0] - 1
        assert line[rows.max()] <= skeleton.high[0] + 1
        assert line[columns.min()] >= skeleton.low[1] - 1
        assert line[columns.max()] <= skeleton.high[1] + 1


def test_depths_of_long_rods_are_exact_within_reach() -> None:
    line = np.arange(-150, 151, dtype=np.float32)
    for cell in cells_of("filaments"):
        [skeleton] = skeletons_of([cell])
        [bone] = skeleton.bones
        whole = chain_depth(line[:, None], line[None], bone.pieces)
        form = shape_depth(cell, skeleton, line[:, None], line[None], 5.0)
        near = whole > -5
        np.testing.assert_allclose(form.depth[near], whole[near], atol=1e-4)


@pytest.mark.parametrize("modality", ["nuclei", "phase", "spindle", "rods"])
def test_rounds_of_pushing_are_the_same_one_by_one(modality: str) -> None:
    at_once = cells_of(modality, count=25)
    one_by_one = [dataclasses.replace(cell) for cell in at_once]
    before = np.array([(*cell.centre, cell.angle) for cell in at_once])
    push_apart(at_once, 1.1, 6)
    for _ in range(6):
        push_apart(one_by_one, 1.1, 1)
    pushed = np.array([(*cell.centre, cell.angle) for cell in at_once])
    again = np.array([(*cell.centre, cell.angle) for cell in one_by_one])
    np.testing.assert_allclose(pushed, again, atol=1e-6)
    assert np.abs(pushed - before)[:, :2].max() > 0.1
    if modality != "nuclei":
        assert np.abs(pushed - before)[:, 2].max() > 0.01


@pytest.mark.parametrize("modality", KINDS)
def test_what_a_cell_just_outside_does_to_the_frame_fades_slowly(modality: str) -> None:
    [cell, *_] = cells_of(modality)
    tile = np.zeros((TILE * TILE, 4), np.float32)
    layout = Layout(swell=0.0, reach=6.0, ragged=0.0, fibres=1.0)
    depths = []
    [skeleton] = skeletons_of([cell])
    for outside in np.arange(0.0, 5.0, 0.25):
        cell.centre = np.array([-skeleton.high[0] - outside, 64.0])
        depths.append(compose([cell], (128, 128), tile, layout).depth.max())
    assert np.abs(np.diff(depths)).max() < 0.5
