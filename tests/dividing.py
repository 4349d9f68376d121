"""A nucleus that divides, and two that do not: movies with their truth."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage

SHAPE, FRAMES, LAST = (120, 160), 9, 3
MOTHER, OTHER, DAUGHTERS = 1, 2, (3, 4)


def ellipse(centre: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
    y, x = np.indices(SHAPE)
    ((cy, cx), (ry, rx)) = centre, radii
    return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 <= 1


@cache
def divides() -> tuple[np.ndarray, np.ndarray]:
    """A nucleus that divides after frame 3, and one that does not: movie, truth."""
    truth = np.zeros((FRAMES, *SHAPE), np.uint16)
    for frame, labels in enumerate(truth):
        labels[ellipse((90, 30 + frame), (10, 10))] = OTHER
        if frame <= LAST:
            radii = (10, 15) if frame == LAST else (12, 12)
            labels[ellipse((50, 80), radii)] = MOTHER
        else:
            apart = 9 + 3 * (frame - LAST)
            for daughter, side in zip(DAUGHTERS, (-1, 1), strict=True):
                labels[ellipse((50, 80 + side * apart), (9, 7))] = daughter
    return drawn(truth), truth


@cache
def passes_by() -> tuple[np.ndarray, np.ndarray]:
    """Two nuclei that meet, touch and part again: movie, truth."""
    truth = np.zeros((FRAMES, *SHAPE), np.uint16)
    for frame, labels in enumerate(truth):
        labels[ellipse((44, 60 + 5 * frame), (10, 10))] = MOTHER
        labels[ellipse((66, 100 - 5 * frame), (10, 10))] = OTHER
    return drawn(truth), truth


def drawn(truth: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = [ndimage.gaussian_filter((labels > 0) * 600.0, 1.2) for labels in truth]
    return (np.stack(smooth) + 100 + rng.normal(0, 15, truth.shape)).astype(np.uint16)


@cache
def leaves(back: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A nucleus that leaves, perhaps for a while, and one that stays: a movie, truth.

    Another is half outside all the time.
    """
    truth = np.zeros((2 * FRAMES, *SHAPE), np.uint16)
    for frame, labels in enumerate(truth):
        away = abs(FRAMES - frame) if back else FRAMES - frame
        labels[ellipse((90, 90 + frame), (10, 10))] = OTHER
        labels[ellipse((30, 7 * away - 16), (12, 12))] = MOTHER
        labels[ellipse((118, 60), (10, 12))] = DAUGHTERS[0]
    return drawn(truth), truth


@cache
def perishes() -> tuple[np.ndarray, np.ndarray]:
    """A nucleus of which but debris is left after frame 3, and one that stays."""
    truth = np.zeros((2 * FRAMES, *SHAPE), np.uint16)
    for frame, labels in enumerate(truth):
        labels[ellipse((90, 90 + frame), (10, 10))] = OTHER
        radius = 12 if frame <= LAST else 2.5
        labels[ellipse((60, 80), (radius, radius))] = MOTHER
    movie = drawn(truth)
    truth[LAST + 1 :][truth[LAST + 1 :] == MOTHER] = 0
    return movie, truth


@cache
def crosses() -> tuple[np.ndarray, np.ndarray]:
    """A rod, and a nucleus that passes over the middle of it: movie, truth."""
    truth = np.zeros((2 * FRAMES, *SHAPE), np.uint16)
    for frame, labels in enumerate(truth):
        labels[ellipse((60, 80), (30, 7))] = MOTHER
        labels[ellipse((60, 62 + 2 * frame), (8, 8))] = OTHER
    rng = np.random.default_rng(0)
    bright = np.select([truth == MOTHER, truth == OTHER], [300.0, 600.0])
    smooth = np.stack([ndimage.gaussian_filter(frame, 1.2) for frame in bright])
    return (smooth + 100 + rng.normal(0, 15, truth.shape)).astype(np.uint16), truth
