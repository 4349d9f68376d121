"""One simulated cell: its state, how it is born and how it changes shape."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.simulation.dynamics import Dynamics
from napari_sam_i2v.simulation.sheet import draw_corners, move_corners

Vector = NDArray[np.float64]

MODES = np.arange(2, 7)
# Columns of Cell.arms.
ANGLE, LENGTH, BASE, MIDDLE, TIP, CURL = range(6)


@dataclass(slots=True, kw_only=True, eq=False)
class Cell:
    """State of one cell; lengths in pixels, angles in radians.

    Attributes
    ----------
    centre, velocity
        ``(y, x)``.
    angle
        Direction of the long axis, from x towards y.
    radius, adult_radius
        Now, and what it grows to.
    stretch
        Logarithm of the aspect ratio.
    modes, phases, phase_rates
        Outline: amplitudes (parts of the radius) and phases of `MODES`.
    arms
        ``(n, 6)``: angle, length, three half widths and curl, in radii but angle.
    corners, rest_corners
        Of flat cells: see `sheet`.
    loose
        Whether a flat cell has rounded up and lies on the others.
    plate
        Logarithm of the aspect ratio that chromosomes take at division; 0 where the
        whole cell is seen.
    length, bend, wave
        Of rods: distance of the cap centres, curvature, and amplitude of a wave as a
        part of the length.
    behind
        Of rods: the next one in their chain, at the positive end.
    brightness
        Relative to the other cells.
    defocus
        Blur of this cell in radii.
    texture
        Where in the texture tile the cell's own coordinates begin.
    spots
        ``(k, 3)``: y, x and radius of nucleoli, vacuoles or the nucleus, in radii.
    nucleoli
        The same, within a nucleus.
    due
        Frames until the next division.
    mitosis
        0 in interphase, rising to 1 at the split, falling again in daughters.
    dividing, dying
        Whether mitosis is under way; progress of death, 0 to 1.
    track_id, parent
        0 while the cell has not been seen; track of the mother.
    mother, bud_angle
        Of a bud that still hangs on its mother.
    """

    centre: Vector
    angle: float
    radius: float
    adult_radius: float
    brightness: float
    defocus: float
    velocity: Vector = field(default_factory=lambda: np.zeros(2))
    stretch: float = 0.0
    modes: Vector = field(default_factory=lambda: np.zeros(len(MODES)))
    phases: Vector = field(default_factory=lambda: np.zeros(len(MODES)))
    phase_rates: Vector = field(default_factory=lambda: np.zeros(len(MODES)))
    arms: Vector = field(default_factory=lambda: np.zeros((0, 6)))
    rest_arms: Vector = field(default_factory=lambda: np.zeros((0, 6)))
    corners: Vector = field(default_factory=lambda: np.zeros((0, 3)))
    rest_corners: Vector = field(default_factory=lambda: np.zeros((0, 3)))
    loose: bool = False
    plate: float = 0.0
    length: float = 0.0
    bend: float = 0.0
    wave: float = 0.0
    behind: Cell | None = None
    texture: tuple[int, int] = (0, 0)
    spots: Vector = field(default_factory=lambda: np.zeros((0, 3)))
    nucleoli: Vector = field(default_factory=lambda: np.zeros((0, 3)))
    due: float = np.inf
    mitosis: float = 0.0
    dividing: bool = False
    dying: float = 0.0
    track_id: int = 0
    parent: int = 0
    mother: Cell | None = None
    bud_angle: float = 0.0

    @property
    def axis(self) -> Vector:
        """Unit vector ``(y, x)`` along the long axis."""
        return np.array([np.sin(self.angle), np.cos(self.angle)])

    @property
    def rounded(self) -> float:
        """How far the cell has rounded up, 0 to 1."""
        return 1.0 if self.loose else self.mitosis

    @property
    def crawls(self) -> bool:
        """Whether the cell has arms or corners to pull itself along by."""
        return bool(len(self.arms) or len(self.corners))

    @property
    def body_size(self) -> float:
        """Radius of the body, in radii: arms grow out of one that is smaller."""
        return 0.75 + 0.25 * self.mitosis if len(self.arms) else 1.0

    @property
    def visible_radius(self) -> float:
        """Radius with chromosomes condensed as far as they are."""
        return self.radius * (1 - 0.35 * self.mitosis * (self.plate > 0))

    @property
    def visible_stretch(self) -> float:
        """Logarithm of the aspect ratio, likewise."""
        if not self.plate:
            return self.stretch
        return self.stretch + self.mitosis * (self.plate - self.stretch)


def new_cell(
    dynamics: Dynamics, centre: Vector, director: float, rng: np.random.Generator
) -> Cell:
    """Draw a cell in the middle of its life.

    Parameters
    ----------
    dynamics
        The movie's behaviour.
    centre
        ``(y, x)`` in pixels.
    director
        The direction that aligned cells share.
    rng
        Source of the cell's individuality.
    """
    radius = dynamics.radius * np.exp(rng.normal(0, dynamics.size_spread))
    spread = np.pi * (1 - dynamics.alignment)
    rate = dynamics.division_rate
    cell = Cell(
        centre=np.asarray(centre, float),
        angle=director + rng.uniform(-spread, spread),
        radius=radius,
        adult_radius=radius,
        brightness=np.exp(rng.normal(0, dynamics.brightness_spread)),
        defocus=dynamics.defocus * rng.random() ** 2,
        texture=(int(rng.integers(256)), int(rng.integers(256))),
        due=rng.exponential(1 / rate) if rate > 0 else np.inf,
    )
    _draw_outline(cell, dynamics, rng)
    _draw_inside(cell, dynamics, rng)
    return cell


def _draw_outline(cell: Cell, dynamics: Dynamics, rng: np.random.Generator) -> None:
    if dynamics.rods:
        longest = dynamics.longest
        filament = 2.5 if rng.random() < 0.04 else 1.0
        cell.length = filament * cell.radius * rng.uniform(0.25, 0.92) * longest
        cell.bend = rng.normal(0, 0.24 / longest)
        if longest > 10:
            cell.wave = rng.normal(0, 0.04)
        return
    if dynamics.body == "sheet":
        cell.rest_corners = cell.corners = draw_corners(rng)
        cell.loose = bool(rng.random() < 0.04)
        return
    if dynamics.body == "spindle":
        cell.rest_arms = _draw_arms(rng)
        cell.arms = cell.rest_arms.copy()
        cell.stretch = rng.uniform(0.2, 1.1)
    else:
        cell.stretch = abs(rng.normal(0, dynamics.elongation))
    cell.modes = rng.normal(0, dynamics.roughness, len(MODES)) / (MODES - 1)
    cell.phases = rng.uniform(0, 2 * np.pi, len(MODES))
    cell.phase_rates = rng.normal(0, 0.15 * dynamics.deformation, len(MODES))


def _draw_arms(rng: np.random.Generator) -> Vector:
    """Draw thin arms, two of them opposite."""
    count = int(rng.choice([2, 2, 2, 3, 3, 4]))
    arms = np.zeros((count, 6))
    arms[:, ANGLE] = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(count) / count
    arms[:, ANGLE] += rng.normal(0, 0.35, count)
    arms[:2, ANGLE] = np.array([0, np.pi]) + rng.normal(0, 0.2, 2)
    arms[:, LENGTH] = rng.uniform(1.5, 4.0, count)
    arms[:2, LENGTH] = rng.uniform(1.0, 7.5, 2)
    arms[:, BASE] = rng.uniform(0.4, 0.75, count)
    arms[:, MIDDLE] = rng.uniform(0.12, 0.4, count)
    arms[:, TIP] = rng.uniform(0.03, 0.15, count)
    # Some ends fan out again where the cell holds on to the ground.
    fans = rng.random(count) < 0.3
    arms[fans, TIP] += rng.uniform(0.1, 0.9, fans.sum())
    arms[fans, MIDDLE] += 0.4 * arms[fans, TIP]
    arms[:, CURL] = rng.normal(0, 0.35, count)
    return arms


def _draw_inside(cell: Cell, dynamics: Dynamics, rng: np.random.Generator) -> None:
    """Draw nucleoli, vacuoles or a nucleus."""
    if dynamics.rods:
        return
    if dynamics.division == "plate":
        cell.plate = rng.uniform(0.9, 1.5)
        cell.spots = _scattered(rng, int(rng.integers(0, 5)), 0.3, (0.1, 0.26))
    elif dynamics.division == "bud":
        cell.spots = _scattered(rng, int(rng.integers(1, 4)), 0.3, (0.18, 0.45))
    else:
        largest = 0.42 if dynamics.body == "sheet" else 0.55
        cell.spots = _scattered(rng, 1, 0.12, (0.32, largest))
        y, x, radius = cell.spots[0]
        count = int(rng.integers(1, 5))
        cell.nucleoli = _scattered(rng, count, 0.3, (0.12, 0.3)) * radius
        cell.nucleoli[:, :2] += (y, x)


def _scattered(
    rng: np.random.Generator, count: int, spread: float, radii: tuple[float, float]
) -> Vector:
    place = rng.normal(0, spread, (count, 2)).clip(-2 * spread, 2 * spread)
    return np.column_stack([place, rng.uniform(*radii, count)])


def deform(cell: Cell, dynamics: Dynamics, rng: np.random.Generator) -> None:
    """Change a cell's outline by one frame, in place.

    Parameters
    ----------
    cell
        The cell.
    dynamics
        The movie's behaviour.
    rng
        Source of the change.
    """
    lively = dynamics.deformation
    cell.radius += 0.2 * (cell.adult_radius - cell.radius)
    cell.angle += rng.normal(0, 0.02 + 0.08 * lively)
    cell.brightness *= np.exp(rng.normal(0, 0.02))
    if dynamics.defocus:
        moved = abs(cell.defocus + rng.normal(0, 0.06 * dynamics.defocus))
        cell.defocus = min(moved, 1.5 * dynamics.defocus)
    if dynamics.rods:
        stiff = 6 / dynamics.longest
        cell.bend = 0.95 * cell.bend + rng.normal(0, 0.01 * lively * stiff)
        cell.wave += 0.1 * rng.normal(0, abs(cell.wave) * lively)
        return
    if dynamics.body == "sheet":
        cell.corners, cell.rest_corners = move_corners(
            cell.corners, cell.rest_corners, lively, rng
        )
        if rng.random() < 0.02 * lively:
            cell.loose = bool(rng.random() < 0.1)
        return
    cell.phases += cell.phase_rates
    cell.modes = 0.96 * cell.modes + rng.normal(
        0, 0.28 * dynamics.roughness * lively, len(MODES)
    ) / (MODES - 1)
    cell.stretch = max(0.0, cell.stretch + rng.normal(0, 0.06 * lively))
    cell.stretch -= 0.1 * max(0.0, cell.stretch - 1.0)
    if len(cell.arms):
        _move_arms(cell, lively, rng)


def _move_arms(cell: Cell, lively: float, rng: np.random.Generator) -> None:
    """Let arms sway, grow, retract, and be replaced after they have retracted."""
    arms, rest = cell.arms, cell.rest_arms
    count = len(arms)
    arms += 0.15 * (rest - arms)
    arms[:, ANGLE] += rng.normal(0, 0.08 * lively, count)
    arms[:, CURL] += rng.normal(0, 0.08 * lively, count)
    arms[:, LENGTH] *= np.exp(rng.normal(0, 0.1 * lively, count))
    retract = rng.random(count) < 0.04 * lively
    rest[retract, LENGTH] = 0.2
    gone = arms[:, LENGTH] < 0.5
    if gone.any():
        rest[gone, LENGTH] = rng.uniform(1.2, 3.5, gone.sum())
        rest[gone, ANGLE] += rng.normal(0, 0.8, gone.sum())
        arms[gone, ANGLE] = rest[gone, ANGLE]
