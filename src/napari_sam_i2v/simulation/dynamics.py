"""How the cells of one movie behave: drawn once, then fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    elongation: float
    roughness: float
    speed: float
    persistence: float
    deformation: float
    division_rate: float
    death_rate: float
    jump_rate: float
    crowding: float
    confluent: bool
    clustering: float
    alignment: float
    brightness_spread: float
    defocus: float


# Area of a body in units of the squared radius; arms and ends included.
AREA = {"round": 3.4, "lobed": 3.4, "rod": 9.0, "spread": 5.0, "spindle": 6.0}


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
    body = modality.bodies[rng.integers(len(modality.bodies))]
    confluent = bool(rng.random() < modality.confluent) and body != "spindle"
    low, high = (0.95, 1.15) if confluent else modality.coverage
    coverage = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    field = settings.height * settings.width
    drawn = np.sqrt(coverage * field / settings.cells / AREA[body])
    widest = 0.2 * min(settings.height, settings.width)
    radius = float(np.clip(drawn, 3.0, widest))
    if settings.diameter is not None:
        radius = settings.diameter / 2
    long = body in ("spread", "spindle")
    lively = body in ("lobed", "spread", "spindle")
    drawn_speed = 10 ** rng.uniform(-2.3, -0.5)
    if confluent:
        drawn_speed *= 0.3
    elif rng.random() < 0.08:
        drawn_speed *= 2.0
    # Microbes divide every few frames, other cells once in a movie.
    hurry = 3.0 if modality.division in ("fission", "bud") else 1.0
    drawn_division = hurry * rng.choice([0.0, 0.003, 0.008, 0.015, 0.03])
    drawn_death = rng.choice([0.0, 0.0, 0.001, 0.004])
    drawn_deformation = rng.uniform(0.1, 1.0) if lively else rng.uniform(0.0, 0.6)
    return Dynamics(
        body=body,
        division=modality.division,
        radius=radius,
        size_spread=0.06 if body == "rod" else rng.uniform(0.05, 0.25),
        elongation=rng.uniform(0.05, 0.5),
        roughness=rng.uniform(0.08, 0.2) if lively else rng.uniform(0.0, 0.07),
        speed=2 * radius * _given(settings.speed, drawn_speed),
        persistence=rng.uniform(0.0, 0.92),
        deformation=_given(settings.deformation, drawn_deformation),
        division_rate=_given(settings.division_rate, drawn_division),
        death_rate=_given(settings.death_rate, drawn_death),
        jump_rate=0.004 if rng.random() < 0.25 else 0.0,
        crowding=rng.uniform(0.75, 0.9) if confluent else rng.uniform(0.85, 1.15),
        confluent=confluent,
        clustering=rng.choice([0.0, 0.3, 0.8]) if not confluent else 0.0,
        alignment=rng.choice([0.0, 0.7, 0.95]) if long else 0.0,
        brightness_spread=rng.uniform(0.05, 0.4 if body == "rod" else 0.9),
        defocus=rng.uniform(0.0, 0.35) if rng.random() < 0.5 else 0.0,
    )


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


def _given(value: float | None, drawn: float) -> float:
    return float(drawn if value is None else value)
