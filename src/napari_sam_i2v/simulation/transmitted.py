"""Renderers for transmitted light: cells change a bright field a little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_sam_i2v.simulation.fluorescence import soft_step
from napari_sam_i2v.simulation.scene import Scene
from napari_sam_i2v.simulation.settings import Array
from napari_sam_i2v.simulation.texture import COARSE, FINE, GRAINS, SLOW


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """How one movie's cells change the light; 1 is a strong change.

    Attributes
    ----------
    kind
        ``phase``, ``rod-phase``, ``yeast``, ``dic``, ``brightfield`` or ``dye``.
    radius
        Typical cell radius in pixels.
    softness
        Width of the edges in pixels.
    halo, halo_width
        Brightness just outside a cell, and how far it reaches in pixels.
    halo_gaps
        How much the halo varies around a cell, 0 to 1.
    rim, rim_width
        Brightness of the outline itself (negative: dark), and its width in pixels.
    body
        Brightness of the inside.
    shade_off
        Pixels after which the inside fades back to the background.
    fine, coarse, grains
        Strength of the texture inside.
    nucleus
        Brightness of the nucleus.
    azimuth
        Direction of the shear (DIC only).
    """

    kind: str
    radius: float
    softness: float
    halo: float
    halo_width: float
    halo_gaps: float
    rim: float
    rim_width: float
    body: float
    shade_off: float
    fine: float
    coarse: float
    grains: float
    nucleus: float
    azimuth: float

    @property
    def reach(self) -> float:
        """How far light changes beyond an outline, in pixels."""
        return 3 * max(self.halo_width, self.rim_width) + 2

    def draw(self, scene: Scene) -> Array:
        """Change of the light by all cells of a scene, ``(H, W)``."""
        if self.kind == "dic":
            return self._relief(scene)
        edge = scene.edge()
        texels = scene.texels()
        inside = soft_step(edge / np.float32(0.25 * self.softness + 0.1))
        outside = np.clip(-edge, 0, None)
        halo = np.exp(-outside / np.float32(self.halo_width)) * (1 - inside)
        halo *= np.clip(1 + self.halo_gaps * texels[..., SLOW], 0, 2)
        rim = np.exp(-((edge / np.float32(self.rim_width)) ** 2))
        rim *= np.clip(1 + 0.5 * self.halo_gaps * texels[..., SLOW], 0.2, 2)
        rounded, bright = self._per_cell(scene)
        flat = 1 - rounded
        fade = np.exp(-np.clip(edge, 0, None) / np.float32(self.shade_off))
        body = inside * (
            self.body * (0.4 + 0.6 * fade) + flat * self._detail(scene, texels)
        )
        change: Array = bright * (body + self.rim * rim + self.halo * halo)
        # A rounded cell is thick: a bright centre in a glaring ring.
        thick = (edge * np.float32(1.4 / self.radius)).clip(0, 1)
        change += rounded * (1.0 * rim + 0.7 * halo + 0.8 * thick)
        return change

    def _detail(self, scene: Scene, texels: Array) -> Array:
        """What is seen inside cells: organelles and nucleus."""
        weights = np.zeros(4, np.float32)
        weights[FINE], weights[COARSE] = self.fine, self.coarse
        detail: Array = texels @ weights
        # Organelles crowd where the cell is thick.
        thick = (scene.depth * np.float32(2 / self.radius)).clip(0, 1)
        detail += self.grains * thick * texels[..., GRAINS]
        if self.nucleus:
            within = soft_step((1 - scene.spot) * 8)
            membrane = np.exp(-(((scene.spot - 1) * 8) ** 2))
            detail *= 1 - 0.6 * within
            detail += self.nucleus * (within - 0.8 * membrane)
            detail -= 0.6 * abs(self.nucleus) * within * (texels[..., COARSE] > 1.2)
        return detail

    def _per_cell(self, scene: Scene) -> tuple[Array, Array]:
        """How round for division or death, and how contrasted, each pixel's cell is."""
        # The last entry is for pixels that belong to no cell.
        rounded = np.zeros(len(scene.patches) + 1, np.float32)
        bright = np.zeros_like(rounded)
        for index, patch in enumerate(scene.patches):
            cell = patch.cell
            if self.kind not in ("rod-phase", "dye"):
                rounded[index] = max(cell.rounded, min(1.0, 2 * cell.dying))
            contrast = np.clip(cell.brightness, 0.35, 1.6) * (1 - cell.defocus)
            bright[index] = contrast * (1 - cell.dying)
        return rounded.take(scene.owner), bright.take(scene.owner)

    def _relief(self, scene: Scene) -> Array:
        """Differential interference contrast: the slope of a height map."""
        edge = scene.edge()
        thick = np.clip(edge / np.float32(0.9 * self.radius), 0, 1)
        height = np.sqrt(thick * (2 - thick)) * self.radius * 0.25
        inside = soft_step(edge / np.float32(0.25 * self.softness + 0.1))
        height += inside * self._detail(scene, scene.texels()) * 2
        height = gaussian_filter(height.astype(np.float32), 0.5 * self.softness)
        _, bright = self._per_cell(scene)
        slope_y, slope_x = np.gradient(height)
        slope = slope_y * np.sin(self.azimuth) + slope_x * np.cos(self.azimuth)
        relief: Array = (slope * np.where(bright > 0, bright, 1)).astype(np.float32)
        return relief


