"""Trackers without a network, to compare with: what is worth its time beats them."""

from __future__ import annotations

from typing import Literal, assert_never

import numpy as np

from napari_sam_i2v.evaluation.movies import TruthMovie
from napari_sam_i2v.evaluation.prompting import first_frame_prompts
from napari_sam_i2v.evaluation.scores import Scores, prompted_frames, score_masklets
from napari_sam_i2v.evaluation.watershed import watershed_masklets
from napari_sam_i2v.video import open_video

Baseline = Literal["copy", "watershed"]


def score_baseline(
    name: Baseline, movie: TruthMovie, *, stop: int | None = None
) -> Scores:
    """Score a baseline that starts from the first frame's true masks.

    Parameters
    ----------
    name
        ``"copy"``: the first masks on every frame; ``"watershed"``: each frame flooded
        from the masks of the one before.
    movie
        The movie.
    stop
        Frames to score; all by default.

    Returns
    -------
    Scores
        Without F.
    """
    stop = movie.n_frames if stop is None else stop
    return score_masklets(
        _masklets(name, movie, stop),
        movie.labels,
        prompted=prompted_frames(first_frame_prompts(movie.labels, "label")),
        markers=movie.markers,
        frames=range(stop),
        boundary=False,
    )


def _masklets(name: Baseline, movie: TruthMovie, stop: int) -> np.ndarray:
    match name:
        case "copy":
            return np.broadcast_to(movie.labels[0], movie.labels.shape)
        case "watershed":
            followed = np.zeros_like(movie.labels)
            video = open_video(movie.images)
            for t, labels in enumerate(
                watershed_masklets(video, movie.labels[0], stop)
            ):
                followed[t] = labels
            return followed
        case _:
            assert_never(name)
