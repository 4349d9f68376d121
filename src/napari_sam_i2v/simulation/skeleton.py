"""What the outlines of cells hang on: centre lines, or tables over directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_sam_i2v.simulation.cell import (
    ANGLE,
    BASE,
    CURL,
    LENGTH,
    MIDDLE,
    TIP,
    Cell,
    Vector,
)
from napari_sam_i2v.simulation.settings import Array
from napari_sam_i2v.simulation.sheet import SLANT, outline_extents, outline_tables

Point = Sequence[float]

FEW, MANY = np.linspace(-0.5, 0.5, 4), np.linspace(-0.5, 0.5, 11)
ROUNDED = 0.55
"""Radius of a flat cell that has rounded up, in its radii."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bone:
    """A rod or an arm; lengths in pixels from the centre of its cell.

    Attributes
    ----------
    nodes, widths
        Points ``(k, 2)`` of its centre line, and half widths there, ``(k,)``.
    pieces
        ``(9, k - 1, 1, 1)``, of each straight piece. Its own coordinates, along it and
        beside it, are ``y * pieces[0:2] + x * pieces[2:4] - pieces[4:6]``; then come
        length, taper and first half width.
    low, high
        Corners ``(y, x)`` of a rectangle around it.
    """

    nodes: Vector
    widths: Vector
    pieces: Array
    low: Point
    high: Point


@dataclass(frozen=True, kw_only=True, eq=False)
class Skeleton:
    """What the outline of a cell hangs on; lengths in pixels from its centre.

    Attributes
    ----------
    low, high
        Corners ``(y, x)`` of a rectangle around the cell.
    body
        Of cells that are neither rods nor flat: radius of a disc that holds the body,
        without its arms.
    bones
        Of a rod, one; of a cell with arms, one for each.
    outline
        Of flat cells, ``(3, BEARINGS)``: see `sheet.outline_tables`; drawn in as far as
        the cell has rounded up, all but its tension.
    """

    low: Vector
    high: Vector
    body: float = 0.0
    bones: Sequence[Bone] = ()
    outline: Array | None = None


def skeletons_of(cells: Sequence[Cell]) -> list[Skeleton]:
    """Skeletons of cells of one body, in their order.

    Parameters
    ----------
    cells
        All of them rods, flat, with arms, or none of these. Flat cells and arms are
        many small steps, and so are taken all at once.
    """
    if any(len(cell.corners) for cell in cells):
        return _flat(cells)
    if any(len(cell.arms) for cell in cells):
        return _with_arms(cells)
    return [_rod(cell) if cell.length else _blob(cell) for cell in cells]


def bones_of(nodes: Vector, widths: Vector) -> list[Bone]:
    """Bones along lines.

    Parameters
    ----------
    nodes
        ``(n, k, 2)``, points ``(y, x)`` of each line in pixels from the centre of its
        cell, no two in a row the same.
    widths
        ``(n, k)``, half widths there in pixels.
    """
    run = np.diff(nodes, axis=1)
    length = np.sqrt((run**2).sum(axis=2))
    (y, x), start = np.moveaxis(run, 2, 0) / length, np.moveaxis(nodes[:, :-1], 2, 0)
    along, beside = y * start[0] + x * start[1], x * start[0] - y * start[1]
    taper = np.diff(widths, axis=1) / length
    rows = [y, x, x, -y, along, beside, length, taper, widths[:, :-1]]
    pieces = np.array(rows, np.float32)[..., None, None]
    low = (nodes - widths[..., None]).min(axis=1).tolist()
    high = (nodes + widths[..., None]).max(axis=1).tolist()
    return [
        Bone(
            nodes=nodes[index],
            widths=widths[index],
            pieces=pieces[:, index],
            low=low[index],
            high=high[index],
        )
        for index in range(len(nodes))
    ]


def rod_nodes(cell: Cell) -> Vector:
    """Points along a bent rod, ``(n, 2)`` relative to its centre."""
    # Longer ones bend more, and need more straight pieces.
    place = FEW if cell.length < 9 * cell.radius else MANY
    along = place * cell.length
    across = cell.bend * (along**2 - (cell.length / 2) ** 2) / cell.radius / 2
    if cell.wave:
        across += cell.wave * cell.length * np.sin(2 * np.pi * place)
    sine, cosine = np.sin(cell.angle), np.cos(cell.angle)
    nodes = np.empty((len(place), 2))
    nodes[:, 0] = along * sine + across * cosine
    nodes[:, 1] = along * cosine - across * sine
    return nodes


