"""``sam-i2v evaluate`` on existing results."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import scenes
from napari_sam_i2v.cli import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Truth in ``truth``, the same in ``same.tif``, a poor copy in ``poor.tif``."""
    monkeypatch.chdir(tmp_path)
    truth = scenes.two_crossing.truth.astype(np.uint16)
    poor = truth.copy()
    poor[4:][poor[4:] == 2] = 0
    Path("truth").mkdir()
    tifffile.imwrite("truth/labels.tif", truth)
    Path("truth/man_track.txt").write_text("1 0 7 0\n2 0 7 0\n")
    tifffile.imwrite("same.tif", truth)
    tifffile.imwrite("poor.tif", poor)
    return tmp_path


def figures(capfd: pytest.CaptureFixture[str], *words: str) -> dict[str, float]:
    assert main(["evaluate", "--truth", "truth", *words]) == 0
    names, values = (line.split() for line in capfd.readouterr().out.splitlines())
    return dict(zip(names, map(float, values), strict=True))


def test_the_truth_is_perfect(folder: Path, capfd) -> None:
    shown = figures(capfd, "--pred", "same.tif")
    assert shown["j"] == shown["f"] == 1
    assert shown["objects"] == 2


def test_ctc_metrics(folder: Path, capfd) -> None:
    pytest.importorskip("ctc_metrics")
    shown = figures(capfd, "--pred", "same.tif", "--metrics", "ctc")
    assert shown == {"SEG": 1, "DET": 1, "TRA": 1, "LNK": 1}
    shown = figures(capfd, "--pred", "poor.tif", "--metrics", "jf,ctc")
    assert shown["DET"] == shown["SEG"] == pytest.approx(12 / 16)
    assert shown["j"] == pytest.approx(10 / 14, abs=1e-3)


def test_a_missing_extra_is_named(folder: Path, capfd, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ctc_metrics", None)
    words = "evaluate --pred same.tif --truth truth --metrics ctc".split()
    assert main(words) == 2
    shown = capfd.readouterr()
    assert shown.err.startswith("error: ")
    assert "napari-sam-i2v[tracking]" in shown.err
    assert shown.err.count("\n") == 1
