"""F: how well the outline of a mask follows the true outline (DAVIS)."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

BOUNDARY_TOLERANCE = 0.008
"""Distance at which two outlines still agree, as a share of the frame's diagonal."""


def boundary_radius(shape: tuple[int, int]) -> int:
    """Distance in pixels at which two outlines still agree in a frame of this shape."""
    return math.ceil(BOUNDARY_TOLERANCE * math.hypot(*shape))


def boundary(mask: np.ndarray) -> np.ndarray:
    """Mark the outline of a mask.

    A pixel is on the outline if the pixel to its right, below it or diagonally below
    it differs from it; neighbours beyond the frame do not count.

    Parameters
    ----------
    mask
        Boolean, ``(H, W)``.

    Returns
    -------
    numpy.ndarray
        Boolean, ``(H, W)``.
    """
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return np.asarray((mask != right) | (mask != below) | (mask != diagonal))


def boundary_f(predicted: np.ndarray, truth: np.ndarray, radius: int) -> float:
    """Harmonic mean of the precision and recall of an outline.

    Parameters
    ----------
    predicted, truth
        Boolean masks, ``(H, W)``: the frame, or a crop of it with at least
        ``radius + 1`` background pixels on every side that is not the frame's border.
    radius
        Distance in pixels at which outlines still agree.

    Returns
    -------
    float
        0 to 1.
    """
    ours, theirs = boundary(predicted), boundary(truth)
    if not ours.any() or not theirs.any():
        return float(not ours.any() and not theirs.any())
    precision = float(np.mean(ndimage.distance_transform_edt(~theirs)[ours] <= radius))
    recall = float(np.mean(ndimage.distance_transform_edt(~ours)[theirs] <= radius))
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)
