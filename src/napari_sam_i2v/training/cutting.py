"""Squares around cells, and frames in a row, cut out of movies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sam_i2v.training.tracks import measure_tracks

Shape = tuple[int, int]
"""Frames, and side of the square, of what is cut out of a movie."""


def cut_square(
    images: NDArray,
    labels: NDArray,
    key: NDArray,
    size: int,
    rng: np.random.Generator,
    *,
    shrink: int = 1,
    widest: float = 0.2,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Cut the same square out of all frames, around some cell of a key frame.

    Parameters
    ----------
    images, labels
        ``(T, Y, X)``.
    key
        Labels of the key frame, ``(Y, X)``, some of them above 0.
    size
        Side of the square.
    rng
        Which cell, and where in the square it lies.
    shrink
        How much larger the square is in the movie, at least.
    widest
        Share of the square that a cell may be wide; wider ones are shrunk more.

    Returns
    -------
    tuple of numpy.ndarray
        Images and labels, ``(T, size, size)``; smaller ones are filled up by mirroring.
    """
    table = measure_tracks(key[None])
    row = int(rng.integers(len(table.ids)))
    factor = max(shrink, int(np.ceil(table.diameter[row, 0] / (widest * size))))
    square = []
    for middle, length in zip(table.centre[row, 0], key.shape, strict=True):
        wanted = middle - rng.uniform(0.3, 0.7) * factor * size
        start = int(np.clip(wanted, 0, max(0, length - factor * size)))
        square.append(slice(start, start + factor * size))
    images, labels = images[:, *square], labels[:, *square]
    if factor > 1:
        images = ndimage.uniform_filter(images, (1, factor, factor))
        images, labels = images[:, ::factor, ::factor], labels[:, ::factor, ::factor]
    missing = [(0, 0), *((0, size - n) for n in images.shape[1:])]
    return np.pad(images, missing, mode="symmetric"), np.pad(labels, missing)


def run_of_frames(
    span: range, around: int, frames: int, rng: np.random.Generator
) -> list[int]:
    """Draw frames in a row with one among them; there and back in a short movie."""
    if len(span) >= frames:
        first = max(span.start, around - frames + 1)
        last = min(around, span.stop - frames)
        start = int(rng.integers(first, last + 1))
        return list(range(start, start + frames))
    there_and_back = [*span, *span[-2:0:-1]]
    return [there_and_back[i % len(there_and_back)] for i in range(frames)]


def grey(frame: NDArray) -> NDArray[np.float32]:
    """A frame as one grey image; channels are averaged."""
    pixels = np.asarray(frame, np.float32)
    return pixels if pixels.ndim == 2 else pixels.mean(axis=-1)
