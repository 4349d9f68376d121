"""Phase contrast: a picture of thickness, with the halo that the optics add.

A phase plate passes slow changes of thickness with the wrong sign. The picture is the
thickness less its own blur: steep edges are dark inside and bright outside, flat
insides fade to the grey of the background, and gaps between cells glare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_sam_i2v.simulation.fluorescence import soft_step
from napari_sam_i2v.simulation.scene import Scene
from napari_sam_i2v.simulation.settings import Array
from napari_sam_i2v.simulation.texture import COARSE, FINE, GRAINS, SLOW


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Thickness of one movie's cells, and the optics; 1 is a strong contrast.

    Attributes
    ----------
    radius
        Typical cell radius in pixels.
    softness
        Width of the edges in pixels.
    halo_width
        Standard deviation of the phase plate's blur in pixels.
    gain
        Strength of thickness less its blur.
    tone
        Darkness of the inside that does not fade.
    flat
        Thickness of lamellae, as a part of that at taut edges.
    edge_width
        Pixels within which a taut edge flattens out.
    hump
        Thickness around the nucleus.
    fine, coarse, grains
        Strength of the texture, and of the organelles around the nucleus.
    nucleus
        Brightness of the nucleus; nucleoli are dark.
    floor
        Darkness that is never passed, as where the background is dark itself.
    vacuoles
        Whether spots are vacuoles, each bright in a dark ring.
    """

    radius: float
    softness: float
    halo_width: float
    gain: float
    tone: float
    flat: float
    edge_width: float
    hump: float
    fine: float
    coarse: float
    grains: float
    nucleus: float
    floor: float
    vacuoles: bool

    @property
    def reach(self) -> float:
        """How far cells must be laid out beyond their outlines, in pixels."""
        return max(4.0, 0.22 * self.radius + 2)

    def draw(self, scene: Scene) -> Array:
        """Change of the light by all cells of a scene, ``(H, W)``."""
        edge = scene.edge()
        texels = scene.texels()
        inside = soft_step(edge / np.float32(0.25 * self.softness + 0.1))
        rounded, bright = self._per_cell(scene)
        bright *= 1 - rounded
        near = np.exp(-0.35 * np.maximum(scene.spot, 0) ** 2)
        thickness = self._thickness(scene, edge, near, texels[..., SLOW])
        thickness *= inside * bright
        blurred = gaussian_filter(thickness, self.halo_width, truncate=3)
        change = np.float32(self.gain) * (blurred - thickness)
        detail = self._detail(scene, near, texels) - np.float32(self.tone)
        change = change + inside * bright * detail
        lenses = np.flatnonzero(rounded)
        if len(lenses):
            coarse = texels[..., COARSE].take(lenses)
            glare = self._glare(edge.take(lenses), coarse, rounded.take(lenses))
            change.flat[lenses] += glare
        dark = np.minimum(change, 0)
        change = np.maximum(change, 0) + dark / (1 - dark / self.floor)
        light: Array = change.astype(np.float32, copy=False)
        return light

    def _thickness(self, scene: Scene, edge: Array, near: Array, slow: Array) -> Array:
        deep = np.maximum(edge, 0) / np.float32(self.edge_width)
        tension = (scene.tension + 0.25 * slow).clip(0, 1)
        # Tails are thick right through, other taut parts at their edge.
        steep = tension * np.exp(-deep * deep)
        np.maximum(steep, 0.9 * (scene.tension - 1).clip(0, 1), out=steep)
        thickness = np.float32(self.flat) + (1 - self.flat) * steep
        if self.hump:
            thickness += np.float32(self.hump) * near
        grown: Array = thickness.astype(np.float32, copy=False)
        return grown

    def _detail(self, scene: Scene, near: Array, texels: Array) -> Array:
        """What is seen inside cells: organelles, and a nucleus or vacuoles."""
        weights = np.zeros(4, np.float32)
        weights[FINE], weights[COARSE] = self.fine, self.coarse
        detail: Array = texels @ weights
        spot = scene.spot
        if self.vacuoles:
            within = soft_step((1 - spot) * 6)
            wall = np.exp(-(((spot - 1) * 4) ** 2))
            detail += np.float32(self.nucleus) * (within - 0.9 * wall)
            return detail
        outside = np.clip((spot - 0.8) * 4, 0, 1)
        # Organelles keep out of the nucleus and crowd around it.
        detail *= 0.3 + 0.7 * outside
        crowd = outside * (0.1 + 1.4 * near)
        detail -= np.float32(self.grains) * crowd * np.maximum(texels[..., GRAINS], 0)
        detail += (
            np.float32(0.5 * self.grains)
            * crowd
            * np.minimum(texels[..., GRAINS] + 1.5, 0)
        )
        if self.nucleus:
            wall = np.exp(-(((spot - 1) * 5) ** 2)) * (texels[..., COARSE] > -0.3)
            detail += np.float32(self.nucleus) * ((1 - outside) - 0.7 * wall)
            detail -= np.float32(2 * self.nucleus + 0.15) * (-spot * 3).clip(0, 1)
        return detail

    def _glare(self, edge: Array, coarse: Array, rounded: Array) -> Array:
        """Rounded cells are lenses: a glaring ring around a dark middle."""
        deep = edge / np.float32(0.5 * self.radius)
        ring = np.exp(-(((deep - 0.22) / 0.22) ** 2))
        outside = np.exp(-(((deep + 0.17) / 0.12) ** 2))
        core = (1.6 * deep - 0.6).clip(0, 1) * (0.7 + 0.3 * coarse)
        glare: Array = rounded * (1.6 * ring - 0.25 * outside - 0.5 * core)
        return glare

    def _per_cell(self, scene: Scene) -> tuple[Array, Array]:
        """How rounded, and how contrasted, each pixel's cell is."""
        # The last entry is for pixels that belong to no cell.
        rounded = np.zeros(len(scene.patches) + 1, np.float32)
        bright = np.zeros_like(rounded)
        for index, patch in enumerate(scene.patches):
            cell = patch.cell
            rounded[index] = max(cell.rounded, min(1.0, 2 * cell.dying))
            # Neighbours differ less in thickness than in stain.
            contrast = np.clip(cell.brightness, 0.2, 3.0) ** 0.5
            bright[index] = contrast * (1 - cell.defocus)
        return rounded.take(scene.owner), bright.take(scene.owner)


