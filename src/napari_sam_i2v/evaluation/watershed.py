"""A classical tracker to compare with: watershed from the masks of the frame before.

Every frame is smoothed and thresholded; the cores of the previous masks are flooded
within the foreground, from its depths to its edges. What makes the foreground is
chosen by how well it fits the masks of the first frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal, Protocol

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_local, threshold_otsu
from skimage.segmentation import watershed

from napari_sam_i2v.evaluation.pairs import index_image

Signal = Literal["bright", "dark", "texture"]
Threshold = Literal["otsu", "otsu of logarithm", "local"]

SIGNALS: tuple[Signal, ...] = ("bright", "dark", "texture")
THRESHOLDS: tuple[Threshold, ...] = ("otsu", "otsu of logarithm", "local")

# In cell diameters.
_SMOOTHING = 0.04
_TEXTURE_SCALE = 0.1
_NEIGHBOURHOOD = 3.0
_SPECKS = 0.03
_REACH = 0.5

_CORE = 0.5
"""Pixels at least so deep, as a share of the mask's largest depth, are its core."""


class GreyFrames(Protocol):
    """What the method needs of a movie."""

    def image(self, t: int, /) -> np.ndarray:
        """Return a frame with values of 0 to 1 or uint8, with or without colour."""
        ...


@dataclass(frozen=True, kw_only=True)
class Foreground:
    """How cells are told from background.

    Attributes
    ----------
    signal
        What cells have more of: brightness, darkness, or local variation.
    threshold
        How the signal is cut in two on every frame.
    diameter
        Of a typical cell, in pixels.
    """

    signal: Signal
    threshold: Threshold
    diameter: float

    def find(self, image: np.ndarray) -> np.ndarray:
        """Mark cells in a grey image ``(Y, X)``; boolean, same shape."""
        signal = self._signal_of(image)
        if np.ptp(signal) == 0:
            return np.zeros(image.shape, bool)
        found = ndimage.binary_fill_holes(self._above(signal))
        radius = max(1, round(_SPECKS * self.diameter))
        return np.asarray(ndimage.binary_opening(found, iterations=radius))

    def _signal_of(self, image: np.ndarray) -> np.ndarray:
        if self.signal == "texture":
            scale = max(1.0, _TEXTURE_SCALE * self.diameter)
            mean = ndimage.gaussian_filter(image, scale)
            variance = ndimage.gaussian_filter(image**2, scale) - mean**2
            return np.asarray(np.sqrt(np.maximum(variance, 0)))
        smooth = ndimage.gaussian_filter(image, max(1.0, _SMOOTHING * self.diameter))
        return np.asarray(smooth if self.signal == "bright" else -smooth)

    def _above(self, signal: np.ndarray) -> np.ndarray:
        if self.threshold == "local":
            size = 2 * round(_NEIGHBOURHOOD * self.diameter / 2) + 1
            return np.asarray(signal > threshold_local(signal, size))
        if self.threshold == "otsu of logarithm":
            # Cells of very different brightness are one class on this scale.
            signal = np.log(signal - signal.min() + 0.01)
        return np.asarray(signal > threshold_otsu(signal))


def choose_foreground(image: np.ndarray, cells: np.ndarray) -> Foreground:
    """Choose what fits known cells best, by IoU.

    Parameters
    ----------
    image
        Grey frame, ``(Y, X)``.
    cells
        Labels of its cells, ``(Y, X)``; at least one.

    Returns
    -------
    Foreground
        The best of all signals with all thresholds.
    """
    areas = np.bincount(cells.ravel())[1:]
    diameter = 2 * float(np.sqrt(np.median(areas[areas > 0]) / np.pi))
    candidates = [
        Foreground(signal=signal, threshold=threshold, diameter=diameter)
        for signal, threshold in product(SIGNALS, THRESHOLDS)
    ]

    def fit(candidate: Foreground) -> float:
        found = candidate.find(image)
        return float((found & (cells > 0)).sum() / (found | (cells > 0)).sum())

    return max(candidates, key=fit)


def watershed_masklets(
    video: GreyFrames, first: np.ndarray, n_frames: int
) -> Iterator[np.ndarray]:
    """Follow the objects of a movie's first frame.

    Parameters
    ----------
    video
        The movie.
    first
        Labels of the first frame, ``(Y, X)``; at least one object.
    n_frames
        Frames to yield, the first included.

    Yields
    ------
    numpy.ndarray
        Labels of one frame, ``(Y, X)``, with the ids of the first.
    """
    ids = np.unique(first[first != 0])
    names = np.concatenate([[0], ids]).astype(first.dtype)
    previous = index_image(first, ids.astype(np.int64))
    foreground = choose_foreground(_grey(video.image(0)), previous)
    yield first
    for t in range(1, n_frames):
        cells = foreground.find(_grey(video.image(t)))
        found = flood(cells, previous, reach=_REACH * foreground.diameter)
        yield names[found]
        # What is not seen keeps its place and may be found there again.
        gone = ~np.isin(previous, found) & (found == 0)
        previous = np.where(gone, previous, found)


def flood(cells: np.ndarray, previous: np.ndarray, *, reach: float) -> np.ndarray:
    """Share the foreground of a frame among the objects of the frame before.

    Parameters
    ----------
    cells
        Foreground, boolean ``(Y, X)``.
    previous
        Objects 1, 2, ... of the frame before, ``(Y, X)``.
    reach
        Pixels that an object may at most grow by.

    Returns
    -------
    numpy.ndarray
        Objects of this frame, ``(Y, X)``; one without foreground where it was is gone.
    """
    markers = np.zeros_like(previous)
    for index, box in enumerate(ndimage.find_objects(previous)):
        if box is None:
            continue
        mask = previous[box] == index + 1
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        core = depth >= _CORE * depth.max()
        seed = core if (core & cells[box]).any() else mask
        markers[box][seed & cells[box]] = index + 1
    near = ndimage.distance_transform_edt(previous == 0) <= reach
    depth = ndimage.distance_transform_edt(cells)
    return np.asarray(watershed(-depth, markers, mask=cells & near))


def _grey(image: np.ndarray) -> np.ndarray:
    shades = image / 255 if image.dtype == np.uint8 else image
    grey = shades.mean(axis=2) if shades.ndim == 3 else shades
    return np.asarray(grey, np.float32)
