"""How cells move and push each other."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from napari_sam_i2v.simulation.cell import Cell, Vector
from napari_sam_i2v.simulation.dynamics import Dynamics
from napari_sam_i2v.simulation.sheet import REACH, TURN
from napari_sam_i2v.simulation.skeleton import arm_roots, rod_nodes


def walk(cells: list[Cell], dynamics: Dynamics, rng: np.random.Generator) -> None:
    """Move every cell by one step of a persistent random walk, in place.

    Parameters
    ----------
    cells
        The cells.
    dynamics
        The movie's behaviour.
    rng
        Source of the steps.
    """
    kept = dynamics.persistence
    fresh = np.sqrt(1 - kept**2) * dynamics.speed / np.sqrt(2)
    steps = rng.normal(0, fresh, (len(cells), 2))
    jumps = rng.random(len(cells)) < dynamics.jump_rate
    for cell, step, jump in zip(cells, steps, jumps, strict=True):
        if cell.dividing or cell.dying:
            step = 0.3 * step
        elif cell.crawls:
            # Crawling cells go where their long axis points.
            ahead = cell.axis * (cell.axis @ step)
            step = 0.4 * step + 1.0 * ahead
        cell.velocity = kept * cell.velocity + step
        cell.centre = cell.centre + cell.velocity
        if jump:
            turn = rng.uniform(0, 2 * np.pi)
            far = dynamics.radius * rng.uniform(1.0, 2.2)
            cell.centre = cell.centre + far * np.array([np.sin(turn), np.cos(turn)])


def _discs(cell: Cell) -> tuple[Vector, Vector]:
    """Centres ``(n, 2)`` and radii of discs that stand for a cell, from its centre."""
    if cell.length:
        nodes = rod_nodes(cell)
        return nodes, np.full(len(nodes), cell.radius)
    if len(cell.arms):
        roots, widths = arm_roots(cell)
        radii = np.concatenate([[0.75 * cell.radius], widths])
        return np.vstack([np.zeros((1, 2)), roots]), radii
    if len(cell.corners):
        out = 0.55 * (1 - cell.rounded) * cell.radius * cell.corners[:, REACH]
        turn = cell.angle + cell.corners[:, TURN]
        points = np.zeros((len(turn) + 1, 2))
        points[1:, 0], points[1:, 1] = out * np.sin(turn), out * np.cos(turn)
        radii = np.full(len(points), 0.3 * cell.radius)
        radii[0] *= 2
        return points, radii
    if cell.stretch > 0.35:
        root = np.exp(cell.stretch / 2)
        half = cell.radius * (root - 1 / root)
        narrow = cell.radius * (1 + 1 / root) / 2
        return np.outer([-half, half], cell.axis), np.full(2, narrow)
    return np.zeros((1, 2)), np.array([cell.radius])


def push_apart(cells: list[Cell], crowding: float, rounds: int) -> None:
    """Let overlapping cells push and turn each other, in place.

    Parameters
    ----------
    cells
        The cells.
    crowding
        Distance at which two discs repel, as a part of the sum of their radii.
    rounds
        How often to repeat; more rounds leave less overlap.
    """
    if not cells:
        return
    n = len(cells)
    parts = [_discs(cell) for cell in cells]
    owner = np.repeat(np.arange(n), [len(radii) for _, radii in parts])
    arms = np.vstack([offsets for offsets, _ in parts])
    radii = np.concatenate([radii for _, radii in parts])
    farthest = 2 * crowding * float(radii.max())
    centres = np.array([cell.centre for cell in cells])
    angles = np.array([cell.angle for cell in cells])
    size = np.array([cell.radius for cell in cells])
    length = np.array([cell.length for cell in cells])
    for _ in range(rounds):
        points = centres[owner] + arms
        pairs = cKDTree(points).query_pairs(farthest, output_type="ndarray")
        pairs = pairs[owner[pairs[:, 0]] != owner[pairs[:, 1]]]
        if not len(pairs):
            break
        first, second = pairs.T
        gap = points[first] - points[second]
        distance = np.sqrt((gap**2).sum(axis=1)) + 1e-6
        overlap = crowding * (radii[first] + radii[second]) - distance
        force = gap * (overlap.clip(0) * 0.3 / distance)[:, None]
        index = np.concatenate([owner[first], owner[second]])
        forces = np.concatenate([force, -force])
        levers = np.concatenate([arms[first], arms[second]])
        torque = forces[:, 1] * levers[:, 0] - forces[:, 0] * levers[:, 1]
        shift_y = np.bincount(index, forces[:, 0], n)
        shift_x = np.bincount(index, forces[:, 1], n)
        twist = np.bincount(index, torque, n)
        limit = 0.7 * size
        centres[:, 0] += np.clip(shift_y, -limit, limit)
        centres[:, 1] += np.clip(shift_x, -limit, limit)
        turns = np.clip(twist / (size**2 + length**2 / 6), -0.15, 0.15)
        angles -= turns
        # Discs turn with their cells: a rotation of (x, y) as a complex number.
        turned = (arms[:, 1] + 1j * arms[:, 0]) * np.exp(-1j * turns)[owner]
        arms = np.stack([turned.imag, turned.real], axis=1)
    for cell, centre, angle in zip(cells, centres, angles.tolist(), strict=True):
        cell.centre = centre
        cell.angle = angle
