"""Stage drift: jumps of the picture as a whole from one frame to the next.

A dish that was taken out and put back, or a stage that returns a little beside, moves
all cells at once, farther than any goes by itself. Views then go along.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation
from torch import Tensor

from napari_sam_i2v.inference.frames import FrameStore

SIDE = 256
"""Pixels that frames are shrunk to, at most, to be compared."""
LEAST = 4.0
"""Pixels of the frame: views follow cells well enough over less."""
FARTHEST = 1 / 3
"""Share of a side beyond which too little of both frames is the same."""
ALIKE, GAIN = 0.9, 0.1
"""Frames more alike than the first have not jumped; a jump explains the second more."""
TILES, SHOWN, AGREEING = 4, 0.3, 3
"""Tiles along a side; how alike one that shows something is; how many for each against:
where cells went different ways, there was no jump."""
_SMOOTH = 12.0

Shift = tuple[int, int]
"""How far what is seen moves, ``yx``, in pixels of the frame."""


class StageDrift:
    """Tells how far the picture jumped between frames.

    Parameters
    ----------
    frames
        Where frames come from.
    reach
        Frames apart, at most; farther ones are taken as not moved, as reading all
        between would take long.
    """

    def __init__(self, frames: FrameStore, *, reach: int = 8) -> None:
        self._frames = frames
        self._reach = reach
        self._jumps: dict[tuple[int, int], Shift] = {}

    def between(self, start: int, stop: int) -> Shift:
        """Say how far what was at a place in one frame is from it in another.

        Parameters
        ----------
        start, stop
            Frame numbers; either may be the earlier one.
        """
        if abs(stop - start) > self._reach:
            return 0, 0
        first, last = sorted((start, stop))
        sign = 1 if start <= stop else -1
        jumps = [self._jump(t) for t in range(first + 1, last + 1)]
        return sign * sum(y for y, _ in jumps), sign * sum(x for _, x in jumps)

    def _jump(self, frame: int) -> Shift:
        key = (self._frames.look, frame)
        if key not in self._jumps:
            before, after = self._shrunk(frame - 1), self._shrunk(frame)
            shift = jump_between(before[0], after[0], least=LEAST / after[1])
            self._jumps[key] = (shift[0] * after[1], shift[1] * after[1])
        return self._jumps[key]

    def _shrunk(self, frame: int) -> tuple[NDArray[np.float32], int]:
        """Give a frame in grey, shrunk by whole pixels, and by how many."""
        grey = self._frames.native(frame).float().mean(dim=0, keepdim=True)
        by = math.ceil(max(grey.shape) / SIDE)
        return F.avg_pool2d(grey, by)[0].cpu().numpy(), by


def moved(frame: Tensor, by: Shift) -> Tensor:
    """Move what a frame shows, ``(C, H, W)``; edge pixels go on where it came from."""
    if by == (0, 0):
        return frame
    for axis, distance in zip((1, 2), by, strict=True):
        size = frame.shape[axis]
        source = (torch.arange(size, device=frame.device) - distance).clamp(0, size - 1)
        frame = frame.index_select(axis, source)
    return frame


def jump_between(
    before: NDArray[np.float32], after: NDArray[np.float32], *, least: float
) -> tuple[int, int]:
    """Find how far a picture jumped.

    Phase correlation proposes (Kuglin and Hines 1975, as in scikit-image); it is a jump
    if the frames are much more alike by it, in nearly all parts that show anything.

    Parameters
    ----------
    before, after
        Two frames, ``(Y, X)``.
    least
        Pixels below which it is none.

    Returns
    -------
    tuple of int
        ``yx``: what was at a place before is so far from it after; zeros for no jump.
    """
    before, after = _flattened(before), _flattened(after)
    if not (before.any() and after.any()) or likeness(before, after) > ALIKE:
        return 0, 0
    found, _, _ = phase_cross_correlation(after, before)
    by = (round(float(found[0])), round(float(found[1])))
    too_far = any(abs(d) > FARTHEST * n for d, n in zip(by, before.shape, strict=True))
    if too_far or math.hypot(*by) < least:
        return 0, 0
    was, stays, there = _overlap(before, after, by)
    if likeness(was, there) < likeness(was, stays) + GAIN:
        return 0, 0
    still, along = (_by_tile(was, now) for now in (stays, there))
    shows = np.maximum(still, along) > SHOWN
    agree = int((along > still)[shows].sum())
    against = int(shows.sum()) - agree
    return by if agree and agree >= AGREEING * against else (0, 0)


def likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Correlate two pictures of one shape, -1 to 1; 0 where one is even."""
    a, b = first - first.mean(), second - second.mean()
    norm = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def _flattened(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take away uneven light, which stays where it is when the stage moves."""
    return image - ndimage.gaussian_filter(image, _SMOOTH)


def _overlap(
    before: NDArray[np.float32], after: NDArray[np.float32], by: Shift
) -> tuple[NDArray[np.float32], ...]:
    """Cut what both frames show: before, after in the same place, and moved along."""
    (dy, dx), (height, width) = by, before.shape
    top, bottom = max(0, -dy), height - max(0, dy)
    left, right = max(0, -dx), width - max(0, dx)
    here = (slice(top, bottom), slice(left, right))
    there = (slice(top + dy, bottom + dy), slice(left + dx, right + dx))
    return before[here], after[here], after[there]


def _by_tile(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Compare two pictures tile by tile."""
    pairs = zip(_tiles(first), _tiles(second), strict=True)
    return np.array([likeness(a, b) for a, b in pairs])


def _tiles(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    rows = np.array_split(image, TILES, axis=0)
    return [tile for row in rows for tile in np.array_split(row, TILES, axis=1)]
