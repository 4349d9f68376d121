"""Depth of pixels below a cell's outline.

A depth is a signed distance in pixels, positive inside. It is only roughly a distance
far from the outline, which is all that labels and renderers need.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from napari_sam_i2v.simulation.sheet import (
    OUTLINE,
    SLANT,
    TENSION,
    bearing_index,
    outline_points,
)

Bones = tuple[Vector, Vector]

FAR = -1e3
FEW, MANY = np.linspace(-0.5, 0.5, 4), np.linspace(-0.5, 0.5, 11)
NO_BONES: Bones = np.zeros((0, 2, 2)), np.zeros((0, 2))
ROUNDED = 0.55
"""Radius of a flat cell that has rounded up, in its radii."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """A cell on the pixels of a rectangle; everything ``(h, w)``.

    Attributes
    ----------
    depth
        Signed depth below the outline in pixels.
    along, across
        The cell's own coordinates in radii; they turn and stretch with the cell.
    tension
        Of flat cells: how taut the outline in this direction is, 0 to 1, and up to 2
        towards the end of a tail.
    """

    depth: Array
    along: Array
    across: Array
    tension: Array | None = None


def shape_depth(cell: Cell, dy: Array, dx: Array, bones: Bones | None = None) -> Form:
    """Lay out a cell on the pixels of a rectangle.

    Parameters
    ----------
    cell
        The cell.
    dy, dx
        Distances from the cell's centre in pixels, ``(h, 1)`` and ``(1, w)``.
    bones
        Of the cell, where they are known already.
    """
    sine, cosine = np.float32(np.sin(cell.angle)), np.float32(np.cos(cell.angle))
    along = dy * sine + dx * cosine
    across = dy * cosine - dx * sine
    if cell.length:
        nodes, widths = bones or bones_of(cell)
        depth = _rod_depth(dy, dx, nodes[0], widths[0])
        scale = np.float32(1 / cell.radius)
        return Form(depth=depth, along=along * scale, across=across * scale)
    if cell.outline is not None:
        along /= np.float32(cell.radius)
        across /= np.float32(cell.radius)
        return _sheet_form(cell, cell.outline, along, across)
    calm = 1 - cell.mitosis
    root = np.float32(np.exp(cell.visible_stretch / 2))
    along /= root * np.float32(cell.visible_radius)
    across *= root / np.float32(cell.visible_radius)
    if not len(cell.arms):
        depth = _blob_depth(cell, along, across, calm)
        return Form(depth=depth, along=along, across=across)
    # A body is small beside its arms: leave the rest of the rectangle to them.
    body = _body_reach(cell) + 8
    part = _window(dy, dx, np.full(2, -body), np.full(2, body))
    depth = np.full(along.shape, FAR, np.float32)
    depth[part] = _blob_depth(cell, along[part], across[part], calm)
    for nodes, widths in zip(*(bones or bones_of(cell)), strict=True):
        _join(depth, dy, dx, nodes, widths, 0.45 * cell.radius)
    return Form(depth=depth, along=along, across=across)


def extent(cell: Cell, bones: Bones | None = None) -> tuple[Vector, Vector]:
    """Corners ``(y, x)``, relative to the centre, of a rectangle around a cell."""
    nodes, widths = bones or bones_of(cell)
    if cell.length:
        return nodes[0].min(axis=0) - cell.radius, nodes[0].max(axis=0) + cell.radius
    if cell.outline is not None:
        along, across = outline_points(flattened(cell, cell.outline)).T * cell.radius
        sine, cosine = np.sin(cell.angle), np.cos(cell.angle)
        y, x = along * sine + across * cosine, along * cosine - across * sine
        return np.array([y.min(), x.min()]), np.array([y.max(), x.max()])
    body = _body_reach(cell)
    low, high = np.full(2, -body), np.full(2, body)
    if len(nodes):
        low = np.minimum(low, (nodes - widths[..., None]).min(axis=(0, 1)))
        high = np.maximum(high, (nodes + widths[..., None]).max(axis=(0, 1)))
    return low, high


def _body_reach(cell: Cell) -> float:
    """Radius of a disc around the centre that holds the body without its arms."""
    bumps = 1 + float(np.abs(cell.modes).sum())
    return bumps * cell.visible_radius * float(np.exp(cell.visible_stretch / 2))


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
    reach = np.float32(cell.visible_radius)
    depth: Array = reach * (np.float32(body) * outline - distance)
    return depth


def flattened(cell: Cell, outline: Array) -> Array:
    """Outline of a flat cell, drawn in as far as it has rounded up."""
    if not cell.rounded:
        return outline
    disc = np.array([[ROUNDED], [1.0], [1.0]], np.float32)
    return outline + np.float32(cell.rounded) * (disc - outline)


def _sheet_form(cell: Cell, outline: Array, along: Array, across: Array) -> Form:
    table = flattened(cell, outline)
    index = bearing_index(along, across)
    away = np.sqrt(along * along + across * across)
    reach = np.take(table[OUTLINE], index)
    slant = np.take(table[SLANT], index)
    # The slant matters near the outline; at the middle all directions must agree.
    share = np.minimum(away / reach, 1)
    slant = 1 - (1 - slant) * share * share
    # Beside a tail, directions say little about distance: rather too far than near.
    np.maximum(slant, 0.5, out=slant, where=away > reach)
    depth = (reach - away) * slant * np.float32(cell.radius)
    tension = np.take(outline[TENSION], index)
    tension += (away - 1).clip(0, 1)
    return Form(depth=depth, along=along, across=across, tension=tension)


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


def bones_of(cell: Cell) -> Bones:
    """Centre lines of a rod or of arms, and half widths along them.

    Returns
    -------
    Bones
        ``(n, k, 2)`` pixels from the centre, and ``(n, k)``; a round cell has none.
    """
    if cell.length:
        nodes = rod_nodes(cell)
        return nodes[None], np.full((1, len(nodes)), cell.radius)
    calm = 1 - cell.mitosis
    if calm < 0.1 or not len(cell.arms):
        return NO_BONES
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
    return nodes, np.maximum(widths, 0.7)


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
    points = nodes.astype(np.float32)
    run = np.diff(points, axis=0)
    norm = np.float32(1) / np.maximum((run**2).sum(axis=1), np.float32(1e-6))
    run_y, run_x, norm = (
        run[:, 0, None, None],
        run[:, 1, None, None],
        norm[:, None, None],
    )
    y, x = dy - points[:-1, 0, None, None], dx - points[:-1, 1, None, None]
    t = y * (run_y * norm) + x * (run_x * norm)  # (n - 1, h, w)
    np.maximum(t, 0, out=t)
    np.minimum(t, 1, out=t)
    off = np.square(y - t * run_y)
    off += np.square(x - t * run_x)
    np.sqrt(off, out=off)
    t *= np.diff(widths).astype(np.float32)[:, None, None]
    t += widths[:-1].astype(np.float32)[:, None, None]
    t -= off
    depth: Array = t.max(axis=0)
    return depth


def _rod_depth(dy: Array, dx: Array, nodes: Vector, widths: Vector) -> Array:
    """Like `chain_depth`, faster for long chains; coarse far from them."""
    if len(nodes) <= 4:
        return chain_depth(dy, dx, nodes, widths)
    depth = np.full((dy.shape[0], dx.shape[1]), FAR, np.float32)
    for start in range(0, len(nodes) - 1, 2):
        piece = slice(start, start + 3)
        reach = float(widths[piece].max()) + 16
        low, high = nodes[piece].min(axis=0), nodes[piece].max(axis=0)
        part = _window(dy, dx, low - reach, high + reach)
        here = chain_depth(dy[part[0]], dx[:, part[1]], nodes[piece], widths[piece])
        np.maximum(depth[part], here, out=depth[part])
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
