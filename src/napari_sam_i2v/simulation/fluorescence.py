"""Renderers for fluorescence: cells add light to a dark field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_sam_i2v.simulation.cell import Cell
from napari_sam_i2v.simulation.scene import Patch, Scene
from napari_sam_i2v.simulation.settings import Array
from napari_sam_i2v.simulation.texture import COARSE, FINE, GRAINS, SLOW


def soft_step(x: Array) -> Array:
    """A smooth step from 0 to 1 around 0, about 4 wide."""
    step: Array = np.float32(1) / (1 + np.exp(-x.clip(-12, 12)))
    return step


@dataclass(frozen=True, kw_only=True)
class Stain:
    """How one movie's cells are stained; brightness is relative to a typical cell.

    Attributes
    ----------
    kind
        ``nuclei``, ``cytoplasm``, ``membrane``, ``ring`` or ``rod-fluorescence``.
    softness
        Width of the edges in pixels.
    fine, coarse, grains, slow
        Strength of the texture's channels.
    spot
        Brightness of nucleoli or nucleus relative to their surroundings, minus 1.
    dome
        How much thinner, and dimmer, cells are at their edge, 0 to 1.
    line
        Width of membranes and rings in pixels.
    filling
        Brightness between the lines.
    mitosis
        How much brighter a cell is at division.
    glow, glow_width
        Light around each cell from its parts out of focus, and its reach in pixels.
    fading
        How much arms dim towards their ends.
    see_through
        Whether overlapping cells add up instead of hiding each other.
    """

    kind: str
    softness: float
    fine: float
    coarse: float
    grains: float
    slow: float
    spot: float
    dome: float
    line: float
    filling: float
    mitosis: float
    glow: float
    glow_width: float
    fading: float
    see_through: bool

    @property
    def reach(self) -> float:
        """How far light spreads beyond an outline, in pixels."""
        return max(3 * self.softness, 2.5 * self.glow_width * (self.glow > 0)) + 2

    def draw(self, scene: Scene) -> Array:
        """Light from all cells of a scene, ``(H, W)``."""
        canvas = np.zeros(scene.depth.shape, np.float32)
        texture = scene.tile @ self._weights()
        for index, patch in enumerate(scene.patches):
            edge = patch.depth if self.see_through else scene.edge_of(index)
            canvas[patch.window] += self._cell_light(patch, edge, texture)
        return canvas

    def _cell_light(self, patch: Patch, edge: Array, texture: Array) -> Array:
        cell = patch.cell
        blur = 0.25 * self.softness + 0.5 * cell.defocus * cell.radius
        inside = soft_step(edge / np.float32(max(blur, 0.2)))
        if self.kind in ("membrane", "ring"):
            width = self.line * (1 + cell.defocus)
            shift = 0.0 if self.kind == "membrane" else width
            line = np.exp(-(((edge - shift) / width) ** 2))
            profile = line + self.filling * inside
        else:
            profile = inside
            if self.dome:
                thick = (patch.depth / np.float32(0.8 * cell.radius)).clip(0, 1)
                profile *= 1 - self.dome * (1 - thick) ** 2
        if self.fading and cell.crawls:
            profile *= self._fade(patch)
        # Out-of-focus cells lose their detail.
        detail = np.float32(max(0.1, 1 - 2 * cell.defocus))
        profile *= np.maximum(1 + detail * texture.take(patch.texel), 0.05)
        if patch.spot is not None and self.spot and cell.mitosis < 0.5:
            profile *= 1 + detail * np.float32(self.spot) * soft_step(
                (1 - patch.spot) * 6
            )
        if self.glow:
            away = np.maximum(-patch.depth, 0) / np.float32(self.glow_width)
            profile += np.float32(self.glow) * np.maximum(np.exp(-away) - 0.08, 0)
        light: Array = profile * np.float32(self._brightness(cell))
        return light

    def _fade(self, patch: Patch) -> Array:
        """Light left at each pixel of a cell that thins out from its middle."""
        cell = patch.cell
        y = np.arange(patch.rows.start, patch.rows.stop) - cell.centre[0]
        x = np.arange(patch.columns.start, patch.columns.stop) - cell.centre[1]
        scale = self.fading / cell.radius
        y, x = (y * scale).astype(np.float32), (x * scale).astype(np.float32)
        # Thin does not mean dark: what is left stays above the background.
        faded: Array = np.float32(1) / (1 + (y * y)[:, None] + (x * x)[None])
        faded += np.float32(0.06)
        return faded

    def _weights(self) -> Array:
        """Strength of the texture's channels in their order."""
        weights = np.zeros(4, np.float32)
        weights[FINE], weights[COARSE] = self.fine, self.coarse
        weights[GRAINS], weights[SLOW] = self.grains, self.slow
        return weights

    def _brightness(self, cell: Cell) -> float:
        gain = 1 + self.mitosis * cell.mitosis
        fading = 1 + cell.dying if cell.dying < 0.5 else 3 * (1 - cell.dying)
        return cell.brightness * gain * fading / (1 + 1.5 * cell.defocus)


def draw_stain(look: str, body: str, radius: float, rng: np.random.Generator) -> Stain:
    """Draw a movie's stain.

    Parameters
    ----------
    look
        ``nuclei``, ``cytoplasm``, ``membrane``, ``ring`` or ``rod-fluorescence``.
    body
        See `Modality`.
    radius
        Typical cell radius in pixels.
    rng
        Source of the stain.
    """
    smooth = rng.random() < 0.25
    strength = 0.3 if smooth else 1.0
    dark_spots = look == "nuclei"
    filling = {"cytoplasm": rng.choice([0.0, -0.6, 0.5])}
    return Stain(
        kind=look,
        softness=rng.uniform(0.8, min(4.0, 0.8 + 0.15 * radius)),
        fine=strength * rng.uniform(0.0, 0.3),
        coarse=strength * rng.uniform(0.0, 0.35),
        grains=strength * rng.choice([0.0, 0.0, 0.4, 1.0]),
        slow=rng.uniform(0.0, 0.3),
        spot=rng.uniform(-0.7, -0.1) if dark_spots else filling.get(look, 0.0),
        dome=rng.uniform(0.0, 0.5) if look != "cytoplasm" else rng.uniform(0.4, 0.9),
        line=rng.uniform(0.8, 1.2 + 0.06 * radius),
        filling=rng.uniform(0.02, 0.35),
        mitosis=rng.uniform(0.3, 1.6),
        glow=rng.choice([0.0, 0.0, 0.0, 0.08, 0.25]),
        glow_width=radius * rng.uniform(0.15, 0.5),
        fading=rng.uniform(0.0, 0.9) * (body in ("spindle", "sheet")),
        see_through=bool(look == "nuclei" and rng.random() < 0.5),
    )
