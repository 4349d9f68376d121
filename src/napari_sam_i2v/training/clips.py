"""Clips: a cell in a movie, and the window that follows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.image_encoder import window_frames
from napari_sam_i2v.model.sampling import normalise_window, sample_square
from napari_sam_i2v.training.movies import TrainingMovie
from napari_sam_i2v.views import object_diameter


@dataclass
class Clip:
    """One cell over a run of frames, seen through a window that moves.

    Attributes
    ----------
    movie, object_id
        Which cell.
    frames
        Frame numbers in order of travel.
    turn
        Rotation or reflection of the window, ``(2, 2)``.
    side
        Side of the window in pixels of the movie.
    centre
        Where it is now, ``yx``.
    look
        Gamma, sign, offset and noise of this clip.
    away
        A step at which the window looks beside the cell, and how far in its sides:
        teaches to say that nothing is there.
    """

    movie: TrainingMovie
    object_id: int
    frames: list[int]
    turn: Tensor
    side: float
    centre: tuple[float, float]
    look: tuple[float, float, float, float]
    away: tuple[int, float, float] | None = None

    def seen_from(self, step: int) -> tuple[float, float]:
        """Centre of the window at a step; once it may look beside the cell."""
        if self.away is None or self.away[0] != step:
            return self.centre
        _, y, x = self.away
        return self.centre[0] + y * self.side, self.centre[1] + x * self.side

    def centroid(self, frame: int) -> tuple[float, float] | None:
        """Where the cell truly is."""
        y, x = np.nonzero(self.movie.labels[frame] == self.object_id)
        return (float(y.mean()), float(x.mean())) if y.size else None


def draw_clip(
    movies: list[TrainingMovie], frames: int, diameters: float, rng: np.random.Generator
) -> Clip:
    """Draw a cell and a run of frames, forward or backward in time."""
    while True:
        movie = movies[rng.integers(len(movies))]
        length = len(movie.labels)
        start = int(rng.integers(length - frames + 1))
        run = list(range(start, start + frames))
        if rng.random() < 0.4:
            run = run[::-1]
        ids, areas = np.unique(movie.labels[run[0]], return_counts=True)
        ids = ids[(areas >= 24) & (ids > 0)]
        if ids.size:
            break
    object_id = int(rng.choice(ids))
    y, x = np.nonzero(movie.labels[run[0]] == object_id)
    diameter = object_diameter(y.size, int(np.ptp(y)) + 1, int(np.ptp(x)) + 1)
    side = diameter * diameters * float(np.exp(rng.uniform(-0.4, 0.45)))
    jitter = rng.normal(0, 0.08 * side, 2)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    ) * np.array([1, rng.choice([-1, 1])])
    return Clip(
        movie,
        object_id,
        run,
        torch.from_numpy(turn.astype(np.float32)),
        side,
        (float(y.mean() + jitter[0]), float(x.mean() + jitter[1])),
        (
            float(np.exp(rng.normal(0, 0.25))),
            float(rng.choice([1, -1], p=[0.88, 0.12])),
            float(rng.uniform(0, 0.05)),
            float(rng.exponential(0.03)),
        ),
        _look_away(frames, rng),
    )


def _look_away(
    frames: int, rng: np.random.Generator, share: float = 0.15
) -> tuple[int, float, float] | None:
    if frames < 2 or rng.random() > share:
        return None
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.5)
    step = int(rng.integers(1, frames))
    return step, float(distance * np.sin(angle)), float(distance * np.cos(angle))


def look(
    clips: list[Clip], step: int, config: ModelConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Cut what the network sees of all clips at a step, and the truth.

    Returns
    -------
    tuple of torch.Tensor
        Windows, ``(B, T, 3, S, S)``, the current frame last; target masks on the
        grid of the mask logits, bool, ``(B, 1, 4h, 4w)``.
    """
    windows, targets = [], []
    for clip in clips:
        frame = clip.frames[step]
        seen = window_frames(frame, config.temporal.window)
        images = torch.from_numpy(clip.movie.images[seen].astype(np.float32))
        gamma, sign, offset, noise = clip.look
        square = (clip.seen_from(step), clip.side)
        cut = sample_square(images, *square, config.input_size, clip.turn)
        cut = sign * (cut + offset).clamp(min=0) ** gamma
        cut = cut + noise * torch.from_numpy(
            rng.normal(size=cut.shape).astype(np.float32)
        )
        truth = torch.from_numpy(
            (clip.movie.labels[frame] == clip.object_id).astype(np.float32)
        )[None]
        windows.append(cut)
        targets.append(sample_square(truth, *square, config.mask_size, clip.turn) > 0.5)
    window = normalise_window(torch.stack(windows)[:, :, None])
    return window.expand(-1, -1, 3, -1, -1), torch.stack(targets)


def follow(
    clips: list[Clip],
    step: int,
    logits: Tensor,
    score: Tensor,
    trust: float,
    rng: np.random.Generator,
) -> None:
    """Move each window to where the object seems to be after a step.

    With probability ``trust`` that is the centroid of the predicted mask, as in use;
    otherwise the true one, shaken.
    """
    masks = (logits[:, 0] > 0) & (score[:, :, None] > 0)
    for clip, mask in zip(clips, masks, strict=True):
        if clip.away is not None and clip.away[0] == step:
            continue
        if rng.random() < trust:
            y, x = torch.nonzero(mask, as_tuple=True)
            if len(y) == 0:
                continue
            pixel = clip.side / mask.shape[-1]
            middle = (mask.shape[-1] - 1) / 2
            offset = torch.stack([y.float().mean() - middle, x.float().mean() - middle])
            moved = clip.turn @ offset * pixel
            clip.centre = (
                clip.centre[0] + float(moved[0]),
                clip.centre[1] + float(moved[1]),
            )
        else:
            truth = clip.centroid(clip.frames[step])
            if truth is not None:
                shaken = rng.normal(0, 0.06 * clip.side, 2)
                clip.centre = (truth[0] + shaken[0], truth[1] + shaken[1])
