"""Outlines of flat cells: corners that hold on to the ground, edges between them.

A concave edge is under tension and steep; a convex one is a thin lamella. Seen from
its middle, a flat cell reaches its outline once in every direction, so that a table
over directions describes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from napari_sam_i2v.simulation.settings import Array

Vector = NDArray[np.float64]

BEARINGS = 512
"""Directions in a table."""

# Columns of corners: direction, distance from the middle, sag of the edge to the next.
TURN, REACH, SAG = range(3)
# Rows of a table: distance, slant of the outline, tension.
OUTLINE, SLANT, TENSION = range(3)

CORNERS = {"polygon": (3, 6), "star": (3, 6), "fan": (5, 7), "lamella": (6, 9)}

_STEPS = np.linspace(0, 1, 14)[:-1]
_BOW = 4 * _STEPS * (1 - _STEPS)
_DIRECTIONS = np.linspace(-np.pi, np.pi, BEARINGS, endpoint=False)
_COSINES, _SINES = np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)


def draw_corners(rng: np.random.Generator) -> Vector:
    """Draw the corners of a flat cell: polygon, star, spindle, fan, lamella.

    Parameters
    ----------
    rng
        Source of the shape.

    Returns
    -------
    Vector
        ``(n, 3)``; distances are relative, as the area is set to that of a unit disc.
    """
    style = rng.choice(["polygon", "polygon", "star", "spindle", "fan", "lamella"])
    if style == "spindle":
        corners = np.zeros((4, 3))
        corners[:, TURN] = np.arange(4) * np.pi / 2 + rng.normal(0, 0.15, 4)
        corners[::2, REACH] = rng.uniform(1.5, 3.4, 2)
        corners[1::2, REACH] = rng.uniform(0.35, 0.75, 2)
        corners[:, SAG] = rng.uniform(-0.12, 0.06, 4)
        return corners
    fewest, most = CORNERS[style]
    count = int(rng.integers(fewest, most + 1))
    corners = np.zeros((count, 3))
    corners[:, TURN] = (2 * np.pi / count) * (
        np.arange(count) + rng.uniform(-0.38, 0.38, count)
    )
    corners[:, REACH] = rng.uniform(0.8, 1.4, count)
    tense = rng.random(count) < {"polygon": 0.7, "fan": 0.3}.get(style, 0.1)
    corners[:, SAG] = rng.uniform(0.02, 0.22, count)
    corners[tense, SAG] = rng.uniform(-0.28, -0.04, tense.sum())
    if style == "star":
        corners[:, REACH] = rng.uniform(1.0, 2.4, count)
        corners[:, SAG] = rng.uniform(-0.45, -0.2, count)
    elif style != "lamella":
        # A tail that the cell drags behind.
        corners[0, REACH] = rng.uniform(1.3, 2.8)
        corners[[0, -1], SAG] = rng.uniform(-0.25, -0.1, 2)
    # Most cells are drawn out one way.
    longer = np.exp(rng.uniform(0.0, 0.45))
    tips = corners[:, REACH] * np.exp(1j * corners[:, TURN])
    tips = longer * tips.real + 1j / longer * tips.imag
    tips -= tips.mean()
    corners[:, TURN], corners[:, REACH] = np.angle(tips), np.abs(tips)
    return corners


def move_corners(
    corners: Vector, rest: Vector, lively: float, rng: np.random.Generator
) -> tuple[Vector, Vector]:
    """Move corners by one frame: sway, let go and hold on elsewhere, or start afresh.

    Parameters
    ----------
    corners, rest
        Where the corners are, and where they tend to, ``(n, 3)``.
    lively
        How fast the outline changes, 0 to about 1.
    rng
        Source of the change.

    Returns
    -------
    corners, rest
        The new ones.
    """
    count = len(corners)
    if rng.random() < 0.035 * lively:
        rest = _as_many(draw_corners(rng), count)
        near = int(np.argmin(np.abs(_wrapped(rest[:, TURN] - corners[0, TURN]))))
        rest = np.roll(rest, -near, axis=0)
    rest = rest.copy()
    for corner in np.flatnonzero(rng.random(count) < 0.03 * lively):
        # A tail is pulled in, an edge pushed out.
        long = rest[corner, REACH] > 1.3
        rest[corner, REACH] = rng.uniform(0.6, 0.9) if long else rng.uniform(0.9, 2.4)
        rest[corner, SAG] = rng.uniform(-0.25, 0.2)
    moved = corners.copy()
    pace = 0.12 + 0.25 * lively
    moved[:, TURN] += pace * _wrapped(rest[:, TURN] - corners[:, TURN])
    moved[:, REACH:] += pace * (rest[:, REACH:] - corners[:, REACH:])
    moved[:, TURN] += rng.normal(0, 0.05 * lively, count)
    moved[:, REACH] *= np.exp(rng.normal(0, 0.06 * lively, count))
    moved[:, SAG] += rng.normal(0, 0.02 * lively, count)
    return moved, rest


def outline_tables(outlines: Sequence[Vector]) -> Array:
    """Tabulate outlines over the directions from their middles.

    Parameters
    ----------
    outlines
        Corners of `n` flat cells, ``(k, 3)`` each, at least three.

    Returns
    -------
    Array
        ``(n, 3, BEARINGS)``, from direction -pi on: distance of the outline, in radii
        of the disc of the same area; cosine of its slant thereabouts; and tension, 0
        where the edge is a thin lamella, 1 where it is taut.
    """
    counts = np.array([len(corners) for corners in outlines])
    ends = np.cumsum(counts)
    starts = ends - counts
    owner = np.repeat(np.arange(len(outlines)), counts)
    corners = np.concatenate(outlines)
    wrapped = _wrapped(corners[:, TURN])
    order = np.lexsort((wrapped, owner))
    turn, reach, sag = wrapped[order], corners[order, REACH], corners[order, SAG]
    first = turn[starts]
    beyond = turn - first[owner]
    following = np.arange(len(corners)) + 1
    following[ends - 1] = starts
    turned = turn[following]
    turned[ends - 1] += 2 * np.pi
    tips = reach * np.exp(1j * beyond)
    spans = tips[following] - tips
    # No edge cuts through the middle.
    room = np.abs(tips + spans / 2) - 0.35
    sag = np.maximum(sag, -room / np.abs(spans))
    edges = tips[:, None] + spans[:, None] * (_STEPS - 1j * sag[:, None] * _BOW)
    away = np.abs(edges)
    # A strongly bent edge must not double back on itself.
    towards = np.angle(edges / tips[:, None]).clip(0, (turned - turn)[:, None])
    towards = np.maximum.accumulate(towards, axis=1) + beyond[:, None]
    # Both rows in one go, as a complex number; the first point closes the ring.
    tense = np.maximum(sag[:, None] < 0, np.clip(away - 1.2, 0, 1))
    points = away + 1j * tense
    closed = ends * len(_STEPS)
    places = np.insert(towards.ravel(), closed, 2 * np.pi)
    values = np.insert(points.ravel(), closed, points[starts, 0])
    seams = closed[:-1] + np.arange(1, len(outlines))
    asked = _DIRECTIONS - first[:, None]
    asked[asked < 0] += 2 * np.pi
    rings = zip(asked, np.split(places, seams), np.split(values, seams), strict=True)
    rows = np.array([np.interp(*ring) for ring in rings])
    outline = _smooth(np.maximum(rows.real, 0.3), 9)
    outline /= np.sqrt(np.mean(outline**2, axis=1, keepdims=True))
    ring = np.concatenate([outline[:, -1:], outline, outline[:, :1]], axis=1)
    rate = (ring[:, 2:] - ring[:, :-2]) * (BEARINGS / (4 * np.pi))
    slant = 1 / np.sqrt(1 + (rate / outline) ** 2)
    # Along a tail's axis, its flanks are nearer than its tip.
    slant = _smooth(minimum_filter1d(slant, 25, mode="wrap"), 11)
    return np.stack([outline, slant, _smooth(rows.imag, 31)], axis=1, dtype=np.float32)


def bearing_index(along: Array, across: Array) -> NDArray[np.int32]:
    """Index into a table of the directions of points."""
    theta = np.arctan2(across, along)
    index = (theta + np.float32(np.pi)) * np.float32(BEARINGS / (2 * np.pi))
    return index.astype(np.int32) & (BEARINGS - 1)


def outline_extents(tables: Array, angles: Vector) -> tuple[Vector, Vector]:
    """Corners ``(n, 2)`` of rectangles around outlines, in radii from their middles.

    Parameters
    ----------
    tables
        ``(n, 3, BEARINGS)``.
    angles
        ``(n,)``, by how much the outlines are turned.
    """
    along, across = tables[:, OUTLINE] * _COSINES, tables[:, OUTLINE] * _SINES
    sine, cosine = np.sin(angles)[:, None], np.cos(angles)[:, None]
    points = along * sine + across * cosine, along * cosine - across * sine
    low = np.stack([axis.min(axis=1) for axis in points], axis=1)
    return low, np.stack([axis.max(axis=1) for axis in points], axis=1)


def _as_many(corners: Vector, count: int) -> Vector:
    """The same outline, about, with another number of corners."""
    order = np.argsort(corners[:, TURN])
    turns = corners[order, TURN]
    picked = np.linspace(0, len(corners), count, endpoint=False)
    places = np.arange(len(corners) + 1)
    closed = np.append(turns, turns[0] + 2 * np.pi)
    result = np.zeros((count, 3))
    result[:, TURN] = np.interp(picked, places, closed)
    for column in (REACH, SAG):
        values = corners[order, column]
        result[:, column] = np.interp(picked, places, np.append(values, values[0]))
    return result


def _wrapped(angle: Vector) -> Vector:
    turned: Vector = (angle + np.pi) % (2 * np.pi) - np.pi
    return turned


def _smooth(rings: Vector, width: int) -> Vector:
    """Running mean around rings ``(n, BEARINGS)``."""
    half = width // 2
    nothing = np.zeros((len(rings), 1))
    closed = [nothing, rings[:, -half:], rings, rings[:, :half]]
    sums = np.cumsum(np.concatenate(closed, axis=1), axis=1)
    mean: Vector = (sums[:, width:] - sums[:, :-width]) / width
    return mean
