"""The Cell Tracking Challenge's measures of scenes with known answers."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.ctc import score_ctc
from napari_sam_i2v.evaluation.movies import Track

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("ctc_metrics") is None,
    reason="the extra 'tracking' is not installed",
)


def dividing() -> np.ndarray:
    """A mother that divides, and a cell that is gone for a frame."""
    labels = np.zeros((5, 20, 40), np.uint32)
    labels[:2, 2:8, 4:12] = 70_000
    labels[2:, 2:8, 2:7] = 3
    labels[2:, 2:8, 10:15] = 4
    labels[[0, 1, 3, 4], 12:18, 25:32] = 9
    return labels


TRACKS = (
    Track(object_id=70_000, first=0, last=1),
    Track(object_id=3, first=2, last=4, parent=70_000),
    Track(object_id=4, first=2, last=4, parent=70_000),
)


@needs_extra
def test_the_truth_is_perfect(capsys: pytest.CaptureFixture[str]) -> None:
    scores = score_ctc(
        dividing(), dividing(), predicted_tracks=TRACKS, true_tracks=TRACKS
    )
    assert scores == {"SEG": 1, "DET": 1, "TRA": 1, "LNK": 1}
    assert capsys.readouterr().out == ""


@needs_extra
def test_ids_do_not_matter_and_missing_parents_do() -> None:
    renamed = np.where(dividing() == 3, 33, dividing())
    scores = score_ctc(renamed, dividing(), true_tracks=TRACKS)
    assert (scores["SEG"], scores["DET"]) == (1, 1)
    assert scores["TRA"] < 1


@needs_extra
def test_seg_and_det_by_hand() -> None:
    predicted = dividing()
    predicted[4][predicted[4] == 9] = 0
    predicted[3, 12:18, 25:29] = 0
    predicted[3, 12:18, 28:32] = 9  # 4 of 7 columns
    scores = score_ctc(predicted, dividing(), metrics=("SEG", "DET"))
    assert scores["SEG"] == pytest.approx((10 + 4 / 7 + 0) / 12)
    assert scores["DET"] == pytest.approx(11 / 12)


@needs_extra
def test_markers_replace_the_truth_in_detection() -> None:
    markers = np.where(dividing() == 9, 0, dividing())
    scores = score_ctc(markers, dividing(), markers=markers)
    assert scores["DET"] == 1
    assert scores["SEG"] == pytest.approx(8 / 12)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctc_metrics", None)
    monkeypatch.setitem(sys.modules, "ctc_metrics.scripts", None)
    monkeypatch.setitem(sys.modules, "ctc_metrics.scripts.evaluate", None)
    with pytest.raises(InputError, match=r"napari-sam-i2v\[tracking\]"):
        score_ctc(dividing(), dividing())


@needs_extra
def test_nothing_is_found(recwarn: pytest.WarningsRecorder) -> None:
    scores = score_ctc(np.zeros_like(dividing()), dividing())
    assert scores == {"SEG": 0, "DET": 0, "TRA": 0, "LNK": 0}
    assert not recwarn.list


@needs_extra
@pytest.mark.parametrize(
    ("truth", "wrong"),
    [(np.zeros_like(dividing()), "no objects"), (dividing()[:1], "two frames")],
)
def test_what_cannot_be_measured_is_refused(truth: np.ndarray, wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        score_ctc(dividing()[: len(truth)], truth)


@needs_extra
def test_a_measure_that_divides_by_nothing_is_refused() -> None:
    truth = np.zeros((2, 8, 8), np.uint16)
    truth[0, 1:4, 1:4] = 1
    truth[1, 4:7, 4:7] = 2
    with pytest.raises(InputError, match="divide by nothing"):
        score_ctc(truth, truth)
