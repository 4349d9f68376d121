"""Stage drift: jumps of the picture as a whole from one frame to the next.

A dish that was taken out and put back, or a stage that returns a little beside, moves
all cells at once, farther than any goes by itself. Views then go along.
"""

from __future__ import annotations

import math

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from napari_sam_i2v.inference.frames import FrameStore, Recent
from napari_sam_i2v.model.sampling import sample_square
from napari_sam_i2v.views import View

SIDE, SMALLEST = 256, 32
"""Pixels that frames are shrunk to, at most; smaller ones are not compared."""
LEAST = 4.0
"""Pixels of the frame: views follow cells well enough over less."""
FARTHEST = 1 / 3
"""Share of a side beyond which too little of both frames is the same."""
ALIKE, GAIN = 0.9, 0.1
"""Frames more alike than the first have not jumped; a jump explains the second more."""
PATCH = 48
"""Pixels of a view, resampled, that are compared."""
_SMOOTH = 12.0

Shift = tuple[int, int]
"""How far what is seen moves, ``yx``, in pixels of the frame."""


class StageDrift:
    """Tells how far the picture jumped between frames, and what went along.

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
        self._shrunk = Recent[tuple[NDArray[np.float32], int]](reach)

    def of(self, view: View, start: int, stop: int) -> Shift:
        """Say how far what a view of one frame shows jumped until another.

        As far as the picture, if it went along, whatever runs about elsewhere: the
        view is more like that of the other frame then than if it stays.

        Parameters
        ----------
        view
            A square.
        start, stop
            Frame numbers; either may be the earlier one.
        """
        by = self.between(start, stop)
        if by == (0, 0):
            return by
        was, stays, goes = (
            self._patch(frame, seen)
            for frame, seen in ((start, view), (stop, view), (stop, view.moved(by)))
        )
        return by if likeness(was, goes) > likeness(was, stays) + GAIN else (0, 0)

    def between(self, start: int, stop: int) -> Shift:
        """Say how far the picture jumped from one frame to another.

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
        """Compare a frame with the nearest before that shows anything."""
        key = (self._frames.look, frame)
        if key not in self._jumps:
            earlier = range(frame - 1, max(frame - 1 - self._reach, -1), -1)
            shown = (t for t in earlier if not self._frames.is_blank("native", t))
            is_blank = self._frames.is_blank("native", frame)
            before = None if is_blank else next(shown, None)
            dy, dx, by = 0, 0, 1
            if before is not None:
                after, by = self._flat(frame)
                dy, dx = jump_between(self._flat(before)[0], after, least=LEAST / by)
            self._jumps[key] = (dy * by, dx * by)
        return self._jumps[key]

    def _flat(self, frame: int) -> tuple[NDArray[np.float32], int]:
        """Give a frame in grey, without uneven light, shrunk, and by how much.

        Uneven light stays where it is when the stage moves.
        """
        key = (self._frames.look, frame)
        known = self._shrunk.get(key)
        if known is None:
            grey = self._frames.native(frame).float().mean(dim=0, keepdim=True)
            by = math.ceil(max(grey.shape) / SIDE)
            small = F.avg_pool2d(grey, by, ceil_mode=True)[0].cpu().numpy()
            flat = small - ndimage.gaussian_filter(small, _SMOOTH)
            known = self._shrunk.put(key, (flat, by))
        return known

    def _patch(self, frame: int, view: View) -> NDArray[np.float32]:
        native = self._frames.native(frame)
        cut = sample_square(native, view.centre, view.extent[0], PATCH)
        return np.asarray(cut.float().mean(dim=0).cpu())


def jump_between(
    before: NDArray[np.float32], after: NDArray[np.float32], *, least: float
) -> Shift:
    """Find how far a picture jumped.

    Phase correlation proposes (Kuglin and Hines 1975, as in scikit-image); it is a jump
    if the frames are much more alike by it.

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
    if min(before.shape) < SMALLEST or likeness(before, after) > ALIKE:
        return 0, 0
    found, _, _ = phase_cross_correlation(after, before)
    by = (round(float(found[0])), round(float(found[1])))
    too_far = any(abs(d) > FARTHEST * n for d, n in zip(by, before.shape, strict=True))
    if too_far or math.hypot(*by) < least:
        return 0, 0
    was, stays, goes = _overlap(before, after, by)
    return by if likeness(was, goes) > likeness(was, stays) + GAIN else (0, 0)


def likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Correlate two pictures of one shape, -1 to 1; 0 where one is even."""
    a, b = first - first.mean(), second - second.mean()
    norm = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


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
