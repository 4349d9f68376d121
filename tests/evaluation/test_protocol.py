"""Protocols: every movie with every kind of prompts, scored beside the baseline."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.movies import load_movie
from napari_sam_i2v.evaluation.protocol import (
    MovieResult,
    ProtocolConfig,
    copy_baseline,
    run_protocol,
)
from napari_sam_i2v.evaluation.report import format_table, write_json

ROOT = Path(__file__).resolve().parents[2]
CELLS = ROOT / "src" / "napari_sam_i2v" / "configs" / "evaluate" / "cells.yaml"


@dataclass
class Masklets:
    labels: np.ndarray


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A square that moves by half its width with every frame, and then is gone."""
    labels = np.zeros((5, 16, 32), np.uint16)
    for t in range(4):
        labels[t, 4:12, 4 * t : 4 * t + 8] = 6
    folder = tmp_path / "square"
    folder.mkdir()
    for name in ("images.tif", "labels.tif"):
        tifffile.imwrite(folder / name, labels, photometric="minisblack")
    return folder


def copy_tracker(movie: Path, prompts: list[Any], **settings: Any) -> Masklets:
    """Answer with the truth, which is also the movie."""
    assert settings["stop"] is not None
    return Masklets(labels=tifffile.imread(movie))


def test_the_copy_baseline_by_hand(folder: Path) -> None:
    scores = copy_baseline(load_movie(folder))
    assert scores.j == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert (scores.ghosts, scores.absence_accuracy) == (1, 0)


def test_every_movie_with_every_kind(folder: Path, tmp_path: Path) -> None:
    config = ProtocolConfig(movies=(folder, folder), prompts=("label", "click", "box"))
    results = run_protocol(config, tracker=copy_tracker)
    assert [result.prompts for result in results] == ["label", "click", "box"] * 2
    for result in results:
        assert (result.movie, result.n_objects) == ("square", 1)
        assert (result.scores.j, result.scores.absence_accuracy) == (1, 1)
        assert result.copy_j == pytest.approx(1 / 9)
        assert result.n_object_frames == 5

    lines = format_table(results).splitlines()
    assert len(lines) == 1 + 6 + 3
    assert lines[-1].split()[:6] == ["mean", "box", "2", "1.000", "0.111", "1.000"]

    write_json(results, config, tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["settings"]["seed"] == 0
    assert written["movies"][0]["j"] == 1


def test_only_the_first_frames(folder: Path) -> None:
    config = ProtocolConfig(movies=(folder,), frames=2, boundary=False)
    (result,) = run_protocol(config, tracker=copy_tracker)
    assert result.scores.n_present == 1
    assert result.copy_j == pytest.approx(1 / 3)
    assert " - " in format_table([result])


def test_what_cannot_be_scored_is_null_in_json(folder: Path, tmp_path: Path) -> None:
    config = ProtocolConfig(movies=(folder,), frames=2)
    results: list[MovieResult] = run_protocol(config, tracker=copy_tracker)
    write_json(results, config, tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["movies"][0]["absence_accuracy"] is None


def test_protocols_that_score_nothing_are_refused(folder: Path) -> None:
    for settings in ({"movies": ()}, {"prompts": ()}, {"frames": 1}):
        with pytest.raises(InputError):
            ProtocolConfig(**({"movies": (folder,)} | settings))


def test_the_protocol_of_the_cell_movies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_SAM_I2V_DATA", "somewhere")
    config = load_yaml(ProtocolConfig, CELLS)
    assert len(config.movies) == 6
    assert config.movies[0] == Path("somewhere/fluo_c2dl_msc_01")


@pytest.mark.data
def test_the_baseline_of_the_cell_movies(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_SAM_I2V_DATA", str(data_folder))
    config = load_yaml(ProtocolConfig, CELLS)
    js = [copy_baseline(load_movie(folder)).j for folder in config.movies]
    np.testing.assert_allclose(js, [0.12, 0.47, 0.48, 0.23, 0.29, 0.73], atol=0.005)
    assert np.mean(js) == pytest.approx(0.386, abs=0.001)
