"""Stills with instance labels, warped into short movies."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.training.deforming import deform

Still = tuple[Path, Path]
"""An image file and its label file."""


@cache
def training_stills(
    folder: str,
    held_out: int = 0,
    excluded: tuple[str, ...] = (),
    *,
    validating: bool = False,
) -> list[Still]:
    """List the images that are trained on, and their labels.

    Parameters
    ----------
    folder
        Holds ``images/*.tif`` and ``labels/*.tif`` of the same names.
    held_out
        The first of every so many is left out for validation; 0 leaves none out.
    excluded
        Names, without ``.tif``, never to use.
    validating
        Whether to list those left out for validation instead.

    Raises
    ------
    InputError
        If there is nothing to train on.
    """
    images = sorted(Path(folder, "images").glob("*.tif"))
    if not images:
        raise InputError(f"{folder}: expected images/*.tif and labels/*.tif in it")
    kept = images
    if held_out:
        kept = [p for i, p in enumerate(images) if (i % held_out == 0) == validating]
    kept = [path for path in kept if path.stem not in excluded]
    if not kept:
        raise InputError(f"{folder}: all {len(images)} stills are left out")
    return [(path, path.parents[1] / "labels" / path.name) for path in kept]


def warp_still(
    still: Still, frames: int, size: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Let a still drift, and its cells move and change, each in its own way.

    Returns
    -------
    tuple of numpy.ndarray
        Images and labels, ``(T, size, size)``.
    """
    image, labels = (tifffile.imread(path) for path in still)
    if image.ndim == 3:
        image = image[..., :3].mean(-1)
    return warp(image, labels, frames, size, rng)


def warp(
    image: NDArray,
    labels: NDArray,
    frames: int,
    size: int,
    rng: np.random.Generator,
) -> tuple[NDArray, NDArray]:
    """Warp one image and its labels, ``(Y, X)``; see :func:`warp_still`."""
    image, labels = _random_square(image, labels, size, rng)
    drift = np.cumsum(rng.normal(size=(frames, 2)), axis=0) * rng.uniform(0, 1.5)
    still, names = (np.broadcast_to(x, (frames, size, size)) for x in (image, labels))
    images, masks = deform(still, names, rng.uniform(0.2, 1.1), rng, drift - drift[0])
    gain = 1 + 0.05 * rng.normal(size=(frames, 1, 1))
    return images * gain, masks


def _random_square(
    image: NDArray, labels: NDArray, size: int, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Cut a square, twice the wanted size at most, and shrink it to fit."""
    factor = 2 if min(image.shape) > 2 * size and rng.random() < 0.5 else 1
    starts = [int(rng.integers(max(1, n - factor * size + 1))) for n in image.shape]
    here = tuple(slice(s, s + factor * size) for s in starts)
    image, labels = image[here].astype(np.float32), labels[here].astype(np.int32)
    if factor > 1:
        image = ndimage.uniform_filter(image, factor)[::factor, ::factor]
        labels = labels[::factor, ::factor]
    missing = [(0, size - n) for n in image.shape]
    return np.pad(image, missing, mode="reflect"), np.pad(labels, missing)
