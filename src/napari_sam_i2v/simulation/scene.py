"""All cells of one frame laid out on the pixel grid."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.simulation.cell import Cell
from napari_sam_i2v.simulation.settings import Array
from napari_sam_i2v.simulation.shapes import FAR, shape_depth
from napari_sam_i2v.simulation.skeleton import Skeleton, skeletons_of
from napari_sam_i2v.simulation.texture import COARSE, SLOW, TILE

NO_SPOT = 9.0


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a movie's cells have in common on the pixel grid.

    Attributes
    ----------
    swell
        Pixels by which outlines grow, to close the gaps of a tissue.
    reach
        How far outside its outline a cell must be laid out, in pixels.
    ragged
        Amplitude of the outlines' roughness as a part of the radius.
    fibres
        How much longer than wide the texture's grain is.
    """

    swell: float
    reach: float
    ragged: float
    fibres: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Patch:
    """One cell in its rectangle of the frame.

    Attributes
    ----------
    cell
        The cell.
    rows, columns
        The rectangle.
    depth
        Signed depth below the outline in pixels, ignoring other cells.
    texel
        Index of each pixel's entry in the texture tile.
    spot
        Distance to the nearest nucleolus, or to the nucleus, in its radii; below 0 in
        the nucleoli of a nucleus, down to -1.
    tension
        As in `shapes.Form`.
    """

    cell: Cell
    rows: slice
    columns: slice
    depth: Array
    texel: NDArray[np.int32]
    spot: Array | None
    tension: Array | None

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle as an index."""
        return self.rows, self.columns


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """The geometry of one frame.

    Attributes
    ----------
    patches
        The cells that touch the frame.
    depth, second
        Largest and second largest depth at each pixel.
    owner
        Index of the patch with the largest depth, or -1.
    texel, spot, tension
        As in `Patch`, of the owner.
    tile
        The texture.
    """

    patches: list[Patch]
    depth: Array
    second: Array
    owner: NDArray[np.int16]
    texel: NDArray[np.int32]
    spot: Array
    tension: Array
    tile: Array

    def texels(self) -> Array:
        """The texture's four channels at each pixel, ``(H, W, 4)``."""
        return self.tile.take(self.texel, axis=0)

    def edge(self) -> Array:
        """Signed depth below the visible outlines, neighbours included."""
        edge: Array = np.minimum(self.depth, (self.depth - self.second) / 2)
        np.copyto(edge, self.depth, where=self.depth < 0)
        return edge

    def edge_of(self, index: int) -> Array:
        """Like `edge` for one cell in its rectangle: negative where others win."""
        patch = self.patches[index]
        window = patch.window
        mine = self.owner[window] == index
        other = np.where(mine, self.second[window], self.depth[window])
        edge: Array = np.minimum(patch.depth, (patch.depth - other) / 2)
        return np.where(other > 0, edge, patch.depth)


def compose(
    cells: list[Cell],
    shape: tuple[int, int],
    tile: Array,
    layout: Layout,
) -> Scene:
    """Lay cells out on a frame.

    Parameters
    ----------
    cells
        All cells, also those outside.
    shape
        ``(H, W)``.
    tile
        The texture.
    layout
        What the cells have in common.
    """
    depth = np.full(shape, FAR, np.float32)
    second = depth.copy()
    owner = np.full(shape, -1, np.int16)
    texel = np.zeros(shape, np.int32)
    spot = np.full(shape, NO_SPOT, np.float32)
    tension = np.ones(shape, np.float32)
    patches: list[Patch] = []
    bumps = tile[:, COARSE] + tile[:, SLOW] if layout.ragged else None
    for cell, skeleton in zip(cells, skeletons_of(cells), strict=True):
        patch = lay_out(cell, skeleton, shape, bumps, layout)
        if patch is None:
            continue
        window = patch.window
        first = depth[window]
        wins = patch.depth > first
        np.maximum(second[window], np.minimum(first, patch.depth), out=second[window])
        np.maximum(first, patch.depth, out=first)
        np.copyto(owner[window], np.int16(len(patches)), where=wins)
        np.copyto(texel[window], patch.texel, where=wins)
        np.copyto(
            spot[window], NO_SPOT if patch.spot is None else patch.spot, where=wins
        )
        if patch.tension is not None:
            np.copyto(tension[window], patch.tension, where=wins)
        patches.append(patch)
    return Scene(
        patches=patches,
        depth=depth,
        second=second,
        owner=owner,
        texel=texel,
        spot=spot,
        tension=tension,
        tile=tile,
    )


