"""Labels of a movie that are painted when they are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from napari_sam_i2v.errors import InputError


class LabelStack:
    """Labels of a movie, ``(T, Y, X)``, painted frame by frame as they are read.

    It can be indexed like an array and turned into one with `numpy.asarray`; memory
    does not grow with the movie.

    Parameters
    ----------
    paint
        Function that paints the labels of a frame, ``(Y, X)``.
    shape
        ``(T, Y, X)``.
    dtype
        Type of the labels.
    """

    ndim = 3

    def __init__(
        self,
        paint: Callable[[int], np.ndarray],
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._paint_frame = paint

    @property
    def size(self) -> int:
        """Number of pixels in all frames."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the whole stack would take in memory."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the frames' labels."""
        return (self._paint(frame) for frame in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Read labels as from a numpy array; only the frames asked for are painted."""
        first, rest = _split_key(key)
        if first is None:
            return np.asarray(self)[key]
        frames = np.arange(len(self))[first]
        if frames.ndim == 0:
            return self._paint(int(frames))[rest]
        inner = np.zeros(self.shape[1:], self.dtype)[rest]
        stack = np.empty((len(frames), *inner.shape), self.dtype)
        for index, frame in enumerate(frames):
            stack[index] = self._paint(int(frame))[rest]
        return stack

    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> np.ndarray:
        """Paint all frames."""
        if copy is False:
            raise ValueError("labels are painted when read: an array is always a copy")
        whole: np.ndarray = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def _paint(self, frame: int) -> np.ndarray:
        painted = self._paint_frame(frame)
        if painted.dtype != self.dtype and painted.max() > np.iinfo(self.dtype).max:
            raise InputError(
                f"object {painted.max()} has come since these labels were asked for, "
                f"and does not fit into {self.dtype}; ask for them again"
            )
        return painted.astype(self.dtype, copy=False)


def _split_key(key: Any) -> tuple[Any, tuple[Any, ...]]:
    """Part an index into that of the frames and that of the pixels.

    The first is ``None`` where the index does not part.
    """
    parts = key if isinstance(key, tuple) else (key,)
    if any(part is None for part in parts):
        return None, ()
    dots = [index for index, part in enumerate(parts) if part is Ellipsis]
    if dots:
        before, after = parts[: dots[0]], parts[dots[0] + 1 :]
        missing = 3 - len(before) - len(after)
        parts = (*before, *[slice(None)] * missing, *after)
    if not parts:
        return slice(None), ()
    fancy = [
        part for part in parts[1:] if not isinstance(part, int | np.integer | slice)
    ]
    if fancy or not isinstance(parts[0], int | np.integer | slice):
        return None, ()
    return parts[0], tuple(parts[1:])
