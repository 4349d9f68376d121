"""``sam-i2v track`` from the shell's side, with the threshold engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

import scenes
from fakes import ThresholdPredictor, build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.cli import main
from napari_sam_i2v.session import job
from scenes import Scene

Track = Callable[..., int]


@pytest.fixture
def track(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Track:
    """Run ``track`` on a scene in a folder of its own."""
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, scene: Scene = scenes.two_crossing) -> int:
        write_scene(scene, tmp_path)
        given = ["--out", "out", "--model", "threshold"]
        if "--prompts" not in words:
            given += ["--prompts", "labels.tif"]
        return main(["track", "movie.tif", *given, *words])

    return run


def write_scene(scene: Scene, folder: Path) -> None:
    tifffile.imwrite(folder / "movie.tif", scene.images, metadata={"axes": "TYX"})
    tifffile.imwrite(folder / "labels.tif", scene.label_image(0))


def read_labels(folder: Path = Path("out")) -> np.ndarray:
    return tifffile.imread(folder / "masklets.tif")


def test_it_writes_what_the_interface_promises(track: Track, capfd) -> None:
    assert track() == 0
    names = {path.name for path in Path("out").iterdir()}
    assert {"masklets.tif", "scores.csv", "session.json", "log.txt"} <= names
    np.testing.assert_array_equal(read_labels(), scenes.two_crossing.truth)
    scores = pd.read_csv("out/scores.csv")
    assert scores.shape == (16, 7)
    shown = capfd.readouterr()
    assert shown.out.split()[:2] == ["object", "first"]
    assert len(shown.out.splitlines()) == 3
    assert "8 of 8 done" in shown.err


def test_session_json_says_what_was_done(track: Track) -> None:
    assert track("--seed", "3", "--stop", "5", "--contrast", "0", "3000") == 0
    session = json.loads(Path("out/session.json").read_text())
    assert session["model"] == "threshold"
    assert session["checkpoint_sha256"] == ThresholdPredictor.checkpoint_sha256
    assert session["seed"] == 3
    assert session["contrast"] == [[0, 3000]]
    assert session["views"] == "frame"
    assert session["finished"]
    assert [entry["action"] for entry in session["log"]] == ["prompts", "propagate"]
    assert session["log"][1]["stop"] == 5
    for name in session["files"]:
        assert (Path("out") / name).exists() or name.endswith("-journal")


def test_frames_outside_the_range_are_empty(track: Track) -> None:
    assert track("--start", "2", "--stop", "5") == 0
    seen = read_labels().any(axis=(1, 2))
    assert seen.tolist() == [False] * 2 + [True] * 3 + [False] * 3
    assert sorted(set(pd.read_csv("out/scores.csv")["frame"])) == [2, 3, 4]


@pytest.mark.parametrize("direction", ["backward", "both"])
def test_directions(track: Track, direction: str) -> None:
    words = ("--prompt-frame", "0", "--direction", direction)
    assert track(*words) == 0
    seen = read_labels().any(axis=(1, 2))
    assert seen.sum() == (1 if direction == "backward" else 8)


def test_prompts_from_csv_and_from_a_session(track: Track) -> None:
    y, x = scenes.two_crossing.click(2, 0).yx
    Path("p.csv").write_text(
        f"frame,object_id,kind,y,x,y2,x2,positive\n0,2,point,{y},{x},,,1\n"
    )
    assert track("--prompts", "p.csv") == 0
    first = read_labels()
    assert set(np.unique(first)) == {0, 2}
    assert track("--prompts", "out", "--out", "again") == 0
    np.testing.assert_array_equal(first, read_labels(Path("again")))


def test_a_finished_folder_is_refused_continued_or_replaced(
    track: Track, capfd
) -> None:
    assert track() == 0
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    capfd.readouterr()
    assert track() == 2
    assert "--resume" in capfd.readouterr().err
    assert track("--resume") == 0
    assert before == {path: path.read_bytes() for path in Path("out").iterdir()}
    Path("out/notes.txt").write_text("mine")
    assert track("--overwrite", "--stop", "4") == 0
    assert not read_labels()[4:].any()
    assert Path("out/notes.txt").read_text() == "mine"


def test_a_kill_just_before_the_end_is_no_matter(track: Track) -> None:
    assert track() == 0
    before = {path: path.read_bytes() for path in Path("out").glob("*s.*[fv]")}
    assert len(before) == 2
    told = Path("out/session.json").read_text()
    Path("out/session.json").write_text(told.replace("true", "false", 1))
    for path in before:
        path.unlink()
    assert track("--resume") == 0
    assert before == {path: path.read_bytes() for path in before}
    assert Path("out/session.json").read_text() == told


def test_overwriting_leaves_what_no_session_names(track: Track, capfd) -> None:
    Path("out").mkdir()
    Path("out/masklets.tif").write_text("mine")
    assert track("--overwrite") == 2
    assert "masklets.tif would be overwritten" in capfd.readouterr().err
    assert [path.name for path in Path("out").iterdir()] == ["masklets.tif"]
    assert Path("out/masklets.tif").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (["--seed", "1"], "another seed (0 then, 1 now)"),
        (["--start", "1"], "another start"),
        (["--stop", "6"], "another stop"),
        (["--direction", "both"], "another direction"),
        (["--views", "objects"], "another views"),
        (["--cell-size", "9"], "another cell size"),
        (["--contrast", "0", "9"], "another contrast"),
        (["--model", "other"], "another model"),
        (["--prompts", "other.tif"], "other prompts"),
    ],
)
def test_resuming_with_something_else_is_refused(
    track: Track, monkeypatch, capfd, words: list, difference: str
) -> None:
    monkeypatch.setitem(backends.BACKENDS, "other", build_threshold)
    tifffile.imwrite("other.tif", scenes.two_crossing.label_image(0)[:, ::-1])
    assert track() == 0
    capfd.readouterr()
    assert track("--resume", *words) == 2
    assert difference in capfd.readouterr().err


def test_resuming_with_another_movie_is_refused(track: Track, capfd) -> None:
    assert track() == 0
    assert track("--resume", "--prompts", "labels.tif", scene=scenes.touching) == 2
    assert "another" in capfd.readouterr().err


def test_resuming_an_empty_folder_starts(track: Track) -> None:
    Path("out").mkdir()
    assert track("--resume") == 0
    assert read_labels().any()


def test_quiet_shows_no_progress(track: Track, capfd) -> None:
    assert track("--quiet") == 0
    assert capfd.readouterr().err == ""


def test_a_fault_of_ours_is_one_line_and_a_log(track: Track, capfd, monkeypatch):
    def broken(self, frame, ids, *, reverse=False):
        raise RuntimeError("broken\nin two lines")

    monkeypatch.setattr(ThresholdPredictor, "track", broken)
    assert track() == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: a fault in sam-i2v: RuntimeError: broken in two")
    assert "Traceback" in Path("out/log.txt").read_text()
    monkeypatch.undo()


def test_an_interruption_keeps_what_is_done(track: Track, capfd, monkeypatch) -> None:
    assert track("--out", "whole") == 0
    usual = ThresholdPredictor.track

    def stopped(self, frame, ids, *, reverse=False):
        if frame == 5:
            raise KeyboardInterrupt
        return usual(self, frame, ids, reverse=reverse)

    with monkeypatch.context() as patch:
        patch.setattr(ThresholdPredictor, "track", stopped)
        capfd.readouterr()
        assert track() == 130
    assert "--resume" in capfd.readouterr().err
    assert not Path("out/masklets.tif").exists()
    assert track("--resume") == 0
    for name in ("masklets.tif", "scores.csv"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()


def test_formats_are_written_and_deleted(track: Track) -> None:
    assert track("--format", "ctc", scene=scenes.leaves_and_returns) == 0
    masks = sorted(Path("out/ctc").glob("mask*.tif"))
    assert [path.name for path in masks[:2]] == ["mask000.tif", "mask001.tif"]
    tracks = Path("out/ctc/res_track.txt").read_text().splitlines()
    assert tracks == ["1 0 2 0", "2 5 7 1"]
    stack = np.stack([tifffile.imread(path) for path in masks])
    np.testing.assert_array_equal(stack > 0, read_labels() > 0)
    assert track("--overwrite") == 0
    assert not Path("out/ctc").exists()


def test_tracks_are_written_and_deleted(track: Track) -> None:
    pytest.importorskip("geff")
    assert track("--format", "geff,trackmate") == 0
    assert Path("out/tracks.geff/.zattrs").is_file()
    assert Path("out/trackmate.xml").is_file()
    assert track("--overwrite", "--format", "trackmate") == 0
    assert not Path("out/tracks.geff").exists()
    assert track("--overwrite") == 0
    assert not Path("out/trackmate.xml").exists()


def test_a_format_whose_extra_is_missing_is_refused(
    track: Track, capfd, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "geff", None)
    assert track("--format", "geff") == 2
    assert "napari-sam-i2v[tracking]" in capfd.readouterr().err
    assert not Path("out").exists()


def test_warnings_are_lines_of_their_own(track: Track, capfd, monkeypatch) -> None:
    usual = job.track_to_end

    def warning(*args) -> None:
        job._log.warning("mind the %s", "gap")
        usual(*args)

    monkeypatch.setattr(job, "track_to_end", warning)
    assert track("--quiet") == 0
    assert capfd.readouterr().err == "warning: mind the gap\n"
    assert "mind the gap" in Path("out/log.txt").read_text()


def test_what_cannot_be_overwritten_is_found_before_anything_goes(
    track: Track, capfd
) -> None:
    assert track() == 0
    before = {path.name for path in Path("out").iterdir()}
    Path("out/trackmate.xml").write_text("mine")
    assert track("--overwrite", "--format", "trackmate") == 2
    assert "would be overwritten" in capfd.readouterr().err
    assert {path.name for path in Path("out").iterdir()} == before | {"trackmate.xml"}


def test_places_out_of_reach_are_one_line(track: Track, capfd) -> None:
    assert track() == 0
    capfd.readouterr()
    assert track("--out", "movie.tif/out") == 2
    assert main(["simulate", "--out", "movie.tif/x"]) == 2
    assert main(["track", "movie.tif", "--prompts", "labels.tif/x.csv"]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3 and all(line.startswith("error: ") for line in lines)
