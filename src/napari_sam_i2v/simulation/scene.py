"""All cells of one frame laid out on the pixel grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.simulation.cell import Cell
from napari_sam_i2v.simulation.settings import Array
from napari_sam_i2v.simulation.shapes import FAR, extent, shape_depth
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
        Distance to the nearest nucleolus, or to the nucleus, in its radii.
    """

    cell: Cell
    rows: slice
    columns: slice
    depth: Array
    texel: NDArray[np.int32]
    spot: Array | None

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
    texel, spot
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
    tile: Array

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
    patches: list[Patch] = []
    bumps = tile[:, COARSE] + tile[:, SLOW] if layout.ragged else None
    for cell in cells:
        patch = lay_out(cell, shape, bumps, layout)
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
        patches.append(patch)
    return Scene(
        patches=patches,
        depth=depth,
        second=second,
        owner=owner,
        texel=texel,
        spot=spot,
        tile=tile,
    )


def lay_out(
    cell: Cell,
    shape: tuple[int, int],
    bumps: Array | None,
    layout: Layout,
) -> Patch | None:
    """Lay one cell out, or None if it does not touch the frame.

    Parameters
    ----------
    cell
        The cell.
    shape
        ``(H, W)``.
    bumps
        Texture of ragged outlines, one value per texel.
    layout
        What the cells have in common.
    """
    low, high = extent(cell)
    low, high = cell.centre + low - layout.swell, cell.centre + high + layout.swell
    if (high < 0).any() or (low >= shape).any():
        return None
    low, high = low - layout.reach, high + layout.reach
    top, left = np.floor(low).astype(int).clip(0)
    bottom = min(shape[0], int(high[0]) + 2)
    right = min(shape[1], int(high[1]) + 2)
    dy = (np.arange(top, bottom) - cell.centre[0]).astype(np.float32)[:, None]
    dx = (np.arange(left, right) - cell.centre[1]).astype(np.float32)[None]
    depth, along, across = shape_depth(cell, dy, dx)
    depth += np.float32(layout.swell)
    # Small cells get a coarser texture, or it would flicker between pixels.
    density = np.float32(min(40.0, 1.3 * cell.radius))
    along_density = density / np.float32(layout.fibres)
    row = (along * along_density).astype(np.int32) + np.int32(cell.texture[0])
    column = (across * density).astype(np.int32) + np.int32(cell.texture[1])
    texel = (row & (TILE - 1)) * TILE + (column & (TILE - 1))
    if bumps is not None:
        amplitude = layout.ragged * cell.radius * (1 - cell.mitosis)
        depth += np.float32(amplitude) * bumps[texel]
    return Patch(
        cell=cell,
        rows=slice(int(top), bottom),
        columns=slice(int(left), right),
        depth=depth,
        texel=texel,
        spot=_nearest_spot(cell, along, across),
    )


def _nearest_spot(cell: Cell, along: Array, across: Array) -> Array | None:
    nearest: Array | None = None
    for y, x, radius in cell.spots.astype(np.float32):
        distance = np.sqrt((along - y) ** 2 + (across - x) ** 2) / radius
        nearest = distance if nearest is None else np.minimum(nearest, distance)
    return nearest
