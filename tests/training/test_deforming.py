"""Deformed movies: every cell goes its own way, and takes its pixels along."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_sam_i2v.training.deforming import deform, wander

FRAMES, SIZE, SPACING = 8, 96, 32


def discs(touching: bool = False) -> np.ndarray:
    """Nine cells of 16 pixels that stand still; ``(T, Y, X)``."""
    y, x = np.indices((SIZE, SIZE))
    labels = np.zeros((SIZE, SIZE), np.int64)
    radius = 16 if touching else 8
    for index in range(9):
        cy, cx = np.array([index // 3, index % 3]) * SPACING + SPACING / 2
        labels[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = index + 1
    return np.broadcast_to(labels, (FRAMES, SIZE, SIZE))


def centres(labels: np.ndarray) -> np.ndarray:
    ids = range(1, 10)
    found = [ndimage.center_of_mass(frame > 0, frame, ids) for frame in labels]
    return np.array(found)


@pytest.mark.parametrize("touching", [False, True])
@pytest.mark.parametrize("amount", [0.3, 1.0])
def test_pixels_stay_with_their_cell(touching: bool, amount: float) -> None:
    labels = discs(touching)
    images = labels * 10.0
    moved, masks = deform(images, labels, amount, np.random.default_rng(0))
    inside = ndimage.minimum_filter(masks, (1, 3, 3)) == masks
    inside &= (ndimage.maximum_filter(masks, (1, 3, 3)) == masks) & (masks > 0)
    close = np.abs(moved[inside] - 10 * masks[inside]) < 0.1
    assert close.mean() > 0.995
    for frame in masks:
        assert set(np.unique(frame)) - {0} == set(range(1, 10))


def test_cells_move_apart_from_each_other_and_change() -> None:
    _, masks = deform(discs(), discs(), 1.0, np.random.default_rng(1))
    way = np.diff(centres(masks), axis=0)
    apart = way - way.mean(axis=1, keepdims=True)
    assert np.abs(apart).mean() > 0.5
    areas = np.array([np.bincount(frame.ravel())[1:] for frame in masks])
    assert 0.03 < np.log(areas).std(axis=0).mean() < 0.5


def test_more_is_more_and_nothing_is_nothing() -> None:
    labels = discs()
    way = []
    for amount in (0.0, 0.3, 1.0):
        rng = np.random.default_rng(2)
        moved, masks = deform(labels, labels, amount, rng)
        way.append(np.abs(centres(masks) - centres(labels)).mean())
    assert way[0] == 0 < way[1] < way[2]
    rng = np.random.default_rng(2)
    moved, masks = deform(labels, labels, 0.0, rng)
    np.testing.assert_array_equal(masks, labels)
    np.testing.assert_allclose(moved, labels)


def test_frames_drift_as_told() -> None:
    drift = np.arange(FRAMES)[:, None] * np.array([1.0, -0.5])
    rng = np.random.default_rng(3)
    _, masks = deform(discs(), discs(), 0.0, rng, drift)
    off = centres(masks) - centres(discs()) - drift[:, None]
    assert np.abs(off).max() < 0.6


def test_frames_without_cells_stay_what_they_are() -> None:
    empty = np.zeros((3, 40, 50), np.int64)
    image = np.random.default_rng(0).random((3, 40, 50))
    moved, masks = deform(image, empty, 1.0, np.random.default_rng(4))
    assert moved.shape == image.shape and not masks.any()
    assert image.min() <= moved.min() and moved.max() <= image.max()


@pytest.mark.parametrize("kept", [0.0, 0.9])
def test_numbers_wander_about_nought(kept: float) -> None:
    values = wander(50, (2000,), kept, np.random.default_rng(5))
    assert values.std() == pytest.approx(1, abs=0.03)
    now, then = values[1:].ravel(), values[:-1].ravel()
    assert np.corrcoef(now, then)[0, 1] == pytest.approx(kept, abs=0.03)
