"""Cutting squares out of frames, resampled to the network's input."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_square(
    frames: Tensor,
    centre: tuple[float, float],
    side: float,
    size: int,
    turn: Tensor | None = None,
) -> Tensor:
    """Resample a square of some frames.

    Beyond the frame's border its edge pixels go on. Where the square is much larger
    than ``size``, pixels are averaged before they are sampled.

    Parameters
    ----------
    frames
        ``(C, H, W)``, float.
    centre
        ``yx`` of the square's centre; pixel centres are integers.
    side
        Side of the square in frame pixels.
    size
        Side of the result in pixels.
    turn
        ``(2, 2)`` rotation or reflection of the square's axes, ``yx`` order.

    Returns
    -------
    torch.Tensor
        ``(C, size, size)``.
    """
    shrink = max(1, int(side / size))
    centre_y, centre_x = centre
    if shrink > 1:
        frames, (top, left) = _cut(frames, centre, side)
        frames = F.avg_pool2d(frames[None], shrink, ceil_mode=True)[0]
        centre_y = (centre_y - top - (shrink - 1) / 2) / shrink
        centre_x = (centre_x - left - (shrink - 1) / 2) / shrink
        side = side / shrink
    height, width = frames.shape[1:]
    step = side / size
    along = (torch.arange(size, device=frames.device) - (size - 1) / 2) * step
    y, x = torch.meshgrid(along, along, indexing="ij")
    if turn is not None:
        y, x = turn[0, 0] * y + turn[0, 1] * x, turn[1, 0] * y + turn[1, 1] * x
    grid_x = (x + centre_x + 0.5) / width * 2 - 1
    grid_y = (y + centre_y + 0.5) / height * 2 - 1
    grid = torch.stack([grid_x, grid_y], dim=-1)[None]
    return F.grid_sample(
        frames[None], grid.to(frames.dtype), padding_mode="border", align_corners=False
    )[0]


def _cut(
    frames: Tensor, centre: tuple[float, float], side: float
) -> tuple[Tensor, tuple[int, int]]:
    """Cut the part a square can touch, turned any way, and tell where it starts."""
    reach = 0.75 * side + 2
    bounds = []
    for middle, length in zip(centre, frames.shape[1:], strict=True):
        start = min(max(0, int(middle - reach)), length - 1)
        stop = max(min(length, int(middle + reach) + 1), start + 1)
        bounds.append((start, stop))
    (top, bottom), (left, right) = bounds
    return frames[:, top:bottom, left:right], (top, left)


def normalise_window(window: Tensor) -> Tensor:
    """Shift and scale each row's frames together to mean 0 and deviation 1.

    Parameters
    ----------
    window
        ``(B, T, C, S, S)``.
    """
    axes = tuple(range(1, window.ndim))
    mean = window.mean(axes, keepdim=True)
    deviation = window.std(axes, keepdim=True)
    return (window - mean) / (deviation + 1e-4)
