"""From light to camera counts: illumination, blur, bleaching and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_sam_i2v.simulation.settings import Array, SimulationSettings
from napari_sam_i2v.simulation.texture import slow_field


@dataclass(frozen=True, kw_only=True, eq=False)
class Camera:
    """Optics and camera of one movie.

    Attributes
    ----------
    fluorescence
        Whether cells shine on a dark field or change a bright one.
    illumination
        ``(H, W)``, around 1; fixed to the camera.
    contrast
        Strength of the change of a bright field.
    haze
        Background light in fluorescence, in typical cells.
    blur
        ``(T,)`` standard deviation of the blur in pixels.
    gain
        ``(T,)`` bleaching and flicker.
    photons
        Photons of the brightest typical pixel.
    read_noise
        Standard deviation in photons.
    row_noise
        The same, common to a row.
    scale, offset
        Counts per photon, and counts in the dark.
    ceiling
        Largest count.
    """

    fluorescence: bool
    illumination: Array
    contrast: float
    haze: float
    blur: Array
    gain: Array
    photons: float
    read_noise: float
    row_noise: float
    scale: float
    offset: float
    ceiling: int

    def expose(
        self, light: Array, frame: int, rng: np.random.Generator
    ) -> NDArray[np.uint16]:
        """Take one picture.

        Parameters
        ----------
        light
            Cells and background, ``(H, W)``.
        frame
            Frame number.
        rng
            Source of the noise.
        """
        if self.fluorescence:
            field = np.maximum(light + self.haze, 0)
            field *= self.illumination * self.gain[frame]
        else:
            field = (0.5 + self.contrast * light) * self.illumination
            field = np.clip(field * self.gain[frame], 0.01, None)
        if self.blur[frame] > 0.3:
            field = gaussian_filter(field, self.blur[frame], truncate=3)
        counts = self._shoot(field * np.float32(self.photons), rng)
        counts = counts * np.float32(self.scale) + np.float32(self.offset)
        return np.clip(counts, 0, self.ceiling).astype(np.uint16)

    def _shoot(self, photons: Array, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal(photons.shape, np.float32)
        if self.photons > 150:
            noisy = photons + noise * np.sqrt(photons + self.read_noise**2)
        else:
            noisy = rng.poisson(photons) + noise * np.float32(self.read_noise)
        if self.row_noise:
            rows = rng.standard_normal((len(photons), 1), np.float32)
            noisy += np.float32(self.row_noise) * rows
        shot: Array = noisy.astype(np.float32, copy=False)
        return shot


def draw_camera(
    settings: SimulationSettings,
    *,
    fluorescence: bool,
    dim: bool,
    radius: float,
    rng: np.random.Generator,
) -> Camera:
    """Draw a movie's optics and camera.

    Parameters
    ----------
    settings
        The movie's settings.
    fluorescence
        Whether cells shine on a dark field or change a bright one.
    dim
        Whether there is hardly enough light.
    radius
        Typical cell radius in pixels; blur is drawn in relation to it.
    rng
        Source of everything.
    """
    shape = (settings.height, settings.width)
    frames = np.arange(settings.frames)
    noise = settings.noise
    if noise is None:
        # Transmitted light is plentiful; stains of living cells are dim.
        noise = rng.beta(1.2, 2.5) if fluorescence else rng.beta(1.0, 3.5)
        if dim:
            noise = rng.beta(2.5, 2.5)
    most, least = (3.4, 0.9) if fluorescence else (4.2, 2.2)
    photons = 10 ** (most + (least - most) * noise)
    blur = rng.uniform(0.0, min(1.6, 0.25 * radius)) * (
        1 + 0.2 * rng.standard_normal(settings.frames)
    )
    if rng.random() < 0.15:
        # Now and then the focus is lost for a frame.
        blur[rng.random(settings.frames) < 0.06] += 0.15 * radius
    gain = 1 + rng.choice([0.0, 0.0, 0.02, 0.06]) * rng.standard_normal(settings.frames)
    if fluorescence:
        gain *= np.exp(-rng.choice([0.0, 0.005, 0.02]) * frames)
    counts = 10 ** rng.uniform(2.2, 4.3)
    return Camera(
        fluorescence=fluorescence,
        illumination=_illumination(shape, 1.0 if fluorescence else 0.5, rng),
        contrast=0.5 * 10 ** rng.uniform(-0.6, 0.1),
        haze=10 ** rng.uniform(-2.5, -0.3),
        blur=blur.clip(0).astype(np.float32),
        gain=gain.clip(0.3).astype(np.float32),
        photons=photons,
        read_noise=rng.uniform(0.0, 2.0) + 0.03 * photons * noise * rng.random(),
        row_noise=0.03 * photons * noise * max(0.0, rng.uniform(-9.0, 1.0)),
        scale=counts / photons,
        offset=0.05 * counts + 10,
        ceiling=int(min(65535, counts * rng.choice([1.5, 3.0, 8.0]) + 300)),
    )


def _illumination(
    shape: tuple[int, int], worst: float, rng: np.random.Generator
) -> Array:
    strength = worst * rng.choice([0.0, 0.05, 0.15, 0.3])
    field = np.exp(strength * slow_field(shape, 0.6 * max(shape), rng))
    if rng.random() < 0.3 * worst:
        y, x = (np.linspace(-1, 1, side) for side in shape)
        field *= 1 - rng.uniform(0.1, 0.4) * (y[:, None] ** 2 + x[None] ** 2) / 2
    illumination: Array = field.astype(np.float32)
    return illumination
