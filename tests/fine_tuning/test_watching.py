"""The log is followed line by line, whatever is half-written or cut."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from napari_sam_i2v.fine_tuning.watching import LogFollower


def lines(first: int, last: int) -> bytes:
    text = ""
    for step in range(first, last + 1):
        figures = {"loss": 1 / step, "seconds": 0.5, "step": step, "kind": "train"}
        text += json.dumps(figures) + "\n"
        if step % 4 == 0:
            score = {"step": step, "kind": "validation", "mask/J": 0.5}
            text += json.dumps(score) + "\n"
    return text.encode()


def test_pieces_read_one_by_one_are_the_whole(tmp_path: Path) -> None:
    whole = lines(1, 20)
    rng = np.random.default_rng(0)
    for trial in range(20):
        folder = tmp_path / str(trial)
        folder.mkdir()
        follower = LogFollower(folder)
        follower.read()
        cuts = sorted(rng.integers(0, len(whole), 6).tolist())
        for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            with (folder / "log.jsonl").open("ab") as file:
                file.write(whole[start:stop])
            follower.read()
            complete = whole[:stop].count(b'"train"}\n')
            assert len(follower.losses) == complete
        assert [step for step, _ in follower.losses] == list(range(1, 21))
        assert [score.step for score in follower.scores] == [4, 8, 12, 16, 20]


def test_a_log_that_was_cut_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(lines(1, 10) + b'{"step": 11, "ki')
    follower = LogFollower(tmp_path)
    follower.read()
    assert follower.step == 10
    path.write_bytes(lines(1, 6))
    follower.read()
    assert follower.step == 6
    with path.open("ab") as file:
        file.write(lines(7, 30))
    follower.read()
    assert [step for step, _ in follower.losses] == list(range(1, 31))


def test_a_log_cut_and_grown_between_two_looks_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(lines(1, 10))
    follower = LogFollower(tmp_path)
    follower.read()
    other = lines(1, 6) + lines(7, 30).replace(b"0.5", b"0.7")
    path.write_bytes(other)
    follower.read()
    assert follower.step == 30
    assert follower.train[8]["seconds"] == 0.7


def test_torn_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1, "ki\n[]\n' + lines(2, 3))
    follower = LogFollower(tmp_path)
    follower.read()
    assert [step for step, _ in follower.losses] == [2, 3]
