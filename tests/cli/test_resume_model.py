"""The real engine in a real process, killed and continued."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.simulation import SimulationSettings, simulate
from reference import recipe_model

FRAMES, OBJECTS = 12, 4
WORDS = (
    "track movie.tif --prompts labels.tif --checkpoint weights.pt --views objects"
).split()
RUNNER = """
import sys
from napari_sam_i2v.cli import main
from napari_sam_i2v.session import snapshots

snapshots.DEFAULT_INTERVAL, snapshots._SHARE = 0.0, 1.0
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A simulated movie, masks of its first frame, random weights."""
    monkeypatch.chdir(tmp_path)
    settings = SimulationSettings(
        frames=FRAMES, height=128, width=128, cells=20, diameter=14, seed=6
    )
    movie = simulate(settings)
    ids = np.unique(movie.labels[0])[1 : OBJECTS + 1]
    assert len(ids) == OBJECTS
    tifffile.imwrite("movie.tif", movie.images, metadata={"axes": "TYX"})
    chosen = np.where(np.isin(movie.labels[0], ids), movie.labels[0], 0)
    tifffile.imwrite("labels.tif", chosen.astype(np.uint16))
    model = recipe_model(config="sam-i2v-cell")
    torch.save({"model": model.state_dict()}, "weights.pt")
    return tmp_path


def start(*words: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", RUNNER, *WORDS, *words],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(process: subprocess.Popen, code: int) -> None:
    _, shown = process.communicate(timeout=300)
    assert process.returncode == code, shown


def wait_for(process: subprocess.Popen, visits: int) -> None:
    """Wait for some visits, and for a snapshot that was taken before the last."""
    deadline = time.monotonic() + 300
    while True:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        if Path("out/masks.sqlite").exists():
            with contextlib.closing(MaskStore(Path("out/masks.sqlite"))) as store:
                if store.snapshot() is not None and store.steps(1) >= visits:
                    return
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_twice_it_ends_as_if_nothing_had_been(folder: Path) -> None:
    finish(start("--out", "whole"), 0)
    for visits in (3, 8):
        process = start("--out", "out", "--resume")
        wait_for(process, visits)
        process.send_signal(signal.SIGKILL)
        finish(process, -signal.SIGKILL)
        assert not Path("out/masklets.tif").exists()
    process = start("--out", "out", "--resume")
    _, shown = process.communicate(timeout=300)
    assert process.returncode == 0, shown
    left = int(shown.split(" of ")[1].split()[0])
    assert left < FRAMES, "it went on from a snapshot"
    for name in ("masklets.tif", "scores.csv"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()
    labels = tifffile.imread("out/masklets.tif")
    assert all(labels[frame].any() for frame in range(FRAMES))
