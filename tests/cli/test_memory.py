"""How much memory a run takes, however long the movie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

TESTS = Path(__file__).resolve().parents[1]
STATUS = Path("/proc/self/status")
RUNNER = """
import sys
sys.path.insert(0, sys.argv[1])
from fakes import build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.cli import main

backends.BACKENDS["threshold"] = build_threshold
code = main(sys.argv[2:])
status = open("/proc/self/status").read()
print("peak", status.split("VmHWM:")[1].split()[0])
sys.exit(code)
"""
FOLLOWER = """
import sys
import numpy as np
from napari_sam_i2v import open_session
from napari_sam_i2v.evaluation.prompting import first_frame_prompts

movie = np.load(sys.argv[1])
session = open_session(movie, device="cpu", views="objects")
session.add_all(first_frame_prompts(movie, "label"))
for result in session.propagate():
    assert all(mask.area for mask in result.masks.values())
    if result.frame in (60, len(movie) - 1):
        print(open("/proc/self/status").read().split("VmRSS:")[1].split()[0])
"""


def peak(movie: np.ndarray, *words: str) -> int:
    """Track a movie in a process of its own; returns its peak RSS in kB."""
    tifffile.imwrite("movie.tif", movie, metadata={"axes": "TYX"}, compression="zlib")
    tifffile.imwrite("labels.tif", movie[0])
    command = [sys.executable, "-c", RUNNER, str(TESTS)]
    command += "track movie.tif --prompts labels.tif --quiet".split()
    # A folder of its own: overwriting results takes some megabytes too.
    done = subprocess.run(
        [*command, "--out", f"out_{len(movie)}", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("peak ")[1])


def squares(frames: int, size: int, objects: int) -> np.ndarray:
    """Object ``i`` is a square of brightness ``i`` that goes to and fro."""
    movie = np.zeros((frames, size, size), np.uint16)
    side = size // 5
    for frame in range(frames):
        for index in range(objects):
            top, left = (index // 4) * (side + 2) + 1, (index % 4) * (side + 2) + 1
            top += abs(frame % 8 - 4) // 2
            movie[frame, top : top + side, left : left + side] = index + 1
    return movie


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="peak memory is read from /proc")
def test_four_times_the_frames_take_the_same_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    short, long = (
        peak(squares(frames, 256, 8), "--model", "threshold") for frames in (100, 400)
    )
    assert long < 1.05 * short, (short, long)


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="memory is read from /proc")
def test_what_the_network_remembers_does_not_grow(tmp_path: Path) -> None:
    # Peaks of whole runs differ by a tenth; within a run memory hardly moves.
    np.save(tmp_path / "movie.npy", squares(240, 64, 2))
    done = subprocess.run(
        [sys.executable, "-c", FOLLOWER, str(tmp_path / "movie.npy")],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    early, late = (int(line) for line in done.stdout.split())
    assert late < 1.01 * early, (early, late)