def draw_phase(look: str, radius: float, rng: np.random.Generator) -> Phase:
    """Draw a movie's phase contrast.

    Parameters
    ----------
    look
        ``phase`` for adherent cells or ``yeast``.
    radius
        Typical cell radius in pixels.
    rng
        Source of the contrast.
    """
    # Small cells show little of what is inside them.
    detail = min(1.0, radius / 14)
    if look == "yeast":
        return Phase(
            radius=radius,
            softness=rng.uniform(0.6, 1.4),
            halo_width=rng.uniform(1.2, max(1.6, 0.35 * radius)),
            gain=rng.uniform(0.8, 3.0),
            tone=rng.uniform(-0.1, 0.25),
            flat=rng.uniform(0.3, 0.9),
            edge_width=radius * rng.uniform(0.15, 0.5),
            hump=0.0,
            fine=detail * rng.uniform(0.0, 0.1),
            coarse=detail * rng.uniform(0.0, 0.25),
            grains=0.0,
            nucleus=float(rng.choice([0.0, 0.3, 0.6, -0.3])) * rng.random(),
            floor=0.12 * 10 ** rng.uniform(0.0, 1.2),
            vacuoles=True,
        )
    return Phase(
        radius=radius,
        softness=rng.uniform(0.6, 2.0),
        halo_width=rng.uniform(1.2, max(2.0, 0.16 * radius)),
        gain=rng.uniform(0.7, 2.2),
        tone=rng.uniform(0.0, 0.1) * rng.integers(0, 2),
        flat=rng.uniform(0.05, 0.35),
        edge_width=radius * rng.uniform(0.2, 0.6),
        hump=rng.uniform(0.0, 0.4),
        fine=detail * rng.uniform(0.01, 0.06),
        coarse=detail * rng.uniform(0.0, 0.06),
        grains=detail * rng.uniform(0.15, 0.9),
        nucleus=rng.uniform(0.0, 0.08),
        floor=10 ** rng.uniform(-0.5, 0.5),
        vacuoles=False,
    )
