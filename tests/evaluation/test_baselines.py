"""Trackers without a network, scored like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.evaluation.baselines import score_baseline
from napari_sam_i2v.evaluation.movies import load_movie
from napari_sam_i2v.evaluation.protocol import ProtocolConfig

ROOT = Path(__file__).resolve().parents[2]
CELLS = ROOT / "src" / "napari_sam_i2v" / "configs" / "evaluate" / "cells.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A square that moves by half its width with every frame, and then is gone."""
    labels = np.zeros((5, 32, 64), np.uint16)
    for t in range(4):
        labels[t, 8:24, 8 * t : 8 * t + 16] = 6
    for name, scale in (("images.tif", 1000), ("labels.tif", 1)):
        tifffile.imwrite(tmp_path / name, labels * scale, photometric="minisblack")
    return tmp_path


def test_copying_by_hand(folder: Path) -> None:
    scores = score_baseline("copy", load_movie(folder))
    assert scores.j == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert (scores.ghosts, scores.absence_accuracy) == (1, 0)
    assert score_baseline("copy", load_movie(folder), stop=2).j == pytest.approx(1 / 3)


def test_the_watershed_follows_and_lets_go(folder: Path) -> None:
    scores = score_baseline("watershed", load_movie(folder))
    assert scores.j > 0.8
    assert (scores.ghosts, scores.absence_accuracy) == (0, 1)
    assert score_baseline("watershed", load_movie(folder), stop=3).n_present == 2


@pytest.mark.data
def test_copying_in_the_cell_movies(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_SAM_I2V_DATA", str(data_folder))
    config = load_yaml(ProtocolConfig, CELLS)
    js = [score_baseline("copy", load_movie(folder)).j for folder in config.movies]
    np.testing.assert_allclose(js, [0.12, 0.47, 0.48, 0.23, 0.29, 0.73], atol=0.005)
    assert np.mean(js) == pytest.approx(0.386, abs=0.001)


@pytest.mark.data
def test_the_watershed_follows_nuclei(data_folder: Path) -> None:
    movie = load_movie(data_folder / "fluo_n2dl_hela_01")
    assert score_baseline("watershed", movie, stop=10).j == pytest.approx(
        0.83, abs=0.02
    )
