"""Failures: the worst cells of a movie, each in a row, beside the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.failures import SIDE, draw_failures, fitness
from napari_sam_i2v.evaluation.panels import GAP, object_colour
from napari_sam_i2v.evaluation.scores import Scores, score_masklets
from napari_sam_i2v.video import VideoSource, open_video

GOOD, BAD, GHOST = 1, 2, 3


@pytest.fixture
def truth() -> np.ndarray:
    """Three squares; the last is gone from frame 4 on."""
    labels = np.zeros((8, 60, 90), np.uint32)
    for t in range(8):
        labels[t, 10:20, 5 + t : 15 + t] = GOOD
        labels[t, 30:40, 40:50] = BAD
    labels[:4, 40:55, 70:85] = GHOST
    return labels


@pytest.fixture
def found(truth: np.ndarray) -> np.ndarray:
    """The first is followed, the second lost from frame 2 on, the third stays."""
    labels = truth.copy()
    labels[2:][labels[2:] == BAD] = 0
    labels[4:, 45:50, 70:85] = GHOST
    return labels


@pytest.fixture
def video(truth: np.ndarray) -> VideoSource:
    images = (truth > 0) * 200 + np.random.default_rng(0).integers(0, 99, truth.shape)
    return open_video(images.astype(np.uint16), axes="TYX", contrast=(0, 900))


def scored(found: np.ndarray, truth: np.ndarray, ids: tuple[int, ...]) -> Scores:
    prompted = {object_id: frozenset({0}) for object_id in ids}
    return score_masklets(found, truth, prompted=prompted, boundary=False)


def near(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(picture - colour).max(axis=-1) < 40


def test_cells_are_judged_where_they_are_and_where_they_are_gone(found, truth) -> None:
    worth = fitness(scored(found, truth, (GOOD, BAD, GHOST)))
    assert worth.to_dict() == pytest.approx({GOOD: 1, BAD: 1 / 7, GHOST: 3 / 7})


@pytest.mark.parametrize("cells", [1, 2, 9])
def test_the_worst_come_first(video, found, truth, tmp_path: Path, cells: int) -> None:
    scores = scored(found, truth, (GOOD, BAD, GHOST))
    draw_failures(video, found, truth, scores, tmp_path / "f.png", cells=cells)
    picture = np.asarray(Image.open(tmp_path / "f.png").convert("RGB")).astype(int)
    rows = min(cells, 3)
    assert picture.shape == (GAP + rows * (SIDE + GAP), GAP + 6 * (SIDE + GAP), 3)
    for row, object_id in enumerate((BAD, GHOST, GOOD)[:rows]):
        top = GAP + row * (SIDE + GAP)
        panels = [
            picture[top : top + SIDE, left : left + SIDE]
            for left in range(GAP, picture.shape[1], SIDE + GAP)
        ]
        # The truth lies over the masklet, which shows where they differ.
        white = [bool(near(panel[40:], (255, 255, 255)).any()) for panel in panels]
        mask = [bool(near(panel, object_colour(object_id)).any()) for panel in panels]
        assert white == ([True] * 3 + [False] * 3 if object_id == GHOST else [True] * 6)
        assert object_id == GOOD or mask[-1] == (object_id == GHOST)


def test_a_cell_at_the_border_and_a_small_frame(tmp_path: Path) -> None:
    truth = np.zeros((3, 20, 24), np.uint32)
    truth[:, :15, :15] = 7
    images = np.random.default_rng(0).integers(0, 99, truth.shape).astype(np.uint16)
    scores = scored(np.zeros_like(truth), truth, (7,))
    draw_failures(open_video(images), truth * 0, truth, scores, tmp_path / "f.png")
    with Image.open(tmp_path / "f.png") as picture:
        assert picture.width == GAP + 3 * (SIDE + GAP)


def test_nothing_scored_is_nothing_to_draw(video, found, truth, tmp_path) -> None:
    scores = score_masklets(found, truth, prompted={1: frozenset({0})}, frames=[0])
    with pytest.raises(InputError, match="nothing to draw"):
        draw_failures(video, found, truth, scores, tmp_path / "f.png")
