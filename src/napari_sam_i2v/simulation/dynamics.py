"""How the cells of one movie behave: drawn once, then fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.simulation.modalities import TABLE
from napari_sam_i2v.simulation.settings import Array, SimulationSettings


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """Behaviour shared by all cells of a movie.

    Attributes
    ----------
    body, division
        See `Modality`.
    radius
        Typical radius in pixels; of a rod: half its width.
    size_spread
        Standard deviation of the logarithm of the radius.
    longest
        Of rods: length at division in radii.
    arrangement
        See `Modality`.
    elongation
        Typical logarithm of the aspect ratio.
    roughness
        Typical amplitude of the outline's modes, as a part of the radius.
    speed
        Root mean square step in pixels per frame.
    persistence
        Part of the velocity kept from frame to frame.
    deformation
        How fast outlines change, 0 to about 1.
    division_rate, death_rate, jump_rate
        Events per cell and frame.
    mitosis_step
        Part of mitosis that a frame takes.
    crowding
        Distance at which cells repel, as a part of the sum of their radii.
    confluent
        Whether the cells fill the field.
    clustering
        Probability that a cell starts next to another one.
    alignment
        How much long cells point the same way, 0 to 1.
    brightness_spread
        Standard deviation of the logarithm of the brightness.
    defocus
        Largest defocus of a cell, in radii.
    """

    body: str
    division: str
    radius: float
    size_spread: float
    longest: float
    arrangement: str
    elongation: float
    roughness: float
    speed: float
    persistence: float
    deformation: float
    division_rate: float
    death_rate: float
    jump_rate: float
    mitosis_step: float
    crowding: float
    confluent: bool
    clustering: float
    alignment: float
    brightness_spread: float
    defocus: float

    @property
    def rods(self) -> bool:
        """Whether cells are rods of any length."""
        return self.body in ("rod", "filament")


# Area of a body in units of the squared radius; arms and ends included.
AREA = {
    "round": 3.4,
    "lobed": 3.4,
    "rod": 9.0,
    "filament": 45.0,
    "spindle": 6.0,
    "sheet": 3.2,
}


SPREAD_OF_BRIGHTNESS = {
    "rod": (0.05, 0.4),
    "filament": (0.05, 0.5),
    "spindle": (0.2, 1.1),
}


def draw_dynamics(settings: SimulationSettings, rng: np.random.Generator) -> Dynamics:
    """Draw a movie's behaviour; what the settings fix is kept.

    Parameters
    ----------
    settings
        The movie's settings.
    rng
        Source of everything the settings leave open.
    """
    modality = TABLE[settings.modality]
    drawn_body = modality.bodies[rng.integers(len(modality.bodies))]
    body = settings.body or drawn_body
    arrangement = modality.arrangements[rng.integers(len(modality.arrangements))]
    confluent = bool(rng.random() < modality.confluent) and body != "spindle"
    radius = _draw_radius(settings, body, confluent=confluent, rng=rng)
    long = body in ("spindle", "sheet")
    lively = long or body == "lobed"
    drawn_speed = 10 ** rng.uniform(-2.3, -0.5)
    if body == "spindle":
        # More than their width from frame to frame, now and then.
        drawn_speed = 10 ** rng.uniform(-2.0, -0.1)
    if confluent:
        drawn_speed *= 0.3
    elif rng.random() < 0.08:
        drawn_speed *= 2.0
    # Microbes divide every few frames, other cells once in a movie.
    hurry = 3.0 if body == "rod" or modality.division == "bud" else 1.0
    # Linked rods touch each other without pushing.
    tight = confluent or arrangement == "chain"
    drawn_division = hurry * rng.choice([0.0, 0.003, 0.008, 0.015, 0.03])
    drawn_death = rng.choice([0.0, 0.0, 0.001, 0.004])
    drawn_deformation = rng.uniform(0.1, 1.0) if lively else rng.uniform(0.0, 0.6)
    return Dynamics(
        body=body,
        division=modality.division,
        radius=radius,
        size_spread=0.06 if body in ("rod", "filament") else rng.uniform(0.05, 0.25),
        longest=rng.uniform(18, 40) if body == "filament" else 6.0,
        arrangement=arrangement,
        elongation=rng.uniform(0.05, 0.5),
        roughness=rng.uniform(0.08, 0.2) if lively else rng.uniform(0.0, 0.07),
        speed=2 * radius * _given(settings.speed, drawn_speed),
        persistence=rng.uniform(0.0, 0.92),
        deformation=_given(settings.deformation, drawn_deformation),
        division_rate=_given(settings.division_rate, drawn_division),
        death_rate=_given(settings.death_rate, drawn_death),
        mitosis_step=rng.choice([0.2, 0.34, 0.34, 0.5, 1.0]),
        jump_rate=0.004 if rng.random() < 0.25 else 0.0,
        crowding=rng.uniform(0.75, 0.9) if tight else rng.uniform(0.85, 1.15),
        confluent=confluent,
        clustering=rng.choice([0.0, 0.3, 0.8]) if not confluent else 0.0,
        alignment=rng.choice([0.0, 0.7, 0.95]) if long else 0.0,
        brightness_spread=rng.uniform(*SPREAD_OF_BRIGHTNESS.get(body, (0.05, 0.9))),
        defocus=rng.uniform(0.0, 0.35) if rng.random() < 0.5 else 0.0,
    )


def _draw_radius(
    settings: SimulationSettings,
    body: str,
    *,
    confluent: bool,
    rng: np.random.Generator,
) -> float:
    low, high = (0.95, 1.15) if confluent else TABLE[settings.modality].coverage
    coverage = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    field = settings.height * settings.width
    drawn = np.sqrt(coverage * field / settings.cells / AREA[body])
    widest = 0.2 * min(settings.height, settings.width)
    if settings.diameter is not None:
        return settings.diameter / 2
    return float(np.clip(drawn, 3.0, widest))


def stage_path(settings: SimulationSettings, rng: np.random.Generator) -> Array:
    """Where the stage is at every frame.

    Parameters
    ----------
    settings
        The movie's settings.
    rng
        Source of drift, jitter and jumps.

    Returns
    -------
    Array
        ``(T, 2)`` shift of the picture in pixels, starting at zero.
    """
    drift = np.zeros(2)
    largest = _given(settings.drift, 1.5)
    if settings.drift is not None or rng.random() < 0.4:
        drift = rng.uniform(-largest, largest, 2)
    jitter = rng.uniform(0.2, 1.5) if rng.random() < 0.3 else 0.0
    jump_rate = 0.04 if rng.random() < 0.15 else 0.0
    steps = np.tile(drift, (settings.frames, 1))
    side = min(settings.height, settings.width)
    jumps = rng.random((settings.frames, 1)) < jump_rate
    steps += jumps * rng.normal(0, 0.06 * side, steps.shape)
    path = np.cumsum(steps, axis=0) + rng.normal(0, jitter, steps.shape)
    shifted: Array = (path - path[0]).astype(np.float32)
    return shifted


def draw_steps(
    settings: SimulationSettings, rng: np.random.Generator
) -> NDArray[np.int64]:
    """How many time steps lie between each frame and the one before it.

    Parameters
    ----------
    settings
        The movie's settings.
    rng
        Source of the frames that were lost.

    Returns
    -------
    NDArray[np.int64]
        ``(T,)``, at least 1.
    """
    drawn = rng.uniform(0.02, 0.15) if rng.random() < 0.1 else 0.0
    drops = _given(settings.drops, drawn)
    lost: NDArray[np.int64] = rng.geometric(1 - drops, settings.frames)
    return lost


def _given(value: float | None, drawn: float) -> float:
    return float(drawn if value is None else value)
