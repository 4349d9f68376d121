"""Protocols: every movie with every kind of prompts, scored beside baselines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from fakes import ThresholdPredictor
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.protocol import ProtocolConfig
from napari_sam_i2v.evaluation.report import format_table, progress_line, write_json
from napari_sam_i2v.evaluation.running import iterate_protocol, run_protocol
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.video import open_video

KINDS = ("label", "click", "clicks", "box")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A square that moves by half its width with every frame, and then is gone."""
    return write(tmp_path / "square", brightness=[1000] * 5)


@pytest.fixture
def dimming(tmp_path: Path) -> Path:
    """The same, half as bright from frame 2 on: a threshold loses it there."""
    return write(tmp_path / "dimming", brightness=[1000, 1000, 500, 500, 500])


def write(folder: Path, brightness: list[int]) -> Path:
    labels = np.zeros((5, 16, 32), np.uint16)
    for t in range(4):
        labels[t, 4:12, 4 * t : 4 * t + 8] = 6
    images = labels // 6 * np.array(brightness, np.uint16)[:, None, None]
    folder.mkdir()
    tifffile.imwrite(folder / "images.tif", images, photometric="minisblack")
    tifffile.imwrite(folder / "labels.tif", labels, photometric="minisblack")
    return folder


def by_threshold(movie, prompts, settings) -> TrackingSession:
    assert prompts
    assert settings.stop is not None
    video = open_video(movie, axes="TYX")
    return TrackingSession(video, ThresholdPredictor(video))


def test_every_movie_with_every_kind(folder: Path, tmp_path: Path) -> None:
    config = ProtocolConfig(
        movies=(folder, folder), prompts=KINDS, baselines=("copy", "watershed")
    )
    results = run_protocol(config, opener=by_threshold)
    assert [result.series for result in results] == [*KINDS] * 2
    for result in results:
        assert (result.movie, result.n_objects, result.prompt_iou) == ("square", 1, 1)
        assert (result.scores.j, result.scores.absence_accuracy) == (1, 1)
        assert result.baselines["copy"].j == pytest.approx(1 / 9)
        assert set(result.baselines) == {"copy", "watershed"}
        assert result.n_object_frames == 5
        assert result.uncorrected is None

    header, *lines = format_table(results).splitlines()
    assert "watershed J" in header
    assert "J before" not in header
    assert len(lines) == 8 + 4
    assert lines[-1].split()[:6] == ["mean", "box", "2", "1.000", "1.000", "0.111"]

    write_json(results, config, tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["settings"]["seed"] == 0
    first = written["movies"][0]
    assert (first["j"], first["prompt_iou"], first["correction"]) == (1, 1, None)
    assert first["copy_j"] == pytest.approx(1 / 9)


def test_corrections_are_scored_on_the_same_pairs(
    dimming: Path, tmp_path: Path
) -> None:
    config = ProtocolConfig(movies=(dimming,), prompts=("click",), corrections=2)
    plain, once, twice = run_protocol(config, opener=by_threshold)
    assert plain.scores.j == pytest.approx(1 / 3)
    assert plain.correction is None

    assert once.series == "click+1"
    assert once.correction is not None
    assert (once.correction.n_clicks, once.correction.n_object_frames) == (1, 3)
    assert (once.correction.before, once.correction.after) == (0, 1)
    assert once.scores.j == 1  # frames 1 and 3; frame 2 was clicked
    assert once.uncorrected is not None
    assert once.uncorrected.j == pytest.approx(1 / 2)
    assert len(once.uncorrected.pairs) == len(once.scores.pairs) == 3

    assert twice.correction is not None
    assert twice.correction.n_clicks == 0
    assert np.isnan(twice.seconds_per_object_frame)

    header, first, second, third, *means = format_table([plain, once, twice]).split(
        "\n"
    )
    assert "0.000 > 1.000  " in second
    assert len(means) == 3
    write_json([plain, once, twice], config, tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())["movies"]
    assert written[1]["uncorrected"]["j"] == pytest.approx(1 / 2)
    assert written[1]["correction"]["n_clicks"] == 1
    assert written[2]["correction"]["before"] is None


def test_only_the_first_frames(folder: Path, tmp_path: Path) -> None:
    config = ProtocolConfig(movies=(folder,), frames=2, boundary=False)
    (result,) = run_protocol(config, opener=by_threshold)
    assert result.scores.n_present == 1
    assert result.baselines["copy"].j == pytest.approx(1 / 3)
    assert " - " in format_table([result])
    write_json([result], config, tmp_path / "results.json")
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["movies"][0]["absence_accuracy"] is None


def test_one_says_what_is_done_and_how_it_went(folder: Path, dimming: Path) -> None:
    config = ProtocolConfig(movies=(folder, dimming), boundary=False)
    said: list[str] = []
    results = []
    for result in iterate_protocol(config, opener=by_threshold, announce=said.append):
        results.append(result)
        said.append(progress_line(results))
    assert said == [
        "square, copy as a baseline",
        "square, label: tracking 5 frames",
        "square, label: J 1.000, so far J 1.000 over 1 of its kind",
        "dimming, copy as a baseline",
        "dimming, label: tracking 5 frames",
        "dimming, label: J 0.333, so far J 0.667 over 2 of its kind",
    ]


@pytest.mark.parametrize("broken", ["gone", "empty"])
def test_what_cannot_be_run_is_refused_at_once(
    folder: Path, tmp_path: Path, broken: str
) -> None:
    other = tmp_path / broken
    if broken == "empty":
        other = write(other, brightness=[1] * 5)
        tifffile.imwrite(other / "labels.tif", np.zeros((5, 16, 32), np.uint16))
    movies = (other,) if broken == "empty" else (folder, other)
    said: list[str] = []
    config = ProtocolConfig(movies=movies)
    with pytest.raises(InputError, match=broken):
        list(iterate_protocol(config, opener=by_threshold, announce=said.append))
    assert not said


def test_labels_of_another_movie_are_refused(folder: Path) -> None:
    labels = tifffile.imread(folder / "labels.tif")
    tifffile.imwrite(folder / "labels.tif", labels[:4], photometric="minisblack")
    with pytest.raises(InputError, match="both must be of one movie"):
        run_protocol(ProtocolConfig(movies=(folder,)), opener=by_threshold)
