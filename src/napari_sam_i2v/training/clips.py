"""Clips: cells in movies, and the windows that follow them, a whole batch at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.sampling import (
    carried,
    normalise,
    places_in_squares,
    sample_squares,
)
from napari_sam_i2v.training.dice import Dice
from napari_sam_i2v.training.pool import MoviePool
from napari_sam_i2v.training.prompting import bounds
from napari_sam_i2v.training.tracks import Tracks
from napari_sam_i2v.views import FollowObjects

SMALLEST_AREA = 24
"""Pixels that a cell needs to be prompted."""

Square = tuple[Tensor, Tensor]
"""Centres and sides of B squares, ``(B, 2)`` and ``(B,)``."""


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """How clips are drawn.

    Attributes
    ----------
    longest_stride
        Frames of the movie from one frame of the clip to the next, at most.
    reversed
        Share that goes backward in time.
    vanishing
        Share of clips whose cell divides, dies or leaves on the way; when it travels
        backward, is born or comes in.
    away
        Share of clips that look beside the cell on one frame.
    border
        Share of clips whose cell may be cut off by the frame's border at first. Where
        frames are small, it cuts off more cells than in use.
    swell
        How far true masks that are told on the first frame swell or shrink, in pixels
        of the mask (standard deviation): annotators differ in where a cell ends, and
        who is told a mask should go on in its way.
    """

    longest_stride: int = 3
    reversed: float = 0.35
    vanishing: float = 0.25
    away: float = 0.1
    border: float = 0.15
    swell: float = 0.7


@dataclass
class Clips:
    """B cells over T frames, each seen through a square that moves.

    Attributes
    ----------
    slot, object_id
        Movie in the pool and label there, ``(B,)``.
    frames
        Frame numbers in order of travel, ``(B, T)``.
    stride
        Frames between them, ``(B,)``.
    truth
        Centroids of the cell, NaN where it is not there, ``(B, T, 2)``.
    turn
        Rotation or reflection of the square, ``(B, 2, 2)``.
    side, centre
        Of the square in pixels of the movie, now, ``(B,)`` and ``(B, 2)``.
    look
        Gamma, sign, offset and noise, ``(B, 4)``.
    away_step, away
        Step at which the square lies beside the cell, and how far in its sides,
        ``(B,)`` and ``(B, 2)``: teaches to say that nothing is there.
    swell
        By how many pixels of the mask true masks swell, ``(B,)``.
    """

    slot: Tensor
    object_id: Tensor
    frames: Tensor
    stride: Tensor
    truth: Tensor
    turn: Tensor
    side: Tensor
    centre: Tensor
    look: Tensor
    away_step: Tensor
    away: Tensor
    swell: Tensor

    def __len__(self) -> int:
        return len(self.slot)

    def square(self, step: int) -> Square:
        """Where they look at a step, given where their squares are now."""
        aside = (self.away_step == step)[:, None]
        return self.centre + self.away * self.side[:, None] * aside, self.side

    def rows(self, rows: slice, device: torch.device | str = "cpu") -> Clips:
        """Give some of the clips, on a device."""
        values = {f.name: getattr(self, f.name)[rows].to(device) for f in fields(self)}
        return Clips(**values)


def draw_clips(
    tracks: list[Tracks],
    count: int,
    frames: int,
    diameters: float,
    settings: ClipSettings,
    rng: np.random.Generator,
) -> Clips:
    """Draw cells and runs of frames.

    Parameters
    ----------
    tracks
        Of the movies in the pool.
    count, frames
        Clips, and frames of each.
    diameters
        Side of the square in object diameters.
    settings, rng
        How to draw.
    """
    drawn = [_draw(tracks, frames, diameters, settings, rng) for _ in range(count)]
    columns = zip(*drawn, strict=True)
    return Clips(*(torch.from_numpy(np.stack(column)) for column in columns))


def _draw(
    tracks: list[Tracks],
    frames: int,
    diameters: float,
    settings: ClipSettings,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """One clip, in the order of the fields of :class:`Clips`."""
    vanishing = frames > 1 and rng.random() < settings.vanishing
    slot, row, run, stride = _draw_run(tracks, frames, settings, rng, vanishing)
    table, start = tracks[slot], run[0]
    side = diameters * table.diameter[row, start] * np.exp(rng.uniform(-0.3, 0.35))
    centre = table.centre[row, start] + rng.normal(0, 0.08 * side, 2)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    ) * np.array([1, rng.choice([-1, 1])])
    look = [
        np.exp(rng.normal(0, 0.25)),
        rng.choice([1, -1], p=[0.88, 0.12]),
        rng.uniform(0, 0.05),
        rng.exponential(0.03),
    ]
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, 1.5)
    aside = frames > 1 and rng.random() < settings.away
    away_step = rng.integers(1, frames) if aside else -1
    return (
        np.array(slot),
        np.array(table.ids[row]),
        run,
        np.array(stride),
        table.centre[row, run],
        turn.astype(np.float32),
        np.array(side, np.float32),
        centre.astype(np.float32),
        np.array(look, np.float32),
        np.array(away_step),
        (distance * np.array([np.sin(angle), np.cos(angle)])).astype(np.float32),
        np.array(rng.normal(0, settings.swell), np.float32),
    )


def _draw_run(
    tracks: list[Tracks],
    frames: int,
    settings: ClipSettings,
    rng: np.random.Generator,
    vanishing: bool,
) -> tuple[int, int, np.ndarray, int]:
    """Draw a movie, a cell in it, frames, and their stride."""
    cut_off = rng.random() < settings.border
    tries = 0
    while True:
        tries += 1
        slot = int(rng.integers(len(tracks)))
        table = tracks[slot]
        longest = min(settings.longest_stride, (table.frames - 1) // max(1, frames - 1))
        stride = int(rng.integers(1, longest + 1)) if longest > 1 else 1
        reach = stride * (frames - 1)
        start = int(rng.integers(table.frames - reach))
        run = np.arange(start, start + reach + 1, stride)
        if rng.random() < settings.reversed:
            run = run[::-1].copy()
        possible = table.area[:, run[0]] >= SMALLEST_AREA
        if not cut_off and tries < 30:
            possible &= table.whole[:, run[0]]
        if vanishing and tries < 60:
            possible &= table.area[:, run[-1]] == 0
        rows = np.flatnonzero(possible)
        if rows.size:
            return slot, int(rng.choice(rows)), run, stride
        if tries == 10_000:
            raise InputError(
                f"no cell of {SMALLEST_AREA} pixels or more in the movies to train on"
            )


def look(
    pool: MoviePool, clips: Clips, step: int, config: ModelConfig, dice: Dice
) -> tuple[Tensor, Tensor]:
    """Cut what the network sees of all clips at a step, and the truth.

    Returns
    -------
    tuple of torch.Tensor
        Windows, ``(B, T, 3, S, S)``, the current frame last; target masks on the
        grid of the mask logits, bool, ``(B, 1, 4h, 4w)``.
    """
    frame = clips.frames[:, step]
    seen = window_numbers(frame, clips.stride, config.temporal.window)
    images = pool.images[clips.slot[:, None], seen].float()
    mine = pool.labels[clips.slot, frame] == clips.object_id[:, None, None]

    square = clips.square(step)
    cut = sample_squares(images, *square, config.input_size, clips.turn)
    gamma, sign, offset, noise = clips.look.T[..., None, None, None]
    cut = sign * (cut + offset).clamp(min=0) ** gamma
    cut = cut + noise * dice.normal(*cut.shape[1:])
    coloured = cut[:, :, None].expand(-1, -1, 3, -1, -1)
    window = normalise(coloured, config.view.normalise)
    truth = mine[:, None].float()
    target = sample_squares(truth, *square, config.mask_size, clips.turn) > 0.5
    return window, target


def carry(clips: Clips, logits: Tensor, before: Square, now: Square) -> Tensor:
    """Move masks from where they were seen to where the clips look now.

    Parameters
    ----------
    clips
        B clips.
    logits
        ``(B, 1, S, S)`` in the squares ``before``.
    before, now
        The squares.
    """
    size = logits.shape[-1]
    offset = (now[0] - before[0])[..., None]
    moved = (clips.turn.transpose(1, 2) @ offset)[..., 0] / before[1][:, None]
    centres = moved * size + (size - 1) / 2
    return carried(logits, centres, now[1] / before[1] * size)


def window_numbers(frame: Tensor, stride: Tensor, window: int) -> Tensor:
    """As :func:`window_frames`, for movies of which each n-th frame is seen.

    Parameters
    ----------
    frame, stride
        ``(B,)``.
    window
        Frames in the window.

    Returns
    -------
    torch.Tensor
        Frame numbers, ``(B, window)``.
    """
    back = torch.arange(window - 1, -1, -1, device=frame.device)
    numbers = frame[:, None] - stride[:, None] * back
    missing = (numbers < 0).sum(1, keepdim=True)
    place = missing + torch.arange(window, device=frame.device)
    shifted = numbers.gather(1, place.clamp(max=window - 1))
    return torch.where(place < window, shifted, frame[:, None])


def follow(
    clips: Clips,
    step: int,
    logits: Tensor,
    score: Tensor,
    shape: tuple[int, int],
    diameters: float,
    trust: float,
    dice: Dice,
) -> None:
    """Move each square to where the object seems to be after a step.

    With probability ``trust`` that is what :class:`FollowObjects` does with the
    predicted mask in frames of ``shape``, as in use; otherwise the square goes to the
    true centroid, shaken.
    """
    truth = clips.truth[:, step]
    shaken = truth + 0.06 * clips.side[:, None] * dice.normal(2)
    trusted = dice.uniform() < trust
    known = ~torch.isnan(truth[:, 0]) & ~trusted

    mask = (logits[:, 0] > 0) & (score[:, :, None] > 0)
    mask &= _in_frame(clips, shape, mask.shape[-1])
    seen = mask.flatten(1).any(1) & (clips.away_step != step)
    moves = seen & (trusted | torch.isnan(truth[:, 0]))
    side, centre = _after(mask, clips, diameters)
    clips.side = torch.where(moves, side, clips.side)
    clips.centre = torch.where(moves[:, None], centre, clips.centre)
    clips.centre = torch.where(known[:, None], shaken, clips.centre)


def _in_frame(clips: Clips, shape: tuple[int, int], size: int) -> Tensor:
    """Tell which pixels of the squares lie in frames of a shape, ``(B, S, S)``."""
    places = places_in_squares(clips.centre, clips.side, size, clips.turn)
    limits = clips.side.new_tensor(shape)
    inside: Tensor = ((places > -0.5) & (places < limits - 0.5)).all(-1)
    return inside


def _after(mask: Tensor, clips: Clips, diameters: float) -> tuple[Tensor, Tensor]:
    """Squares of the next frame by the rules of :class:`FollowObjects`."""
    rules, size = FollowObjects, mask.shape[-1]
    pixel = clips.side / size
    area = mask.flatten(1).sum(1).clamp(min=1)
    along = torch.arange(size, device=mask.device) - (size - 1) / 2
    y = (mask.sum(2) * along).sum(1) / area
    x = (mask.sum(1) * along).sum(1) / area
    offset = torch.stack([y, x], dim=-1) * pixel[:, None]
    centre = clips.centre + (clips.turn @ offset[..., None])[..., 0]

    start, stop = bounds(mask)
    longest = (stop - start + 1).max(dim=1).values
    diameter = torch.maximum(2 * (area / torch.pi).sqrt(), 0.7 * longest) * pixel
    ratio = diameters * diameter.clamp(min=rules.smallest) / clips.side
    fits = (ratio < rules.tolerance) & (ratio > 1 / rules.tolerance)
    change = torch.where(fits, 1.0, ratio.clamp(1 / rules.growth, rules.growth))
    side = clips.side * change
    moved = (centre - clips.centre).norm(dim=1) > rules.dead_zone * side
    return side, torch.where(moved[:, None], centre, clips.centre)
