"""From settings to a movie with exact labels and lineage."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from napari_sam_i2v.simulation.background import draw_background
from napari_sam_i2v.simulation.channels import Channels
from napari_sam_i2v.simulation.dynamics import (
    Dynamics,
    draw_dynamics,
    draw_steps,
    stage_path,
)
from napari_sam_i2v.simulation.fluorescence import Stain, draw_stain
from napari_sam_i2v.simulation.modalities import TABLE
from napari_sam_i2v.simulation.optics import draw_camera
from napari_sam_i2v.simulation.phase import Phase, draw_phase
from napari_sam_i2v.simulation.population import Population
from napari_sam_i2v.simulation.scene import Layout, compose
from napari_sam_i2v.simulation.settings import SimulatedMovie, SimulationSettings
from napari_sam_i2v.simulation.texture import draw_texture
from napari_sam_i2v.simulation.tracks import TrackRoll
from napari_sam_i2v.simulation.transmitted import Contrast, draw_contrast

Look = Stain | Contrast | Phase

STAINS = ("nuclei", "cytoplasm", "membrane", "ring", "rod-fluorescence")


def simulate(settings: SimulationSettings) -> SimulatedMovie:
    """Simulate a time-lapse movie of cells.

    Parameters
    ----------
    settings
        What to simulate; the movie is a pure function of them.
    """
    # Independent streams: changing the noise does not change the movements.
    kind = crc32(settings.modality.encode())
    plan, life, dress, grain = (
        np.random.default_rng([settings.seed, kind, stream]) for stream in range(4)
    )
    dynamics = draw_dynamics(settings, plan)
    path = stage_path(settings, plan)
    steps = draw_steps(settings, plan)
    in_channels = dynamics.arrangement == "channel"
    population = (Channels if in_channels else Population)(settings, dynamics, life)
    look = draw_look(settings, dynamics, dress)
    stained = isinstance(look, Stain)
    radius = dynamics.radius
    dim = stained and dynamics.body == "spindle" and bool(dress.random() < 0.6)
    camera = draw_camera(
        settings, fluorescence=stained, dim=dim, radius=radius, rng=dress
    )
    background = draw_background(
        settings, path, fluorescence=stained, radius=radius, rng=dress
    )
    if isinstance(population, Channels):
        contrast = dress.uniform(0.0, 0.15) if stained else dress.uniform(-0.6, 0.6)
        population.draw_walls(background.field, path.max(axis=0), contrast)
    texture = draw_texture(dress, discs=isinstance(look, Phase))
    layout = draw_layout(dynamics, look, dress)

    shape = (settings.height, settings.width)
    images = np.zeros((settings.frames, *shape), np.uint16)
    labels = np.zeros_like(images)
    roll = TrackRoll(least_area=max(8.0, 0.12 * dynamics.radius**2))
    for frame in range(settings.frames):
        if frame:
            shift = (path[frame] - path[frame - 1]).astype(float)
            for _ in range(steps[frame]):
                population.step(shift / steps[frame])
        scene = compose(population.cells, shape, texture.at(frame), layout)
        labels[frame] = roll.label(scene, frame)
        light = look.draw(scene) + background.at(frame)
        images[frame] = camera.expose(light, frame, grain)
    return SimulatedMovie(
        images=images,
        labels=labels,
        tracks=roll.tracks(),
        visibility=roll.visibility(),
        settings=settings,
    )


def draw_look(
    settings: SimulationSettings, dynamics: Dynamics, rng: np.random.Generator
) -> Look:
    """Draw how a movie's cells are imaged.

    Parameters
    ----------
    settings
        The movie's settings.
    dynamics
        Behaviour of its cells.
    rng
        Source of what the settings leave open.
    """
    looks = TABLE[settings.modality].looks
    body, radius = dynamics.body, dynamics.radius
    drawn = looks[rng.integers(len(looks))]
    look = settings.look or drawn
    if look in STAINS:
        return draw_stain(look, body, radius, rng)
    if look in ("phase", "yeast") and rng.random() < 0.75:
        return draw_phase(look, radius, rng)
    return draw_contrast(look, radius, rng)


def draw_layout(dynamics: Dynamics, look: Look, rng: np.random.Generator) -> Layout:
    """Draw what a movie's cells have in common on the pixel grid.

    Parameters
    ----------
    dynamics
        Behaviour of the cells.
    look
        How the cells are imaged.
    rng
        Source of the layout.
    """
    # Thin arms would fall apart if they were as ragged as broad ones.
    roughest = {"sheet": 0.12, "spindle": 0.025}.get(dynamics.body, 0.0)
    # Only stained actin shows as fibres along the cell.
    stained = roughest > 0 and isinstance(look, Stain)
    return Layout(
        swell=0.35 * dynamics.radius if dynamics.confluent else 0.0,
        reach=look.reach,
        ragged=rng.uniform(0.2, 1.0) * roughest,
        fibres=rng.choice([1.0, 2.0, 5.0]) if stained else 1.0,
    )
