"""``sam-i2v evaluate`` on existing results, and on movies with a protocol."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import scenes
from fakes import build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.cli import main
from napari_sam_i2v.tracking import track


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


def test_frames_that_were_not_asked_for_are_not_scored(
    folder: Path, capfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    scene = scenes.two_crossing
    track(
        scene.images,
        scene.first_masks,
        model="threshold",
        stop=4,
        out="some",
        progress=False,
    )
    assert figures(capfd, "--pred", "some")["j"] == 1
    whole = tifffile.imread("some/masklets.tif")
    assert whole[:4].any() and not whole[4:].any()


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


@pytest.fixture
def protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A protocol of one movie, run by a threshold; and an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(backends.BACKENDS, "sam-i2v-cell", build_threshold)
    scene = scenes.two_crossing
    movie, kept = tmp_path / "crossing", tmp_path / "kept"
    movie.mkdir()
    kept.mkdir()
    for name, pixels in (("images", scene.images), ("labels", scene.truth)):
        tifffile.imwrite(movie / f"{name}.tif", pixels.astype(np.uint16))
    config = tmp_path / "protocol.yaml"
    config.write_text(f"movies: ['{movie.as_posix()}']\nprompts: [label]\n")
    return config, kept


def test_a_protocol_makes_a_table_figures_and_a_picture(protocol, capfd) -> None:
    config, kept = protocol
    words = "--set prompts=[box,clicks] corrections=1 --set frames=4".split()
    files = ["--json", str(kept / "all.json"), "--picture", str(kept / "all.png")]
    files += ["--failures", str(kept / "worst")]
    assert main(["evaluate", str(config), *words, *files]) == 0
    shown = capfd.readouterr()
    table = [line.split() for line in shown.out.splitlines()]
    assert table[0][:4] == ["movie", "prompts", "objects", "prompt"]
    series = ["box", "box+1", "clicks", "clicks+1"]
    assert [row[1] for row in table[1:]] == series * 2
    assert [row[0] for row in table[1:]] == ["crossing"] * 4 + ["mean"] * 4
    for line in ("crossing, clicks: tracking 4 frames", "crossing, box+1: J 1.000"):
        assert line in shown.err

    written = json.loads((kept / "all.json").read_text())
    assert written["settings"]["frames"] == 4
    assert [movie["prompt_iou"] for movie in written["movies"]] == [1, 1, 1, 1]
    with Image.open(kept / "all.png") as picture:
        assert picture.width == 2000
    drawn = sorted(path.name for path in (kept / "worst").iterdir())
    assert drawn == sorted(f"crossing-{name}.png" for name in series)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--set prompt=[box]", "did you mean 'prompts'"),
        ("--set frames=1", "at least 2"),
        ("--set movies=[nowhere]", "no such movie folder"),
        ("--set model=nothing", "unknown model"),
        ("--json nowhere/a.json", "existing folder"),
        ("--picture nowhere/a.png", "existing folder"),
        ("--picture kept", "name a file"),
        ("--failures protocol.yaml", "protocol.yaml cannot be written"),
        ("--failures worst --set movies=[crossing,./crossing]", "named crossing"),
    ],
)
def test_a_protocol_that_cannot_run_is_refused(
    protocol, capfd, words: str, expected: str
) -> None:
    config, kept = protocol
    assert main(["evaluate", str(config), *words.split()]) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert expected in shown.err
    assert not list(kept.iterdir())


@pytest.mark.parametrize("words", ["--set frames=3", "--json a.json"])
def test_existing_results_have_no_protocol(folder: Path, capfd, words: str) -> None:
    pair = "evaluate --pred same.tif --truth truth".split()
    assert main([*pair, *words.split()]) == 2
    assert "CONFIG.yaml" in capfd.readouterr().err
    assert not Path("a.json").exists()


def test_the_label_stack_of_a_folder_is_scored_as_the_folder(
    folder: Path, capfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    scene = scenes.two_crossing
    prompts = [scene.mask_prompt(1, 5), scene.mask_prompt(2, 2)]
    options = {"model": "threshold", "out": "some", "progress": False}
    track(scene.images, prompts, direction="backward", stop=7, **options)
    whole = figures(capfd, "--pred", "some")
    np.testing.assert_equal(figures(capfd, "--pred", "some/masklets.tif"), whole)
