"""Deforming: cells of a movie move, turn, swell and bend, each in its own way.

Real cells change more from frame to frame than simulated ones, and a still does not
change at all: a mask in real phase contrast, moved to where the cell is on the next
frame, has an IoU of 0.80 with the mask there; in the simulator it is 0.97.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field = NDArray[np.float32]
"""Displacements in pixels, ``(2, H, W)``, yx."""

MOVE, SWELL, STRETCH, TURN, BEND = 0.22, 0.06, 0.08, 0.2, 0.06
"""Standard deviations at an amount of 1: of places and of the field that bends cells
in diameters, of sizes and stretches as logarithms, and of angles in radians."""


@dataclass(frozen=True, eq=False)
class _Plan:
    """What happens to cells: by frame and label, ``(T, N + 1, ...)``."""

    moves: NDArray
    gradients: NDArray
    knots: NDArray
    diameter: float


def deform(
    images: NDArray,
    labels: NDArray,
    amount: float,
    rng: np.random.Generator,
    drift: NDArray | None = None,
) -> tuple[NDArray[np.float32], NDArray]:
    """Let every cell move and change beyond what it does already.

    Parameters
    ----------
    images, labels
        ``(T, H, W)``.
    amount
        How much; at 1 as much as cells that crawl on glass do. See :data:`MOVE`.
    rng
        Source of it all.
    drift
        How far whole frames move beside that, in pixels, ``(T, 2)``, yx.

    Returns
    -------
    tuple of numpy.ndarray
        Images and labels. What was true of pixels is true of them where they went.
    """
    plan = _plan(labels, amount, rng)
    moved, masks = np.empty(images.shape, np.float32), np.empty_like(labels)
    for frame, (image, label) in enumerate(zip(images, labels, strict=True)):
        at = _origins(_field(label, frame, plan))
        if drift is not None:
            at -= drift[frame].astype(np.float32)[:, None, None]
        image = np.asarray(image, np.float32)
        moved[frame] = ndimage.map_coordinates(image, at, order=1, mode="reflect")
        masks[frame] = ndimage.map_coordinates(label, at, order=0, mode="constant")
    return moved, masks


def wander(
    frames: int, shape: tuple[int, ...], kept: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Random numbers, each of which wanders about 0 with deviation 1.

    Parameters
    ----------
    frames, shape
        Length, and shape of what wanders.
    kept
        What is kept from one frame to the next, 0 to 1.
    rng
        Source of the steps.

    Returns
    -------
    numpy.ndarray
        ``(frames, *shape)``.
    """
    values = rng.normal(size=(frames, *shape))
    fresh = np.sqrt(1 - kept**2)
    for frame in range(1, frames):
        values[frame] = kept * values[frame - 1] + fresh * values[frame]
    return values


def _plan(labels: NDArray, amount: float, rng: np.random.Generator) -> _Plan:
    """Draw what will happen to the cells."""
    frames, count = len(labels), int(labels.max()) + 1
    areas = np.bincount(labels[frames // 2].ravel(), minlength=2)[1:]
    area = np.median(areas[areas > 0]) if areas.any() else 100.0
    diameter = float(2 * np.sqrt(area / np.pi))
    kept = rng.uniform(0.4, 0.95)
    moves = amount * MOVE * diameter * wander(frames, (count, 2), kept, rng)
    swell, long, aslant = np.array([SWELL, STRETCH, STRETCH])[:, None, None] * (
        amount * wander(frames, (3, count), kept, rng).transpose(1, 0, 2)
    )
    turn = amount * TURN * wander(frames, (count,), kept, rng)
    rows = [[swell + long, aslant - turn], [aslant + turn, swell - long]]
    gradients = np.array(rows).transpose(2, 3, 0, 1)
    spacing = max(4.0, 0.6 * diameter)
    cells = [int(n / spacing) + 4 for n in labels.shape[1:]]
    knots = amount * BEND * diameter * wander(frames, (2, *cells), kept, rng)
    return _Plan(moves, gradients, knots, diameter)


def _field(label: NDArray, frame: int, plan: _Plan) -> Field:
    """Say where the pixels of a frame go: with their cell, or as those next to it."""
    grid = np.indices(label.shape, np.float32)
    inside = (label > 0).astype(np.float32)
    pixels = np.maximum(np.bincount(label.ravel(), minlength=len(plan.moves[0])), 1)
    sums = [np.bincount(label.ravel(), g.ravel(), len(pixels)) for g in grid]
    offset = grid - (np.array(sums) / pixels).astype(np.float32)[:, label]
    gradient = plan.gradients[frame].astype(np.float32)[label]
    own = plan.moves[frame].astype(np.float32)[label].transpose(2, 0, 1)
    own += np.einsum("hwij,jhw->ihw", gradient, offset)
    # Cells that touch share a seam, so that they neither tear nor overlap.
    width = float(np.clip(0.12 * plan.diameter, 1.5, 8))
    near = ndimage.gaussian_filter(inside, width) + 0.03
    smooth = [ndimage.gaussian_filter(part * inside, width) / near for part in own]
    size = np.array(label.shape)
    spots = grid * ((np.array(plan.knots.shape[2:]) - 4) / size)[:, None, None] + 1.5
    bent = [
        ndimage.map_coordinates(part, spots, order=1, mode="nearest")
        for part in plan.knots[frame]
    ]
    return (np.array(smooth) + np.array(bent)).astype(np.float32)


def _origins(field: Field) -> Field:
    """Find where pixels come from: ``x`` with ``x + field(x) = p``, by iteration."""
    grid = np.indices(field.shape[1:], np.float32)
    at: Field = grid - field
    for _ in range(2):
        there = [ndimage.map_coordinates(f, at, order=1, mode="nearest") for f in field]
        at = grid - np.array(there)
    return at
