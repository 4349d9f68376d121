"""Depth of pixels below a cell's outline.

A depth is a signed distance in pixels, positive inside. It is only roughly a distance
far from the outline, which is all that labels and renderers need.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_sam_i2v.simulation.cell import (
    ANGLE,
    BASE,
    CURL,
    LENGTH,
    MIDDLE,
    MODES,
    TIP,
    Cell,
    Vector,
)
from napari_sam_i2v.simulation.settings import Array

FAR = -1e3


def shape_depth(cell: Cell, dy: Array, dx: Array) -> tuple[Array, Array, Array]:
    """Depth of the pixels of a rectangle, and their place in the cell.

    Parameters
    ----------
    cell
        The cell.
    dy, dx
        Distances from the cell's centre in pixels, ``(h, 1)`` and ``(1, w)``.

    Returns
    -------
    depth
        ``(h, w)``, pixels.
    along, across
        ``(h, w)``, the cell's own coordinates in radii; they turn and stretch with
        the cell.
    """
    sine, cosine = np.float32(np.sin(cell.angle)), np.float32(np.cos(cell.angle))
    along = dy * sine + dx * cosine
    across = dy * cosine - dx * sine
    if cell.length:
        depth = chain_depth(dy, dx, rod_nodes(cell), np.full(4, cell.radius))
        scale = np.float32(1 / cell.radius)
        return depth, along * scale, across * scale
    calm = 1 - cell.mitosis
    root = np.float32(np.exp(cell.stretch / 2))
    along /= root * np.float32(cell.radius)
    across *= root / np.float32(cell.radius)
    if not len(cell.arms):
        return _blob_depth(cell, along, across, calm), along, across
    # A body is small beside its arms: leave the rest of the rectangle to them.
    body = _body_reach(cell) + 8
    part = _window(dy, dx, np.full(2, -body), np.full(2, body))
    depth = np.full(along.shape, FAR, np.float32)
    depth[part] = _blob_depth(cell, along[part], across[part], calm)
    for nodes, widths in arm_chains(cell):
        _join(depth, dy, dx, nodes, widths, 0.45 * cell.radius)
    return depth, along, across


def extent(cell: Cell) -> tuple[Vector, Vector]:
    """Corners ``(y, x)``, relative to the centre, of a rectangle around a cell."""
    if cell.length:
        nodes = rod_nodes(cell)
        return nodes.min(axis=0) - cell.radius, nodes.max(axis=0) + cell.radius
    body = _body_reach(cell)
    low, high = np.full(2, -body), np.full(2, body)
    for nodes, widths in arm_chains(cell):
        low = np.minimum(low, (nodes - widths[:, None]).min(axis=0))
        high = np.maximum(high, (nodes + widths[:, None]).max(axis=0))
    return low, high


def _body_reach(cell: Cell) -> float:
    """Radius of a disc around the centre that holds the body without its arms."""
    bumps = 1 + float(np.abs(cell.modes).sum())
    return bumps * cell.radius * float(np.exp(cell.stretch / 2))


def _window(dy: Array, dx: Array, low: Vector, high: Vector) -> tuple[slice, slice]:
    """The part of a rectangle between two corners, as an index."""
    top, bottom = np.searchsorted(dy[:, 0], [low[0], high[0]])
    left, right = np.searchsorted(dx[0], [low[1], high[1]])
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _blob_depth(cell: Cell, along: Array, across: Array, calm: float) -> Array:
    """Depth below a rounded outline with waves on it; coordinates in radii."""
    distance = np.sqrt(along * along + across * across)
    outline: Array | float = 1.0
    if np.abs(cell.modes).max() * calm > 0.004:
        theta = np.arctan2(across, along)
        outline = np.ones_like(theta)
        for mode, size, phase in zip(MODES, cell.modes, cell.phases, strict=True):
            wave = np.cos(np.float32(mode) * theta + np.float32(phase))
            outline += np.float32(size * calm) * wave
    # Arms grow out of a body smaller than the whole cell.
    body = 0.75 if len(cell.arms) else 1.0
    body += 0.25 * cell.mitosis * (body < 1)
    depth: Array = np.float32(cell.radius) * (np.float32(body) * outline - distance)
    return depth


def rod_nodes(cell: Cell) -> Vector:
    """Four points along a bent rod, ``(4, 2)`` relative to its centre."""
    along = np.linspace(-0.5, 0.5, 4) * cell.length
    across = cell.bend * (along**2 - (cell.length / 2) ** 2) / cell.radius / 2
    sine, cosine = np.sin(cell.angle), np.cos(cell.angle)
    return np.column_stack(
        [along * sine + across * cosine, along * cosine - across * sine]
    )


def arm_chains(cell: Cell) -> Iterator[tuple[Vector, Vector]]:
    """Centre lines ``(n, 2)`` relative to the centre, and half widths, of the arms."""
    calm = 1 - cell.mitosis
    if calm < 0.1 or not len(cell.arms):
        return
    arms = cell.arms
    n_nodes = 4 if arms[:, LENGTH].max() > 3 else 3
    steps = np.linspace(0, 1, n_nodes)
    run = calm * cell.radius / (n_nodes - 1) * arms[:, LENGTH, None]
    bearing = cell.angle + arms[:, ANGLE, None] + arms[:, CURL, None] * steps
    nodes = np.zeros((len(arms), n_nodes, 2))
    nodes[:, 1:, 0] = np.cumsum(run * np.sin(bearing[:, 1:]), axis=1)
    nodes[:, 1:, 1] = np.cumsum(run * np.cos(bearing[:, 1:]), axis=1)
    base, middle, tip = arms[:, BASE], arms[:, MIDDLE], arms[:, TIP]
    between = [(middle + tip) / 2] if n_nodes == 4 else []
    widths = np.array([base, middle, *between, tip]).T * cell.radius
    yield from zip(nodes, np.maximum(widths, 0.7), strict=True)


def arm_roots(cell: Cell) -> tuple[Vector, Vector]:
    """Points ``(n, 2)`` near the beginning of the arms, and half widths there."""
    calm = 1 - cell.mitosis
    bearing = cell.angle + cell.arms[:, ANGLE]
    out = 0.4 * calm * cell.radius * cell.arms[:, LENGTH]
    points = np.array([np.sin(bearing) * out, np.cos(bearing) * out]).T
    return points, cell.arms[:, MIDDLE] * cell.radius


def chain_depth(dy: Array, dx: Array, nodes: Vector, widths: Vector) -> Array:
    """Depth below the union of tapered capsules along a line.

    Parameters
    ----------
    dy, dx
        Coordinates, ``(h, 1)`` and ``(1, w)``.
    nodes
        ``(n, 2)`` points ``(y, x)`` of the line, in the same coordinates.
    widths
        ``(n,)`` half widths at the points.
    """
    depth = np.full((dy.shape[0], dx.shape[1]), FAR, np.float32)
    points = nodes.astype(np.float32)
    for start in range(len(points) - 1):
        y, x = dy - points[start, 0], dx - points[start, 1]
        run = points[start + 1] - points[start]
        norm = np.float32(1 / max(float(run @ run), 1e-6))
        t = y * (run[0] * norm) + x * (run[1] * norm)
        t.clip(0, 1, out=t)
        off_y, off_x = y - t * run[0], x - t * run[1]
        taper = np.float32(widths[start + 1] - widths[start])
        here = np.float32(widths[start]) + t * taper
        here -= np.sqrt(off_y * off_y + off_x * off_x)
        np.maximum(depth, here, out=depth)
    return depth


def _join(
    depth: Array, dy: Array, dx: Array, nodes: Vector, widths: Vector, blend: float
) -> None:
    """Join an arm to `depth` in place, with a web of size `blend` between them."""
    reach = float(widths.max()) + blend + 6
    part = _window(dy, dx, nodes.min(axis=0) - reach, nodes.max(axis=0) + reach)
    body = depth[part]
    if not body.size:
        return
    arm = chain_depth(dy[part[0]], dx[:, part[1]], nodes, widths)
    # Polynomial smooth maximum: rounds the corner between body and arm.
    mix = (0.5 + (arm - body) * np.float32(0.5 / blend)).clip(0, 1)
    body += mix * (arm - body) + np.float32(blend) * mix * (1 - mix)
