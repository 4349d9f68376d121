"""The classical tracker follows what a threshold can see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_sam_i2v.evaluation.scores import score_masklets
from napari_sam_i2v.evaluation.watershed import (
    choose_foreground,
    flood,
    watershed_masklets,
)
from napari_sam_i2v.video import open_video

SHAPE = (80, 120)


def disc(y: float, x: float, radius: float = 10) -> np.ndarray:
    rows, columns = np.indices(SHAPE)
    return np.hypot(rows - y, columns - x) <= radius


def drifting(n_frames: int = 8) -> np.ndarray:
    """A cell that passes others, which touch each other all the time."""
    labels = np.zeros((n_frames, *SHAPE), np.uint32)
    for t in range(n_frames):
        labels[t][disc(18, 20 + 4 * t)] = 3
        labels[t][disc(55, 40 + t)] = 70_000
        labels[t][disc(55, 59 + t)] = 9
    return labels


def filmed(labels: np.ndarray, cell: float, background: float) -> np.ndarray:
    """Flat cells, blurred, with noise of a tenth of their contrast; uint16."""
    rng = np.random.default_rng(1)
    movie = np.where(labels > 0, cell, background).astype(float)
    movie = ndimage.gaussian_filter(movie, (0, 1, 1))
    movie += rng.normal(0, abs(cell - background) / 10, movie.shape)
    return movie.clip(0, 2**16 - 1).astype(np.uint16)


def followed(movie: np.ndarray, labels: np.ndarray) -> np.ndarray:
    video = open_video(movie, axes="TYX")
    return np.stack(list(watershed_masklets(video, labels[0], len(labels))))


def j_of(masklets: np.ndarray, labels: np.ndarray) -> dict[int, float]:
    prompted = {int(i): [0] for i in np.unique(labels[0]) if i}
    scores = score_masklets(masklets, labels, prompted=prompted, boundary=False)
    return scores.per_object()["j"].to_dict()


@pytest.mark.parametrize(("cell", "background"), [(9000, 1000), (1000, 9000)])
def test_bright_and_dark_cells_are_followed(cell: float, background: float) -> None:
    labels = drifting()
    masklets = followed(filmed(labels, cell, background), labels)
    assert masklets.dtype == labels.dtype
    np.testing.assert_array_equal(masklets[0], labels[0])
    found = j_of(masklets, labels)
    assert set(found) == {3, 9, 70_000}
    assert min(found.values()) > 0.85


def test_cells_of_the_background_s_brightness_are_told_by_their_texture() -> None:
    labels = drifting()
    rng = np.random.default_rng(0)
    movie = rng.normal(1000, np.where(labels > 0, 300, 20)).clip(0).astype(np.uint16)
    image = open_video(movie, axes="TYX").image(0)
    cells = np.searchsorted([3, 9, 70_000], labels[0]) + 1
    found = choose_foreground(image, np.where(labels[0] > 0, cells, 0))
    assert found.signal == "texture"
    assert min(j_of(followed(movie, labels), labels).values()) > 0.6


def test_a_cell_that_is_gone_leaves_nothing_and_is_found_again() -> None:
    labels = np.zeros((5, *SHAPE), np.uint16)
    labels[:, disc(20, 20)] = 1
    labels[:, disc(55, 80)] = 2
    labels[1:3][labels[1:3] == 2] = 0
    masklets = followed(filmed(labels, 9000, 1000), labels)
    assert not (masklets[1:3] == 2).any()
    assert j_of(masklets, labels)[2] > 0.85


def test_a_movie_without_anything_loses_everything() -> None:
    labels = drifting()
    assert not followed(np.full(labels.shape, 7, np.uint16), labels)[1:].any()


def test_an_object_stays_within_reach_and_foreground() -> None:
    cells = np.zeros(SHAPE, bool)
    cells[30:50, 5:110] = True
    previous = disc(40, 20).astype(np.int32)
    found = flood(cells, previous, reach=6)
    assert not (found > 0)[~cells].any()
    assert not (found > 0)[~disc(40, 20, radius=16.5)].any()
    assert (found > 0)[cells & disc(40, 20, radius=15)].all()