def arm_roots(cell: Cell) -> tuple[Vector, Vector]:
    """Points ``(n, 2)`` near the beginning of the arms, and half widths there."""
    calm = 1 - cell.mitosis
    bearing = cell.angle + cell.arms[:, ANGLE]
    out = 0.4 * calm * cell.radius * cell.arms[:, LENGTH]
    points = np.array([np.sin(bearing) * out, np.cos(bearing) * out]).T
    return points, cell.arms[:, MIDDLE] * cell.radius


def _rod(cell: Cell) -> Skeleton:
    nodes = rod_nodes(cell)
    bones = bones_of(nodes[None], np.full((1, len(nodes)), cell.radius))
    low, high = np.array(bones[0].low), np.array(bones[0].high)
    return Skeleton(low=low, high=high, bones=bones)


def _body_of(cell: Cell) -> float:
    """As `Skeleton.body`."""
    bumps = 1 + float(np.abs(cell.modes).sum())
    root = float(np.exp(cell.visible_stretch / 2))
    return cell.body_size * bumps * cell.visible_radius * root


def _blob(cell: Cell) -> Skeleton:
    body = _body_of(cell)
    return Skeleton(low=np.full(2, -body), high=np.full(2, body), body=body)


def _flat(cells: Sequence[Cell]) -> list[Skeleton]:
    tables = outline_tables([cell.corners for cell in cells])
    rounded = np.array([cell.rounded for cell in cells], np.float32)[:, None, None]
    disc = np.array([[ROUNDED], [1.0]], np.float32)
    drawn_in = tables[:, : SLANT + 1]
    drawn_in += rounded * (disc - drawn_in)
    lows, highs = outline_extents(tables, np.array([cell.angle for cell in cells]))
    return [
        Skeleton(low=cell.radius * low, high=cell.radius * high, outline=table)
        for cell, low, high, table in zip(cells, lows, highs, tables, strict=True)
    ]


def _with_arms(cells: Sequence[Cell]) -> list[Skeleton]:
    """Skeletons of cells with arms; a cell that divides has drawn them in."""
    made: dict[int, Skeleton] = {}
    reaching = []
    for index, cell in enumerate(cells):
        if len(cell.arms) and cell.mitosis <= 0.9:
            reaching.append((index, cell))
        else:
            made[index] = _blob(cell)
    # Longer arms bend more, and need more straight pieces.
    long = [pair for pair in reaching if pair[1].arms[:, LENGTH].max() > 3]
    short = [pair for pair in reaching if pair[1].arms[:, LENGTH].max() <= 3]
    for group, n_nodes in ((short, 3), (long, 4)):
        if not group:
            continue
        bones = bones_of(*_arms([cell for _, cell in group], n_nodes))
        end = 0
        for index, cell in group:
            start, end = end, end + len(cell.arms)
            body, mine = _body_of(cell), bones[start:end]
            low = [min(-body, *(bone.low[axis] for bone in mine)) for axis in (0, 1)]
            high = [max(body, *(bone.high[axis] for bone in mine)) for axis in (0, 1)]
            made[index] = Skeleton(
                low=np.array(low), high=np.array(high), body=body, bones=mine
            )
    return [made[index] for index in range(len(cells))]


def _arms(cells: Sequence[Cell], n_nodes: int) -> tuple[Vector, Vector]:
    """Centre lines of all arms of cells, and half widths along them."""
    counts = [len(cell.arms) for cell in cells]
    arms = np.concatenate([cell.arms for cell in cells])
    angle = np.repeat([cell.angle for cell in cells], counts)
    radius = np.repeat([cell.radius for cell in cells], counts)
    calm = 1 - np.repeat([cell.mitosis for cell in cells], counts)
    steps = np.linspace(0, 1, n_nodes)
    run = (calm * radius / (n_nodes - 1) * arms[:, LENGTH])[:, None]
    bearing = (angle + arms[:, ANGLE])[:, None] + arms[:, CURL, None] * steps
    nodes = np.zeros((len(arms), n_nodes, 2))
    nodes[:, 1:, 0] = np.cumsum(run * np.sin(bearing[:, 1:]), axis=1)
    nodes[:, 1:, 1] = np.cumsum(run * np.cos(bearing[:, 1:]), axis=1)
    base, middle, tip = arms[:, BASE], arms[:, MIDDLE], arms[:, TIP]
    between = [(middle + tip) / 2] if n_nodes == 4 else []
    widths = np.array([base, middle, *between, tip]).T * radius[:, None]
    return nodes, np.maximum(widths, 0.7)
