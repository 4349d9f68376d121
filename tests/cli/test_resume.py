"""Real processes that are killed, stopped or run out of disk, and continued."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

import scenes
from disks import mounted
from fakes import build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.cli import main
from napari_sam_i2v.session.store import MaskStore
from scenes import disc, stack

TESTS = Path(__file__).resolve().parents[1]
RUNNER = """
import sys
sys.path.insert(0, sys.argv[1])
from fakes import ThresholdPredictor
from napari_sam_i2v import backends
from napari_sam_i2v.session import snapshots
from napari_sam_i2v.cli import main

def slow(name, video, **options):
    return ThresholdPredictor(video, delay=0.02)

snapshots.DEFAULT_INTERVAL = float(sys.argv[2])
backends.BACKENDS["threshold"] = slow
sys.exit(main(sys.argv[3:]))
"""
TRUTH = stack(
    *[
        {1: disc((7, 5 + 20 * t / 60), radius=3), 2: disc((17, 25 - 20 * t / 60))}
        for t in range(60)
    ]
)
WORDS = "track movie.tif --prompts labels.tif --model threshold --format ctc".split()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    images = (TRUTH * scenes.BRIGHT).astype(np.uint16)
    tifffile.imwrite("movie.tif", images, metadata={"axes": "TYX"})
    tifffile.imwrite("labels.tif", TRUTH[0].astype(np.uint16))
    yield tmp_path


def start(*words: str, interval: float) -> subprocess.Popen:
    command = [sys.executable, "-c", RUNNER, str(TESTS), str(interval)]
    return subprocess.Popen(
        [*command, *WORDS, "--out", "out", *words], stderr=subprocess.PIPE, text=True
    )


def wait_for_visits(process: subprocess.Popen, visits: int) -> None:
    deadline = time.monotonic() + 60
    while visits_done() < visits:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def visits_done() -> int:
    path = Path("out/masks.sqlite")
    if not path.exists():
        return 0
    with contextlib.closing(MaskStore(path)) as store:
        return store.steps(1)


def results(out: str) -> dict[Path, bytes]:
    names = ["masklets.tif", "scores.csv", "ctc/res_track.txt", "ctc/mask030.tif"]
    return {Path(name): Path(out, name).read_bytes() for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("interval", [0.05, 1000], ids=["snapshots", "no snapshot"])
def test_kill_and_resume_ends_as_if_nothing_had_been(folder: Path, interval) -> None:
    assert main([*WORDS, "--out", "whole"]) == 0
    for visits in (1, 20, 45):
        process = start("--resume", interval=interval)
        wait_for_visits(process, visits)
        process.send_signal(signal.SIGKILL)
        _, shown = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, shown
        assert visits_done() < len(TRUTH)
    process = start("--resume", interval=interval)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 0, shown
    assert results("out") == results("whole")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_process_says_so(folder: Path, number: signal.Signals) -> None:
    assert main([*WORDS, "--out", "whole"]) == 0
    process = start(interval=0.05)
    wait_for_visits(process, 15)
    process.send_signal(number)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 130, shown
    assert shown.splitlines()[-1].startswith("error: interrupted")
    assert "Traceback" not in shown
    assert main([*WORDS, "--out", "out", "--resume"]) == 0
    assert results("out") == results("whole")


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a disk of 256 kB as ``disk``."""
    with mounted(folder / "disk", "256k") as disk:
        yield disk


@pytest.mark.parametrize("taken", [100, 170, 220], ids="{} kB taken".format)
def test_a_full_disk_keeps_the_work(small_disk: Path, capfd, taken: int) -> None:
    assert main([*WORDS, "--out", "whole"]) == 0
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1024 * taken))
    capfd.readouterr()
    out = str(small_disk / "out")
    assert main([*WORDS, "--out", out, "--quiet"]) == 2
    shown = capfd.readouterr().err
    assert shown.startswith("error: no room left on the disk")
    assert shown.count("\n") == 1
    ballast.unlink()
    remount = ["mount", "-o", "remount,size=4m", str(small_disk)]
    subprocess.run(remount, check=True)
    assert main([*WORDS, "--out", out, "--quiet", "--resume"]) == 0
    assert results(out) == results("whole")