def lay_out(
    cell: Cell,
    skeleton: Skeleton,
    shape: tuple[int, int],
    bumps: Array | None,
    layout: Layout,
) -> Patch | None:
    """Lay one cell out, or None if it does not touch the frame.

    Parameters
    ----------
    cell
        The cell.
    skeleton
        Its skeleton.
    shape
        ``(H, W)``.
    bumps
        Texture of ragged outlines, one value per texel.
    layout
        What the cells have in common.
    """
    reach = layout.swell + layout.reach
    low, high = cell.centre + skeleton.low - reach, cell.centre + skeleton.high + reach
    if (high < 0).any() or (low >= shape).any():
        return None
    top, left = (max(0, floor(side)) for side in low)
    ends = zip(high, shape, strict=True)
    bottom, right = (min(size, int(side) + 2) for side, size in ends)
    dy = (np.arange(top, bottom) - cell.centre[0]).astype(np.float32)[:, None]
    dx = (np.arange(left, right) - cell.centre[1]).astype(np.float32)[None]
    form = shape_depth(cell, skeleton, dy, dx, reach)
    depth, along, across, tension = form.depth, form.along, form.across, form.tension
    if layout.swell:
        depth += np.float32(layout.swell)
    texel = _texels(cell, along, across, layout.fibres)
    if bumps is not None:
        amplitude = layout.ragged * cell.radius * (1 - cell.rounded)
        rough = bumps.take(texel)
        rough *= np.float32(amplitude)
        if tension is not None:
            # Taut edges are smooth.
            rough *= 1 - 0.75 * np.minimum(tension, 1)
        depth += rough
    return Patch(
        cell=cell,
        rows=slice(top, bottom),
        columns=slice(left, right),
        depth=depth,
        texel=texel,
        spot=_nearest_spot(cell, along, across),
        tension=tension,
    )


def _texels(
    cell: Cell, along: Array, across: Array, fibres: float
) -> NDArray[np.int32]:
    """Index of each pixel's entry in the texture tile."""
    # Small cells get a coarser texture, or it would flicker between pixels.
    density = min(40.0, 1.3 * cell.radius)
    # Organelles keep their shape when the cell is stretched.
    stretched = not (cell.length or len(cell.corners))
    root = float(np.exp(cell.stretch / 2)) if stretched else 1.0
    texel: NDArray[np.int32] = (along * np.float32(density * root / fibres)).astype(
        np.int32
    )
    texel += cell.texture[0]
    texel &= TILE - 1
    texel *= TILE
    column = (across * np.float32(density / root)).astype(np.int32)
    column += cell.texture[1]
    column &= TILE - 1
    texel += column
    return texel


def _nearest_spot(cell: Cell, along: Array, across: Array) -> Array | None:
    nearest: Array | None = None
    for y, x, radius in cell.spots.astype(np.float32):
        distance = np.square(along - y)
        distance += np.square(across - x)
        np.sqrt(distance, out=distance)
        distance *= 1 / radius
        nearest = distance if nearest is None else np.minimum(nearest, distance)
    if nearest is not None:
        _add_nucleoli(cell, along, across, nearest)
    return nearest


def _add_nucleoli(cell: Cell, along: Array, across: Array, spot: Array) -> None:
    """Make `spot` negative in nucleoli, in place."""
    if not len(cell.nucleoli):
        return
    within = np.flatnonzero(spot < 1)
    rows, columns, radii = cell.nucleoli.astype(np.float32).T[..., None]
    distance = np.square(along.take(within) - rows)
    distance += np.square(across.take(within) - columns)
    np.sqrt(distance, out=distance)
    distance /= radii
    distance -= 1
    nearest = distance.min(axis=0)
    inside = nearest < 0
    spot.flat[within[inside]] = nearest[inside]
