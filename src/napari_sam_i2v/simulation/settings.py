"""What is simulated, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.simulation.modalities import MODALITIES, TABLE

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """Everything a simulated movie depends on.

    What is None is drawn from the seed.

    Attributes
    ----------
    modality
        One of `MODALITIES`.
    look
        How the modality is imaged, where there is a choice (rods and spindles in
        phase contrast or fluorescence).
    frames, height, width
        Size of the movie.
    cells
        About how many cells the first frame shows.
    diameter
        Typical cell diameter (of a rod: its width) in pixels.
    speed
        Typical step of a cell in diameters per frame.
    deformation
        How fast outlines change: 0 is rigid, 1 is lively.
    division_rate, death_rate
        Events per cell and frame.
    drift
        Largest stage drift in pixels per frame.
    noise
        Strength of the camera noise: 0 is clean, 1 is barely usable.
    seed
        Same settings and seed, same movie.
    """

    modality: str = "nuclei"
    look: str | None = None
    frames: int = 30
    height: int = 256
    width: int = 256
    cells: int = 40
    diameter: float | None = None
    speed: float | None = None
    deformation: float | None = None
    division_rate: float | None = None
    death_rate: float | None = None
    drift: float | None = None
    noise: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.modality not in TABLE:
            known = ", ".join(MODALITIES)
            raise InputError(f"unknown modality '{self.modality}'; known: {known}")
        looks = TABLE[self.modality].looks
        if self.look is not None and self.look not in looks:
            raise InputError(
                f"'{self.modality}' has no look '{self.look}'; known: "
                + ", ".join(looks)
            )
        for name, lowest in (("frames", 1), ("height", 32), ("width", 32)):
            if getattr(self, name) < lowest:
                raise InputError(f"{name} must be at least {lowest}")
        if self.cells < 1 or self.seed < 0:
            raise InputError("cells must be at least 1 and seed at least 0")
        if self.diameter is not None and self.diameter < 4:
            raise InputError("diameter must be at least 4 pixels")


@dataclass(frozen=True, kw_only=True)
class Track:
    """One line of a CTC track file.

    Attributes
    ----------
    track_id
        The cell's value in the labels.
    begin, end
        First and last frame it is labelled in; it is labelled in all between.
    parent
        Id of the cell whose division it came from, or 0.
    """

    track_id: int
    begin: int
    end: int
    parent: int


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedMovie:
    """A movie with its exact truth.

    Attributes
    ----------
    images
        ``(T, H, W)`` uint16.
    labels
        ``(T, H, W)`` uint16; 0 is background, an id means the same cell in every
        frame. A dividing cell ends and its daughters get new ids. A cell that leaves
        the field of view and comes back gets a new id, as does a new yeast bud (its
        mother lives on, so its parent is 0, as the CTC format asks).
    tracks
        One entry per id, in order of id; ids run from 1 without gaps.
    settings
        What it was simulated from.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    tracks: tuple[Track, ...]
    settings: SimulationSettings