def draw_contrast(look: str, radius: float, rng: np.random.Generator) -> Contrast:
    """Draw a movie's contrast.

    Parameters
    ----------
    look
        ``phase``, ``rod-phase``, ``yeast``, ``dic``, ``brightfield`` or ``dye``.
    radius
        Typical cell radius in pixels.
    rng
        Source of the contrast.
    """
    # Small cells show little of what is inside them.
    detail = min(1.0, radius / 10)
    coarsest = 0.4 if look == "yeast" else 0.12
    return Contrast(
        kind=look,
        radius=radius,
        softness=rng.uniform(0.8, 2.0),
        halo_width=rng.uniform(1.0, 1.5 + 0.2 * radius),
        rim_width=rng.uniform(0.7, 1.0 + 0.05 * radius),
        shade_off=radius * rng.uniform(0.3, 3.0),
        fine=detail * rng.uniform(0.0, 0.12),
        coarse=detail * rng.uniform(0.0, coarsest),
        grains=detail * float(rng.choice([0.0, 0.15, 0.35, 0.6])),
        nucleus=float(rng.choice([0.0, 0.0, rng.uniform(0.05, 0.2)])),
        azimuth=rng.uniform(0, 2 * np.pi),
        **_draw_edges(look, rng),
    )


def _draw_edges(look: str, rng: np.random.Generator) -> dict[str, float]:
    """Draw halo, rim and body, which tell the looks apart."""
    if look == "phase" and rng.random() < 0.3:
        # Thick cells: bright, in a dark surround.
        return {
            "halo": rng.uniform(-0.4, 0.2),
            "halo_gaps": rng.uniform(0.2, 0.9),
            "rim": rng.uniform(-0.5, -0.12),
            "body": rng.uniform(0.2, 1.0),
        }
    if look == "phase":
        return {
            "halo": rng.uniform(0.15, 0.9),
            "halo_gaps": rng.uniform(0.2, 0.9),
            "rim": rng.uniform(-0.5, -0.12),
            "body": rng.uniform(-0.45, -0.05),
        }
    if look == "rod-phase":
        return {
            "halo": rng.uniform(0.1, 0.6),
            "halo_gaps": rng.uniform(0.0, 0.3),
            "rim": 0.0,
            "body": rng.uniform(-1.0, -0.4),
        }
    if look == "yeast":
        return {
            "halo": rng.uniform(0.5, 1.2),
            "halo_gaps": rng.uniform(0.0, 0.2),
            "rim": rng.uniform(-0.7, -0.1),
            "body": rng.uniform(-0.3, 0.4),
        }
    if look == "dye":
        return {
            "halo": 0.0,
            "halo_gaps": rng.uniform(0.0, 0.5),
            "rim": rng.uniform(-0.3, 0.1),
            "body": rng.uniform(-0.9, -0.3),
        }
    # Above or below focus: bright in dark, or dark in bright.
    sign = float(rng.choice([-1.0, 1.0]))
    return {
        "halo": -0.6 * sign * rng.uniform(0.2, 0.9),
        "halo_gaps": rng.uniform(0.0, 0.5),
        "rim": sign * rng.uniform(0.3, 0.9),
        "body": rng.uniform(-0.2, 0.1),
    }
