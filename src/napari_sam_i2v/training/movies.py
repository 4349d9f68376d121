"""Movies to train on: simulated ones, and stills warped into short movies."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.simulation import MODALITIES, SimulationSettings, simulate


@dataclass(frozen=True, kw_only=True)
class MovieSettings:
    """What movies are made of.

    Attributes
    ----------
    frames, size
        Length, and side in pixels.
    modalities
        What is simulated, one as often as the other; name one twice for more of it.
    stills
        Folders with ``images`` and ``labels``, each drawn from as often as the others;
        a still is warped into a movie.
    stills_share
        Share of movies made of stills, 0 to 1.
    held_out
        One in this many stills is kept out for validation.
    excluded
        Names of stills never to use.
    pool, draws
        Movies in memory at once, and clips drawn before one is replaced.
    """

    frames: int = 10
    size: int = 224
    modalities: tuple[str, ...] = MODALITIES
    stills: tuple[str, ...] = ()
    stills_share: float = 0.0
    held_out: int = 5
    excluded: tuple[str, ...] = ()
    pool: int = 96
    draws: int = 64


@dataclass(frozen=True)
class TrainingMovie:
    """Images, ``(T, H, W)``, 0 to 1, half precision, and labels, int32."""

    images: NDArray[np.float16]
    labels: NDArray[np.int32]


def make_movie(settings: MovieSettings, seed: int, index: int) -> TrainingMovie:
    """Make the movie that (seed, index) names."""
    rng = np.random.default_rng([seed, index])
    stills = training_stills(settings)
    if stills and rng.random() < settings.stills_share:
        folder = stills[rng.integers(len(stills))]
        return warp_still(folder[rng.integers(len(folder))], settings, rng)
    diameter = float(np.exp(rng.uniform(np.log(12), np.log(44))))
    room = (settings.size / diameter) ** 2
    movie = simulate(
        SimulationSettings(
            modality=settings.modalities[index % len(settings.modalities)],
            frames=settings.frames,
            height=settings.size,
            width=settings.size,
            cells=int(np.clip(room * rng.uniform(0.08, 0.7), 4, 90)),
            diameter=diameter,
            seed=int(rng.integers(2**31)),
        )
    )
    return TrainingMovie(_stretch(movie.images), movie.labels.astype(np.int32))


def training_stills(settings: MovieSettings) -> list[list[tuple[Path, Path]]]:
    """List the images and label files that are trained on, folder by folder."""
    folders = []
    for folder in settings.stills:
        images = sorted(Path(folder, "images").glob("*.tif"))
        if not images:
            raise InputError(f"{folder}: expected images/*.tif and labels/*.tif in it")
        kept = [path for i, path in enumerate(images) if i % settings.held_out]
        folders.append(
            [
                (path, path.parents[1] / "labels" / path.name)
                for path in kept
                if path.stem not in settings.excluded
            ]
        )
    return folders


def warp_still(
    still: tuple[Path, Path], settings: MovieSettings, rng: np.random.Generator
) -> TrainingMovie:
    """Let a still drift and bend smoothly, so that its cells move on their own."""
    image, labels = (tifffile.imread(path) for path in still)
    if image.ndim == 3:
        image = image[..., :3].mean(-1)
    image, labels = _random_square(image, labels, settings.size, rng)
    size = np.array(image.shape)
    grid = np.stack(np.meshgrid(*map(np.arange, size), indexing="ij")).astype(
        np.float32
    )

    knots = rng.normal(size=(2, settings.frames, 6, 6))
    walk = np.cumsum(knots, axis=1) * rng.uniform(0.2, 2.5)
    drift = np.cumsum(rng.normal(size=(2, settings.frames, 1, 1)), axis=1)
    walk += drift * rng.uniform(0, 1.5)
    walk -= walk[:, :1]
    scale = size / (np.array(walk.shape[2:]) - 1)
    images, masks = [], []
    for frame in range(settings.frames):
        coarse = walk[:, frame]
        field = np.stack(
            [
                ndimage.map_coordinates(c, grid / scale[:, None, None], order=1)
                for c in coarse
            ]
        )
        at = grid + field
        images.append(ndimage.map_coordinates(image, at, order=1, mode="reflect"))
        masks.append(ndimage.map_coordinates(labels, at, order=0, mode="constant"))
    gain = 1 + 0.05 * rng.normal(size=(settings.frames, 1, 1))
    return TrainingMovie(
        _stretch(np.stack(images) * gain), np.stack(masks).astype(np.int32)
    )


def _random_square(
    image: NDArray, labels: NDArray, size: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Cut a square, twice the wanted size at most, and shrink it to fit."""
    factor = 2 if min(image.shape) > 2 * size and rng.random() < 0.5 else 1
    starts = [rng.integers(max(1, n - factor * size + 1)) for n in image.shape]
    here = tuple(slice(s, s + factor * size) for s in starts)
    image, labels = image[here].astype(np.float32), labels[here].astype(np.int32)
    if factor == 1:
        return image, labels
    smooth = ndimage.uniform_filter(image, factor)
    return smooth[::factor, ::factor], labels[::factor, ::factor]


def _stretch(images: NDArray) -> NDArray[np.float16]:
    low, high = np.percentile(images[:, ::4, ::4], (0.1, 99.9))
    stretched = (images - low) / max(high - low, 1e-6)
    return np.clip(stretched, -0.5, 3).astype(np.float16)


def _end_with(parent: int) -> None:
    """Let a worker end when the run that it works for is killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class MoviePool:
    """The movies in use at a step, made ahead in worker processes.

    Which they are depends on the seed and the step alone, not on how fast the
    workers are.
    """

    def __init__(self, settings: MovieSettings, seed: int, workers: int) -> None:
        self._settings = settings
        self._seed = seed
        self._executor = ProcessPoolExecutor(
            workers,
            mp_context=get_context("spawn"),
            initializer=_end_with,
            initargs=(os.getpid(),),
        )
        self._ahead: deque[Future[TrainingMovie]] = deque()
        self._next = 0
        self._movies: deque[TrainingMovie] = deque(maxlen=settings.pool)

    def at(self, clips_drawn: int) -> list[TrainingMovie]:
        """Movies to draw from when so many clips have been drawn before."""
        newest = self._settings.pool + clips_drawn // self._settings.draws
        oldest = newest - self._settings.pool
        if not self._movies and not self._ahead:
            self._next = oldest
        missing = newest - self._next + len(self._ahead)
        self._order(newest + 8)
        for _ in range(missing):
            self._movies.append(self._ahead.popleft().result())
        return list(self._movies)

    def _order(self, up_to: int) -> None:
        while self._next < up_to:
            job = self._executor.submit(
                make_movie, self._settings, self._seed, self._next
            )
            self._ahead.append(job)
            self._next += 1

    def close(self) -> None:
        """Stop the workers."""
        self._executor.shutdown(cancel_futures=True)
