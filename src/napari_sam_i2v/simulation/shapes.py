"""Depth of pixels below a cell's outline.

A depth is a signed distance in pixels, positive inside. It is only roughly a distance
far from the outline, which is all that labels and renderers need.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from napari_sam_i2v.simulation.cell import MODES, Cell
from napari_sam_i2v.simulation.settings import Array
from napari_sam_i2v.simulation.sheet import OUTLINE, SLANT, TENSION, bearing_index
from napari_sam_i2v.simulation.skeleton import Bone, Point, Skeleton

FAR = -1e3


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


def shape_depth(
    cell: Cell, skeleton: Skeleton, dy: Array, dx: Array, reach: float
) -> Form:
    """Lay out a cell on the pixels of a rectangle.

    Parameters
    ----------
    cell
        The cell.
    skeleton
        Its skeleton.
    dy, dx
        Distances from the cell's centre, ``(h, 1)`` and ``(1, w)``: pixel by pixel,
        and not empty.
    reach
        How far outside the outline, about, depths matter, in pixels; farther they are
        coarse.
    """
    root = np.exp(cell.visible_stretch / 2)
    turn = np.array([np.sin(cell.angle), np.cos(cell.angle)]) / cell.visible_radius
    sine, cosine = (turn / root).astype(np.float32)
    along = dy * sine + dx * cosine
    sine, cosine = (turn * root).astype(np.float32)
    across = dy * cosine - dx * sine
    if cell.length:
        depth = _rod_depth(dy, dx, skeleton.bones[0], reach)
        return Form(depth=depth, along=along, across=across)
    if skeleton.outline is not None:
        return _sheet_form(cell, skeleton.outline, along, across)
    calm = 1 - cell.mitosis
    if not len(cell.arms):
        depth = _blob_depth(cell, along, across, calm)
        return Form(depth=depth, along=along, across=across)
    # A body is small beside its arms: leave the rest of the rectangle to them.
    blend = 0.45 * cell.radius
    margin = max(1.25 * blend, reach)
    away = skeleton.body + margin * root
    part = _window(dy, dx, (-away, -away), (away, away))
    depth = np.full(along.shape, FAR, np.float32)
    depth[part] = _blob_depth(cell, along[part], across[part], calm)
    for bone in skeleton.bones:
        _join(depth, dy, dx, bone, blend, margin)
    return Form(depth=depth, along=along, across=across)


def _window(dy: Array, dx: Array, low: Point, high: Point) -> tuple[slice, slice]:
    """The part of a rectangle between two corners, as an index."""
    return (
        _between(dy.item(0), low[0], high[0]),
        _between(dx.item(0), low[1], high[1]),
    )


def _between(first: float, low: float, high: float) -> slice:
    """Those of ``first, first + 1, ...`` from `low` to `high`, as an index."""
    return slice(max(0, ceil(low - first)), max(0, ceil(high - first)))


def _blob_depth(cell: Cell, along: Array, across: Array, calm: float) -> Array:
    """Depth below a rounded outline with waves on it; coordinates in radii."""
    distance = np.sqrt(along * along + across * across)
    outline: Array | float = 1.0
    if np.abs(cell.modes).max() * calm > 0.004:
        theta = np.arctan2(across, along)
        waves = MODES.astype(np.float32)[:, None] * theta.ravel()
        waves += cell.phases.astype(np.float32)[:, None]
        np.cos(waves, out=waves)
        sizes = (cell.modes * calm).astype(np.float32)
        outline += (sizes @ waves).reshape(theta.shape)
    reach = np.float32(cell.visible_radius)
    depth: Array = reach * (np.float32(cell.body_size) * outline - distance)
    return depth


def _sheet_form(cell: Cell, table: Array, along: Array, across: Array) -> Form:
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
    tension = np.take(table[TENSION], index)
    tension += (away - 1).clip(0, 1)
    return Form(depth=depth, along=along, across=across, tension=tension)


def chain_depth(dy: Array, dx: Array, pieces: Array) -> Array:
    """Depth below the union of tapered capsules along a line.

    Parameters
    ----------
    dy, dx
        Coordinates, ``(h, 1)`` and ``(1, w)``.
    pieces
        ``(9, n, 1, 1)``, the straight pieces of the line: see `Bone`; in the same
        coordinates.
    """
    down, right, start = pieces[0:2], pieces[2:4], pieces[4:6]
    length, taper, width = pieces[6:]
    # Each piece's own coordinates, along it and beside it, (2, n, h, w).
    place = dy * down - start + dx * right
    along, beside = place
    depth = np.maximum(along, 0)
    np.minimum(depth, length, out=depth)
    # From the nearest point on the piece, where it is as wide as it is there.
    along -= depth
    depth *= taper
    depth += width
    place *= place
    along += beside
    depth -= np.sqrt(along, out=along)
    deepest: Array = depth.max(axis=0)
    return deepest


def _rod_depth(dy: Array, dx: Array, bone: Bone, reach: float) -> Array:
    """Like `chain_depth`, faster for long chains; coarse beyond `reach` pixels."""
    if len(bone.nodes) <= 4:
        return chain_depth(dy, dx, bone.pieces)
    depth = np.full((dy.shape[0], dx.shape[1]), FAR, np.float32)
    for start in range(0, len(bone.nodes) - 1, 2):
        nodes = bone.nodes[start : start + 3]
        away = float(bone.widths[start : start + 3].max()) + reach
        part = _window(dy, dx, nodes.min(axis=0) - away, nodes.max(axis=0) + away)
        pieces = bone.pieces[:, start : start + 2]
        here = chain_depth(dy[part[0]], dx[:, part[1]], pieces)
        np.maximum(depth[part], here, out=depth[part])
    return depth


def _join(
    depth: Array, dy: Array, dx: Array, bone: Bone, blend: float, margin: float
) -> None:
    """Join an arm to `depth` in place, with a web of size `blend` between them.

    Nothing changes more than `margin` pixels outside the arm's rectangle.
    """
    (top, left), (bottom, right) = bone.low, bone.high
    low, high = (top - margin, left - margin), (bottom + margin, right + margin)
    part = _window(dy, dx, low, high)
    body = depth[part]
    if not body.size:
        return
    arm = chain_depth(dy[part[0]], dx[:, part[1]], bone.pieces)
    # Polynomial smooth maximum: rounds the corner between body and arm.
    gap = arm - body
    np.abs(gap, out=gap)
    np.subtract(np.float32(blend), gap, out=gap)
    np.maximum(gap, 0, out=gap)
    gap *= gap
    gap *= np.float32(0.25 / blend)
    np.maximum(body, arm, out=body)
    body += gap
