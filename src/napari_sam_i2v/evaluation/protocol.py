"""Protocols: a model tracks a set of movies from their first frames; scores follow."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.movies import (
    PromptKind,
    TruthMovie,
    first_frame_prompts,
    load_movie,
)
from napari_sam_i2v.evaluation.scores import (
    LabelStack,
    Scores,
    prompted_frames,
    score_masklets,
)


class Tracked(Protocol):
    """What a protocol needs of masklets."""

    @property
    def labels(self) -> LabelStack:
        """Masklets, ``(T, Y, X)``."""
        ...


Tracker = Callable[..., Tracked]
"""A function that is called as ``track`` is."""


@dataclass(frozen=True, kw_only=True)
class ProtocolConfig:
    """What to evaluate, on what, and how.

    Attributes
    ----------
    movies
        Folders that ``load_movie`` reads.
    model, checkpoint, device, views, seed
        As in ``track``.
    prompts
        Kinds of first-frame prompts; each movie is tracked once with each kind.
    frames
        Track and score only so many frames of each movie; all by default.
    boundary
        Whether to compute F as well.
    """

    movies: tuple[Path, ...]
    model: str = "sam-i2v-cell"
    checkpoint: Path | None = None
    device: str = "auto"
    views: Literal["auto", "frame", "objects"] = "auto"
    seed: int = 0
    prompts: tuple[PromptKind, ...] = ("label",)
    frames: int | None = None
    boundary: bool = True

    def __post_init__(self) -> None:
        """Refuse a protocol that scores nothing."""
        if not self.movies:
            raise InputError("movies is empty; name at least one movie folder")
        if not self.prompts:
            raise InputError("prompts is empty; name label, click or box")
        if self.frames is not None and self.frames < 2:
            raise InputError(f"frames is {self.frames}; scoring takes at least 2")


@dataclass(frozen=True, kw_only=True, eq=False)
class MovieResult:
    """One movie tracked from one kind of prompts.

    Attributes
    ----------
    movie
        The movie's name.
    prompts
        Kind of the prompts.
    n_objects
        Objects prompted.
    scores
        The model's scores.
    copy_j
        J of copying the first frame's true masks to every frame.
    seconds
        Wall time of tracking, model loading included.
    n_object_frames
        Objects times frames visited.
    """

    movie: str
    prompts: PromptKind
    n_objects: int
    scores: Scores
    copy_j: float
    seconds: float
    n_object_frames: int

    @property
    def seconds_per_object_frame(self) -> float:
        """Mean wall time per object and frame."""
        return self.seconds / self.n_object_frames


def run_protocol(
    config: ProtocolConfig, *, tracker: Tracker | None = None
) -> list[MovieResult]:
    """Track and score every movie with every kind of prompts."""
    return list(iterate_protocol(config, tracker=tracker))


def iterate_protocol(
    config: ProtocolConfig, *, tracker: Tracker | None = None
) -> Iterator[MovieResult]:
    """Track and score movie after movie, yielding each result as it is known.

    Parameters
    ----------
    config
        The protocol.
    tracker
        What tracks instead of ``napari_sam_i2v.track``.

    Yields
    ------
    MovieResult
        In the order of the movies, then of the prompt kinds.
    """
    tracker = tracker or _default_tracker()
    for folder in config.movies:
        movie = load_movie(folder)
        for kind in config.prompts:
            yield evaluate_movie(movie, kind, config, tracker)


def _default_tracker() -> Tracker:
    from napari_sam_i2v.tracking import track

    return track


def evaluate_movie(
    movie: TruthMovie, kind: PromptKind, config: ProtocolConfig, tracker: Tracker
) -> MovieResult:
    """Track one movie from one kind of first-frame prompts, and score it."""
    prompts = first_frame_prompts(movie.labels, kind)
    if not prompts:
        raise InputError(f"{movie.folder}: labels.tif holds no object in frame 0")
    stop = min(config.frames or movie.n_frames, movie.n_frames)
    begin = time.perf_counter()
    masklets = tracker(
        movie.images,
        prompts,
        model=config.model,
        checkpoint=config.checkpoint,
        device=config.device,
        views=config.views,
        seed=config.seed,
        stop=stop,
        progress=False,
    )
    seconds = time.perf_counter() - begin
    prompted = prompted_frames(prompts)
    scores = score_masklets(
        masklets.labels,
        movie.labels,
        prompted=prompted,
        markers=movie.markers,
        frames=range(stop),
        boundary=config.boundary,
    )
    return MovieResult(
        movie=movie.name,
        prompts=kind,
        n_objects=len(prompted),
        scores=scores,
        copy_j=copy_baseline(movie, frames=range(stop)).j,
        seconds=seconds,
        n_object_frames=len(prompted) * stop,
    )


def copy_baseline(movie: TruthMovie, *, frames: range | None = None) -> Scores:
    """Score copies of the first frame's true masks on every frame.

    Parameters
    ----------
    movie
        The movie.
    frames
        Frames to score; all by default.

    Returns
    -------
    Scores
        Without F. A tracker that is worth its time beats this J.
    """
    return score_masklets(
        np.broadcast_to(movie.labels[0], movie.labels.shape),
        movie.labels,
        prompted=prompted_frames(first_frame_prompts(movie.labels, "label")),
        markers=movie.markers,
        frames=frames,
        boundary=False,
    )
