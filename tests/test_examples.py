"""The examples run as they are, with real models and real viewers."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
import tifffile

import clicks
from napari_sam_i2v import annotator as annotators
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.tracking import load_session

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.slow


def test_headless(tmp_path: Path) -> None:
    script = [sys.executable, EXAMPLES / "headless.py", tmp_path / "kept"]
    told = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert "frame 11: 3 masks" in told
    movie = simulate(SimulationSettings(modality="nuclei", frames=12, cells=12, seed=3))
    session = load_session(tmp_path / "kept", movie.images)
    first = session.object_ids[0]
    assert session.approved_frames(first) == list(range(12))
    assert session.styles[first].name == "mother"
    session.close()


@pytest.fixture
def run_in_viewer(
    make_napari_viewer: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    """Run an example; where it hands over to a person, wait until all is done."""
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path / "sessions"))
    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda: viewer)
    handed_over: list[Any] = []

    def finish() -> None:
        annotator = annotators.of(viewer)
        assert annotator is not None
        clicks.wait_for(lambda: annotator.status.phase != "loading", "the model")
        for _ in range(2):  # what is answered may ask for more
            arrived: list[bool] = []
            annotator.jobs.submit(lambda: True, arrived.append)
            clicks.wait_for(lambda found=arrived: found, "the worker")
        clicks.wait_for(lambda: not annotator.desk._dirty, "painting")
        handed_over.append(annotator)

    def run(name: str, *arguments: Path) -> Any:
        monkeypatch.setattr(napari, "run", finish)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name))
        [annotator] = handed_over
        return annotator

    return run


@pytest.mark.qt
def test_driving_the_viewer(
    run_in_viewer: Callable[..., Any], notes: list[str]
) -> None:
    annotator = run_in_viewer("drive.py")
    session = annotator.desk.session
    assert session.object_ids == [1, 2, 3]
    assert session.approved_frames(1) == [0, 1, 2, 3, 4]
    assert session.styles[1].name == "first cell"
    assert [one.ended for one in session.summary()] == [None] * 3
    assert annotator.layers.stack.any(axis=(1, 2)).all()
    assert notes == []


@pytest.mark.qt
def test_labels_of_the_first_frame(
    run_in_viewer: Callable[..., Any], tmp_path: Path
) -> None:
    movie = simulate(
        SimulationSettings(
            modality="nuclei", frames=5, cells=6, height=96, width=96, seed=3
        )
    )
    tifffile.imwrite(tmp_path / "movie.tif", movie.images, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "cells.tif", movie.labels[0])
    annotator = run_in_viewer(
        "annotate.py", tmp_path / "movie.tif", tmp_path / "cells.tif"
    )
    assert annotator.desk.session.object_ids == np.unique(movie.labels[0])[1:].tolist()
    assert annotator.layers.stack.any(axis=(1, 2)).all()
    lines = (EXAMPLES / "annotate.py").read_text().split('"""')[2].split("\n")
    assert sum(bool(line.strip()) for line in lines) <= 12
