"""Movies to train on: simulated, warped stills, or from folders; mixed by weights."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.simulation import MODALITIES, SimulationSettings, simulate
from napari_sam_i2v.training.deforming import deform
from napari_sam_i2v.training.folders import cut_movie
from napari_sam_i2v.training.ranges import Positive, Side
from napari_sam_i2v.training.stills import training_stills, warp_still
from napari_sam_i2v.training.tracks import Tracks, measure_tracks

STIFF = 0.3
"""Share of simulated movies that are left as they are; the others are deformed."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where movies come from: one of ``modalities``, ``stills`` and ``movie``.

    Attributes
    ----------
    weight
        How often it is drawn from, relative to the others.
    modalities
        What to simulate, one as often as the other; name one twice for more of it.
    stills
        Folder with ``images`` and ``labels``; a still is warped into a movie.
    movie
        Folder of a movie with labels, see :func:`folders.open_labelled`, or of a
        session, of which a part of the objects is kept out.
    held_out
        One in this many stills, or that part of a movie at its end, is kept out for
        validation; 0 uses all. Simulations with 0 are only trained on.
    excluded
        Names of stills never to use.
    validating
        Whether to use what is kept out, and only that.
    """

    weight: float = 1.0
    modalities: tuple[str, ...] = ()
    stills: str | None = None
    movie: str | None = None
    held_out: int = 5
    excluded: tuple[str, ...] = ()
    validating: bool = False

    def __post_init__(self) -> None:
        """Refuse a source of nothing, or of two things."""
        given = [bool(self.modalities), self.stills is not None, self.movie is not None]
        if sum(given) != 1:
            raise InputError("a source needs one of modalities, stills and movie")
        if self.weight <= 0:
            raise InputError(f"a source's weight is {self.weight}; expected above 0")

    def make(
        self, frames: int, size: int, rng: np.random.Generator
    ) -> tuple[NDArray, NDArray]:
        """Make images and labels, ``(frames, size, size)``."""
        if self.stills is not None:
            stills = training_stills(
                self.stills, self.held_out, self.excluded, validating=self.validating
            )
            still = stills[rng.integers(len(stills))]
            return warp_still(still, frames, size, rng)
        if self.movie is not None:
            kept = 1 - 1 / self.held_out if self.held_out else 1.0
            span = (kept, 1.0) if self.validating else (0.0, kept)
            return cut_movie(self.movie, span, (frames, size), rng)
        return simulated(self.modalities, frames, size, rng)


@dataclass(frozen=True, kw_only=True)
class MovieSettings:
    """What movies are made of.

    Attributes
    ----------
    sources
        Where they come from.
    frames, size
        Length, and side in pixels.
    pool, draws
        Movies in memory at once, and clips drawn before one is replaced.
    """

    sources: tuple[Source, ...] = (Source(modalities=MODALITIES),)
    frames: Positive = 20
    size: Side = 224
    pool: Positive = 96
    draws: Positive = 64

    def __post_init__(self) -> None:
        """Refuse movies of nothing."""
        if not self.sources:
            raise InputError("there are no sources of movies; give one at least")


@dataclass(frozen=True)
class TrainingMovie:
    """A movie as it is trained on.

    Attributes
    ----------
    images
        ``(T, H, W)``, 0 to 1 for most pixels, half precision.
    labels
        ``(T, H, W)``.
    tracks
        Where its cells are.
    """

    images: NDArray[np.float16]
    labels: NDArray[np.int16]
    tracks: Tracks


def make_movie(settings: MovieSettings, seed: int, index: int) -> TrainingMovie:
    """Make the movie that (seed, index) names."""
    rng = np.random.default_rng([seed, index])
    weights = np.array([source.weight for source in settings.sources])
    source = settings.sources[rng.choice(len(weights), p=weights / weights.sum())]
    images, labels = source.make(settings.frames, settings.size, rng)
    labels = _numbered(labels)
    return TrainingMovie(_stretch(images), labels, measure_tracks(labels))


def held_out(settings: MovieSettings) -> MovieSettings:
    """Give the settings of movies to validate on.

    Simulations differ by their seed. A source that keeps nothing out is left out,
    unless there are only such.
    """
    sources = [source for source in settings.sources if source.held_out]
    kept = tuple(replace(source, validating=True) for source in sources)
    return replace(settings, sources=kept or settings.sources)


def simulated(
    modalities: tuple[str, ...], frames: int, size: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Simulate images and labels, ``(frames, size, size)``."""
    # A fifth of the field: views are a few diameters wide.
    largest = max(13.0, 0.2 * size)
    diameter = float(np.exp(rng.uniform(np.log(12), np.log(largest))))
    room = (size / diameter) ** 2
    movie = simulate(
        SimulationSettings(
            modality=modalities[rng.integers(len(modalities))],
            frames=frames,
            height=size,
            width=size,
            cells=int(np.clip(room * rng.uniform(0.08, 0.7), 4, 90)),
            diameter=diameter,
            seed=int(rng.integers(2**31)),
        )
    )
    if rng.random() < STIFF:
        return movie.images, movie.labels
    return deform(movie.images, movie.labels, rng.uniform(0, 0.5), rng)


def _numbered(labels: NDArray) -> NDArray[np.int16]:
    """Number labels from 1 without gaps."""
    ids, index = np.unique(labels, return_inverse=True)
    start = int(ids[0] != 0)
    return (index.reshape(labels.shape) + start).astype(np.int16)


def _stretch(images: NDArray) -> NDArray[np.float16]:
    low, high = np.percentile(images[:, ::4, ::4], (0.1, 99.9))
    stretched = (images - low) / max(high - low, 1e-6)
    return np.clip(stretched, -0.5, 3).astype(np.float16)
