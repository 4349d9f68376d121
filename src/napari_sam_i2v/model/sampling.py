"""Cutting squares out of frames, resampled to the network's input."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

GIVEN_LOGIT = 10.0
"""A given mask as logits: this inside, minus this outside."""

# Of ImageNet, by channel.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


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
    where = torch.tensor([[centre_y, centre_x]], device=frames.device)
    sides = torch.tensor([side], device=frames.device)
    turns = None if turn is None else turn[None]
    return sample_squares(frames[None], where, sides, size, turns)[0]


def sample_squares(
    frames: Tensor,
    centres: Tensor,
    sides: Tensor,
    size: int,
    turns: Tensor | None = None,
    *,
    beyond: str = "border",
) -> Tensor:
    """Resample a square of each row of frames, without averaging.

    Parameters
    ----------
    frames
        ``(B, C, H, W)``, float.
    centres
        ``(B, 2)``, ``yx``.
    sides
        ``(B,)``.
    size
        Side of the result in pixels.
    turns
        ``(B, 2, 2)`` rotations or reflections of the squares' axes, if any.
    beyond
        What is past a frame's border: its edge pixels (``border``), or ``zeros``.

    Returns
    -------
    torch.Tensor
        ``(B, C, size, size)``.
    """
    height, width = frames.shape[2:]
    y, x = places_in_squares(centres, sides, size, turns).unbind(-1)
    grid = torch.stack([(x + 0.5) / width * 2 - 1, (y + 0.5) / height * 2 - 1], dim=-1)
    return F.grid_sample(
        frames, grid.to(frames.dtype), padding_mode=beyond, align_corners=False
    )


def places_in_squares(
    centres: Tensor, sides: Tensor, size: int, turns: Tensor | None = None
) -> Tensor:
    """Say where in the frame the pixels of squares are.

    Parameters
    ----------
    centres, sides, size, turns
        See :func:`sample_squares`.

    Returns
    -------
    torch.Tensor
        ``(B, size, size, 2)``, ``yx``; pixel centres of the frame are integers.
    """
    along = torch.arange(size, device=sides.device) - (size - 1) / 2
    offsets = torch.stack(torch.meshgrid(along, along, indexing="ij"), dim=-1)
    offsets = offsets * (sides / size)[:, None, None, None]
    if turns is not None:
        offsets = offsets @ turns.transpose(1, 2)[:, None]
    return offsets + centres[:, None, None]


def carried(logits: Tensor, centres: Tensor, sides: Tensor) -> Tensor:
    """Resample mask logits to other squares, as a mask prompt there.

    Parameters
    ----------
    logits
        ``(B, 1, S, S)``.
    centres, sides
        The squares in pixels of each row; see :func:`sample_squares`.

    Returns
    -------
    torch.Tensor
        ``(B, 1, S, S)``, -10 to 10; the object is not where nobody looked.
    """
    above = logits.float().clamp(-GIVEN_LOGIT, GIVEN_LOGIT) + GIVEN_LOGIT
    size = logits.shape[-1]
    moved = sample_squares(above, centres, sides, size, beyond="zeros")
    return moved - GIVEN_LOGIT


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


def normalise(window: Tensor, how: str) -> Tensor:
    """Normalise ``(B, T, 3, S, S)`` as the model's description says."""
    if how == "view":
        return normalise_window(window)
    mean = torch.tensor(_MEAN, device=window.device)[:, None, None]
    deviation = torch.tensor(_DEVIATION, device=window.device)[:, None, None]
    return (window - mean) / deviation


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
