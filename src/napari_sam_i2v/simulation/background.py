"""What lies behind and between the cells, and moves with the stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_sam_i2v.simulation.cell import Vector
from napari_sam_i2v.simulation.settings import Array, SimulationSettings
from napari_sam_i2v.simulation.texture import slow_field


@dataclass(frozen=True, kw_only=True, eq=False)
class Floaters:
    """Debris that drifts through the field; nobody labels it.

    Attributes
    ----------
    centres
        ``(T, n, 2)`` in pixels of the frame.
    sigmas, heights
        ``(n,)`` standard deviation in pixels, and brightness.
    """

    centres: Array
    sigmas: Array
    heights: Array

    def add_to(self, canvas: Array, frame: int) -> None:
        """Draw the debris of a frame into `canvas`."""
        dots = zip(self.centres[frame], self.sigmas, self.heights, strict=True)
        for centre, sigma, height in dots:
            add_dot(canvas, centre, float(sigma), float(height))


@dataclass(frozen=True, kw_only=True, eq=False)
class Background:
    """Everything in a movie that is not a cell.

    Attributes
    ----------
    field
        Larger than the frame by the stage's travel.
    path
        ``(T, 2)`` stage position in pixels.
    shape
        ``(H, W)`` of the frame.
    floaters
        Debris with a will of its own.
    """

    field: Array
    path: Array
    shape: tuple[int, int]
    floaters: Floaters

    def at(self, frame: int) -> Array:
        """The background of a frame, ``(H, W)``."""
        top, left = np.round(self.path.max(axis=0) - self.path[frame]).astype(int)
        height, width = self.shape
        view = self.field[top : top + height, left : left + width].copy()
        self.floaters.add_to(view, frame)
        return view


def draw_background(
    settings: SimulationSettings,
    path: Array,
    *,
    fluorescence: bool,
    radius: float,
    rng: np.random.Generator,
) -> Background:
    """Draw a movie's background.

    Parameters
    ----------
    settings
        The movie's settings.
    path
        ``(T, 2)`` stage position in pixels.
    fluorescence
        Whether cells shine on a dark field or change a bright one.
    radius
        Typical cell radius in pixels.
    rng
        Source of everything.
    """
    shape = (settings.height, settings.width)
    travel = np.ceil(path.max(axis=0) - path.min(axis=0)).astype(int) + 2
    field = np.zeros((shape[0] + travel[0], shape[1] + travel[1]), np.float32)
    _add_grain(field, 0.1 if fluorescence else 0.07, rng)
    if not fluorescence and rng.random() < 0.5:
        _add_smudges(field, rng)
    if rng.random() < 0.5:
        area = field.size / 256**2
        debris = np.zeros_like(field)
        _scatter(debris, int(area * rng.integers(1, 30)), (0.7, 3.0), rng)
        field += np.float32(1.0 if fluorescence else rng.uniform(0.1, 0.7)) * debris
    if fluorescence and rng.random() < 0.3:
        # Cells far below the focus: glow without an outline.
        glow = np.zeros_like(field)
        _scatter(glow, int(rng.integers(1, 10)), (0.5 * radius, radius), rng)
        field += 0.4 * np.abs(glow)
    if not fluorescence and rng.random() < 0.3:
        _add_ghosts(field, int(rng.integers(1, 8)), radius, rng)
    if not fluorescence and rng.random() < 0.08:
        _add_lines(field, int(rng.integers(1, 5)), rng)
    return Background(
        field=field, path=path, shape=shape, floaters=_draw_floaters(path, shape, rng)
    )


def _add_grain(field: Array, strength: float, rng: np.random.Generator) -> None:
    """Add cloudy and grainy structure of at most `strength`."""
    shape = (field.shape[0], field.shape[1])
    if rng.random() < 0.6:
        clouds = slow_field(shape, rng.uniform(20, 80), rng)
        field += np.float32(rng.uniform(0, strength)) * clouds
    if rng.random() < 0.5:
        grain = rng.standard_normal(shape, np.float32)
        grain = gaussian_filter(grain, rng.uniform(0.8, 4.0))
        field += np.float32(0.3 * rng.uniform(0, strength) / grain.std()) * grain


def _add_smudges(field: Array, rng: np.random.Generator) -> None:
    """Add specks of dirt that lie in clumps on the ground."""
    shape = (field.shape[0], field.shape[1])
    specks = gaussian_filter(rng.standard_normal(shape, np.float32), 1.2)
    clumps = gaussian_filter(rng.standard_normal(shape, np.float32), 7.0)
    level = rng.uniform(2.6, 3.6)
    dirt = (specks / specks.std() + 1.2 * clumps / clumps.std() - level).clip(0, 1)
    field -= np.float32(rng.uniform(0.05, 0.4)) * dirt


def _add_ghosts(
    field: Array, count: int, radius: float, rng: np.random.Generator
) -> None:
    """Add cells far out of focus: wide soft rings that nobody labels."""
    for _ in range(count):
        centre = rng.uniform(0, field.shape)
        size, height = radius * rng.uniform(0.4, 1.0), rng.uniform(-0.25, 0.25)
        add_dot(field, centre, size, height)
        add_dot(field, centre, 0.75 * size, -1.4 * height)


def _add_lines(field: Array, count: int, rng: np.random.Generator) -> None:
    """Add walls or scratches: straight lines right across the field."""
    y = np.arange(field.shape[0], dtype=np.float32)[:, None]
    x = np.arange(field.shape[1], dtype=np.float32)[None]
    for _ in range(count):
        angle = rng.uniform(0, np.pi)
        through = rng.uniform(0, field.shape)
        away = (y - through[0]) * np.cos(angle) - (x - through[1]) * np.sin(angle)
        width, height = rng.uniform(1, 4), rng.uniform(-0.25, 0.25)
        field += np.float32(height) * np.exp(-((away / np.float32(width)) ** 2))


def _draw_floaters(
    path: Array, shape: tuple[int, int], rng: np.random.Generator
) -> Floaters:
    count = int(rng.integers(1, 9)) if rng.random() < 0.35 else 0
    speed = rng.uniform(0.2, 4.0)
    steps = rng.normal(0, speed, (len(path), count, 2))
    centres = rng.uniform(0, shape, (count, 2)) + np.cumsum(steps, axis=0)
    return Floaters(
        centres=(centres + path[:, None]).astype(np.float32),
        sigmas=rng.uniform(0.8, 3.5, count).astype(np.float32),
        heights=rng.uniform(-0.5, 1.0, count).astype(np.float32),
    )


def _scatter(
    canvas: Array, count: int, sizes: tuple[float, float], rng: np.random.Generator
) -> None:
    """Add dots of debris, bright and dark, of a range of standard deviations."""
    for _ in range(count):
        centre = rng.uniform(0, canvas.shape)
        add_dot(canvas, centre, rng.uniform(*sizes), rng.uniform(-0.7, 1.0))


def add_dot(canvas: Array, centre: Array | Vector, sigma: float, height: float) -> None:
    """Add a blurred dot to a canvas in place.

    Parameters
    ----------
    canvas
        ``(H, W)``.
    centre
        ``(y, x)``; may lie outside.
    sigma
        Standard deviation in pixels.
    height
        Brightness in the middle.
    """
    reach = int(3 * sigma) + 1
    parts, profiles = [], []
    for middle, side in zip(centre, canvas.shape, strict=True):
        low = min(side, max(0, int(middle) - reach))
        high = max(low, min(side, int(middle) + reach + 1))
        parts.append(slice(low, high))
        away = np.arange(low, high, dtype=np.float32) - np.float32(middle)
        profiles.append(np.exp(away * away * np.float32(-0.5 / sigma**2)))
    canvas[tuple(parts)] += np.float32(height) * np.outer(*profiles)
