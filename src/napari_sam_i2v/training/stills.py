"""Stills with instance labels, warped into short movies."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.training.cutting import cut_square
from napari_sam_i2v.training.deforming import deform

WIDEST = 0.4
"""Share of a square that a cell may be wide: its view is 2.1 diameters."""

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
        The first of every so many is left out for validation; 0 leaves none out, and
        a single still is both trained on and validated with.
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
    usable = [(i, path) for i, path in enumerate(images) if path.stem not in excluded]
    if not usable:
        raise InputError(f"{folder}: all {len(images)} stills are left out")
    kept = [
        path for i, path in usable if not held_out or (i % held_out == 0) == validating
    ] or [path for _, path in usable]
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
    image, labels = read_still(still)
    return warp(image, labels, frames, size, rng)


def read_still(still: Still) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Read an image, as one grey one, and its labels, ``(Y, X)`` both.

    Raises
    ------
    InputError
        If they do not fit.
    """
    image, labels = (np.asarray(tifffile.imread(path)) for path in still)
    if image.ndim == 3:
        channels_first = image.shape[1:] == labels.shape
        image = image[:3].mean(0) if channels_first else image[..., :3].mean(-1)
    if labels.ndim != 2 or labels.dtype.kind not in "biu":
        raise InputError(
            f"{still[1]} is {labels.dtype} of shape {labels.shape}; expected labels of "
            "whole numbers, (Y, X)"
        )
    if image.shape != labels.shape:
        raise InputError(
            f"{still[0]} has shape {image.shape}, its labels have {labels.shape}; "
            "expected the same"
        )
    return image.astype(np.float32), labels.astype(np.int32)


def warp(
    image: NDArray,
    labels: NDArray,
    frames: int,
    size: int,
    rng: np.random.Generator,
) -> tuple[NDArray, NDArray]:
    """Warp one image and its labels, ``(Y, X)``; see :func:`warp_still`."""
    shrink = 2 if min(image.shape) > 2 * size and rng.random() < 0.5 else 1
    key = labels
    if not labels.any():  # a field without cells: any of it
        key = np.zeros_like(labels)
        key[tuple(rng.integers(labels.shape))] = 1
    images, names = cut_square(
        image[None], labels[None], key, size, rng, shrink=shrink, widest=WIDEST
    )
    image, labels = images[0], names[0]
    drift = np.cumsum(rng.normal(size=(frames, 2)), axis=0) * rng.uniform(0, 1.5)
    still, names = (np.broadcast_to(x, (frames, size, size)) for x in (image, labels))
    images, masks = deform(still, names, rng.uniform(0.2, 1.1), rng, drift - drift[0])
    gain = 1 + 0.05 * rng.normal(size=(frames, 1, 1))
    return images * gain, masks
