"""Random fields: textures that travel with cells, and slow fields over the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import fourier_gaussian, zoom

from napari_sam_i2v.simulation.settings import Array

TILE = 256
# Channels of a tile.
FINE, COARSE, GRAINS, SLOW = range(4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Texture:
    """The inside of cells, slowly rearranging itself.

    Attributes
    ----------
    tiles
        Two tiles as `make_tile` draws them.
    pace
        How far the texture turns from one tile to the other per frame, in radians.
    """

    tiles: tuple[Array, Array]
    pace: float

    def at(self, frame: int) -> Array:
        """The tile of a frame."""
        first, second = self.tiles
        angle = self.pace * frame
        tile: Array = first * np.float32(np.cos(angle))
        tile += second * np.float32(np.sin(angle))
        # Dark grains must not turn bright.
        blend = np.abs([np.cos(angle), np.sin(angle)]).astype(np.float32)
        tile[:, GRAINS] = first[:, GRAINS] * blend[0] + second[:, GRAINS] * blend[1]
        return tile


def draw_texture(rng: np.random.Generator, *, discs: bool) -> Texture:
    """Draw a movie's texture.

    Parameters
    ----------
    rng
        Source of the texture.
    discs
        Whether grains are round droplets instead of irregular blobs.
    """
    tiles = (make_tile(rng), make_tile(rng))
    if discs:
        for tile in tiles:
            tile[:, GRAINS] = make_discs(rng)
    return Texture(tiles=tiles, pace=rng.choice([0.0, 0.02, 0.06, 0.15]))


def make_tile(rng: np.random.Generator) -> Array:
    """Draw a periodic texture with four channels.

    Parameters
    ----------
    rng
        Source of the texture.

    Returns
    -------
    Array
        ``(TILE * TILE, 4)``: fine, coarse and slow noise of unit variance, and grains
        (sparse blobs, positive and negative, of about unit height).
    """
    sigmas = {
        FINE: rng.uniform(0.8, 2.0),
        COARSE: rng.uniform(3.0, 6.0),
        GRAINS: rng.uniform(1.5, 2.5),
        SLOW: rng.uniform(12.0, 20.0),
    }
    tile = np.empty((TILE, TILE, 4), np.float32)
    for channel, sigma in sigmas.items():
        noise = fft.rfft2(rng.standard_normal((TILE, TILE), np.float32))
        noise = fft.irfft2(fourier_gaussian(noise, sigma, n=TILE))
        tile[..., channel] = noise / noise.std()
    grains = tile[..., GRAINS]
    tile[..., GRAINS] = np.sign(grains) * np.maximum(np.abs(grains) - 1.2, 0)
    return tile.reshape(-1, 4)


def make_discs(rng: np.random.Generator) -> Array:
    """Draw a periodic layer of round droplets, many small and few large.

    Parameters
    ----------
    rng
        Source of the droplets.

    Returns
    -------
    Array
        ``(TILE * TILE,)``: 1 in dark droplets, below -1.5 in the few glaring ones.
    """
    layer = np.zeros(TILE * TILE)
    count = int(rng.integers(150, 700))
    radii = rng.uniform(1.0, 1.6, count) + rng.exponential(0.6, count)
    glaring = rng.random(count) < rng.choice([0.0, 0.02, 0.1])
    places = rng.integers(TILE, size=(count, 2))
    reaches = (radii + 3).astype(int)
    for reach in np.unique(reaches):
        alike = reaches == reach
        line = np.arange(-reach, reach + 1)
        away = np.hypot(line[:, None], line[None])
        radius = radii[alike, None, None]
        discs = np.clip(radius + 0.5 - away, 0, 1)
        # Their own halo sets droplets off from what is around them.
        discs -= 0.4 * np.exp(-((away - radius - 1.5) ** 2))
        discs *= np.where(glaring[alike], -3, 1)[:, None, None]
        rows, columns = (places[alike].T[..., None] + line) % TILE
        texels = rows[:, :, None] * TILE + columns[:, None]
        layer += np.bincount(texels.ravel(), discs.ravel(), len(layer))
    return layer.astype(np.float32).clip(-4, 1.5)


def _spline(count: int, scale: float, side: int) -> Array:
    """Weights ``(side, count)`` of values on a line at pixels in their middle."""
    unit = np.eye(count, dtype=np.float32)
    lines = [zoom(line, scale, order=3, prefilter=False) for line in unit]
    first = max(0, (len(lines[0]) - side) // 2)
    weights: Array = np.stack(lines, axis=1)[first : first + side]
    return np.pad(weights, [(0, side - len(weights)), (0, 0)], mode="edge")


def slow_field(
    shape: tuple[int, int], period: float, rng: np.random.Generator
) -> Array:
    """Draw a smooth field of about unit variance.

    Parameters
    ----------
    shape
        ``(H, W)``.
    period
        Distance of independent values in pixels.
    rng
        Source of the field.
    """
    coarse = [int(np.ceil(side / period)) + 3 for side in shape]
    grid = rng.standard_normal(coarse, np.float32)
    scale = [(side + 2 * period) / n for side, n in zip(shape, coarse, strict=True)]
    down, across = (_spline(*axis) for axis in zip(coarse, scale, shape, strict=True))
    field: Array = (down @ grid @ across.T).astype(np.float32, copy=False)
    return field
