"""Stacks that napari reads frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def lazy_stack(
    read: Callable[[int], np.ndarray], shape: tuple[int, ...], dtype: Any
) -> Any:
    """Make a dask array of frames that are read when they are shown.

    Parameters
    ----------
    read
        Reads a frame of the shape ``shape[1:]``; may be called by several threads.
    shape
        Frames first.
    dtype
        Type of the pixels.

    Returns
    -------
    dask.array.Array
        One chunk a frame.
    """
    import dask.array as da

    def block(block_id: tuple[int, ...]) -> np.ndarray:
        return np.asarray(read(block_id[0]))[np.newaxis]

    n_frames, *inside = shape
    chunks = ((1,) * n_frames, *((length,) for length in inside))
    empty = np.empty((0,) * len(shape), dtype)
    return da.map_blocks(block, chunks=chunks, dtype=dtype, meta=empty)  # type: ignore[no-untyped-call,unused-ignore]


def whole_stack(
    read: Callable[[int], np.ndarray], shape: tuple[int, ...], dtype: Any
) -> np.ndarray:
    """Read all frames into one array; the parameters are those of `lazy_stack`."""
    stack = np.empty(shape, dtype)
    for frame in range(shape[0]):
        stack[frame] = read(frame)
    return stack
