"""What is simulated, and what comes of it."""

from __future__ import annotations

import math
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
    body
        Kind of outline, where the modality has several; see `modalities.Modality`.
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
    drops
        Part of the frames that the recording lost: they are missing from the movie,
        and cells have moved on when it goes on.
    noise
        Strength of the camera noise: 0 is clean, 1 is barely usable.
    seed
        Same settings and seed, same movie.
    """

    modality: str = "nuclei"
    body: str | None = None
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
    drops: float | None = None
    noise: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if self.modality not in TABLE:
            known = ", ".join(MODALITIES)
            raise InputError(f"unknown modality '{self.modality}'; known: {known}")
        kinds = TABLE[self.modality]
        for name, choices in (("body", kinds.bodies), ("look", kinds.looks)):
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise InputError(
                    f"'{self.modality}' has no {name} '{value}'; known: "
                    + ", ".join(dict.fromkeys(choices))
                )
        for size, lowest in (("frames", 1), ("height", 32), ("width", 32)):
            if getattr(self, size) < lowest:
                raise InputError(f"{size} must be at least {lowest}")
        if self.cells < 1 or self.seed < 0:
            raise InputError("cells must be at least 1 and seed at least 0")
        if self.diameter is not None and self.diameter < 4:
            raise InputError("diameter must be at least 4 pixels")
        self._refuse_out_of_range()

    def _refuse_out_of_range(self) -> None:
        """Refuse rates that are none, and what is negative."""
        for name in ("diameter", "speed", "deformation", "drift"):
            if not math.isfinite(getattr(self, name) or 0):
                raise InputError(f"{name} must be a number, not NaN or infinite")
        for name in ("speed", "deformation", "drift"):
            if (getattr(self, name) or 0) < 0:
                raise InputError(f"{name} must be at least 0")
        for name in ("division_rate", "death_rate", "noise", "drops"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"{name} must be between 0 and 1")
        if self.drops == 1:
            raise InputError("drops must be below 1: some frames must remain")


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
    visibility
        ``(T, n)`` for the n tracks in order: part of a cell's outline within the frame
        that no other cell hides; 0 where it is not labelled.
    settings
        What it was simulated from.
    """

    images: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    tracks: tuple[Track, ...]
    visibility: Array
    settings: SimulationSettings
