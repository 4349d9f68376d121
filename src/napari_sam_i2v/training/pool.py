"""The movies in use at a step, made ahead in worker processes, kept on the device."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from functools import partial

import torch

from napari_sam_i2v.training.movies import MovieSettings, TrainingMovie, make_movie
from napari_sam_i2v.training.ranks import Ranks
from napari_sam_i2v.training.tracks import Tracks
from napari_sam_i2v.training.workers import start_workers


class MoviePool:
    """A ring of movies, of which the oldest is replaced as clips are drawn.

    Which they are depends on the seed and the clips drawn alone, not on how fast the
    workers are.

    Parameters
    ----------
    settings
        What to make, and how many to keep.
    seed
        Of all movies.
    workers
        Processes that make them; with 0 they are made when they are needed.
    ranks
        Frames are kept on its device: everything after simulation happens there.
        Several processes share the work of making movies, and hold the same ones.

    Attributes
    ----------
    images
        ``(P, T, H, W)``, half precision.
    labels
        ``(P, T, H, W)``, int16.
    tracks
        P tables of the movies' cells.
    """

    def __init__(
        self,
        settings: MovieSettings,
        seed: int,
        workers: int,
        ranks: Ranks,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._ranks = ranks
        self._executor = start_workers(workers)
        self._ahead: deque[Future[TrainingMovie] | None] = deque()
        self._lead = 8 + 2 * workers * ranks.world if workers else 0
        self._ordered: int | None = None
        shape = (settings.pool, settings.frames, settings.size, settings.size)
        self.images = torch.zeros(shape, dtype=torch.float16, device=ranks.device)
        self.labels = torch.zeros(shape, dtype=torch.int16, device=ranks.device)
        self.tracks: list[Tracks] = []

    def advance(self, clips_drawn: int) -> None:
        """Hold the movies to draw from when so many clips have been drawn before."""
        newest = self._settings.pool + clips_drawn // self._settings.draws
        if self._ordered is None:
            self._ordered = newest - self._settings.pool
        missing = newest - self._ordered + len(self._ahead)
        first = newest - missing
        self._order(newest + self._lead)
        for index in range(first, newest):
            job = self._ahead.popleft()
            made = None if job is None else job.result()
            movie = self._ranks.share(made, index % self._ranks.world)
            assert isinstance(movie, TrainingMovie)
            self._put(index % self._settings.pool, movie)

    def _order(self, up_to: int) -> None:
        assert self._ordered is not None
        for index in range(self._ordered, up_to):
            mine = index % self._ranks.world == self._ranks.rank
            make = partial(make_movie, self._settings, self._seed, index)
            self._ahead.append(self._executor.submit(make) if mine else None)
        self._ordered = max(self._ordered, up_to)

    def _put(self, slot: int, movie: TrainingMovie) -> None:
        self.images[slot] = torch.from_numpy(movie.images)
        self.labels[slot] = torch.from_numpy(movie.labels)
        if len(self.tracks) < self._settings.pool:
            self.tracks += [movie.tracks] * (self._settings.pool - len(self.tracks))
        self.tracks[slot] = movie.tracks

    def close(self) -> None:
        """Stop the workers."""
        self._executor.shutdown(cancel_futures=True)
