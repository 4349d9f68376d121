"""What docs/scripting.md says runs as it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
import tifffile

import clicks
import napari_sam_i2v as si
from napari_sam_i2v import annotator as annotators
from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.simulation.simulate import SimulatedMovie

PAGE = (Path(__file__).parents[1] / "docs" / "scripting.md").read_text()

pytestmark = pytest.mark.slow


def blocks(heading: str) -> list[str]:
    """Python blocks under a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)


@pytest.fixture
def movie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedMovie:
    """Fifty frames, and labels of the first, under the names that the page uses."""
    simulated = simulate(
        SimulationSettings(
            modality="nuclei", frames=50, cells=6, height=96, width=96, seed=5
        )
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path / "sessions"))
    tifffile.imwrite("movie.tif", simulated.images, metadata={"axes": "TYX"})
    tifffile.imwrite("labels.tif", simulated.labels[0])
    tifffile.imwrite("first_frame_labels.tif", simulated.labels[0])
    return simulated


def test_one_call(movie: SimulatedMovie) -> None:
    names: dict[str, Any] = {"movie": movie.images, "si": si}
    from_labels, from_prompts = blocks("One call")
    exec(from_labels, names)
    assert names["result"].labels.shape == (50, 96, 96)
    exec(from_prompts, names)
    assert set(names["result"].scores["object_id"]) == {1, 2}


def test_a_session(movie: SimulatedMovie, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"si": si}
    first, rest = blocks("A session")
    exec(first, names)
    assert "49 {1: " in capsys.readouterr().out
    session = names["session"]
    session.add_all(
        si.PointPrompt(frame=0, object_id=object_id, yx=place)
        for object_id, place in ((7, (20.0, 20.0)), (9, (80.0, 30.0)))
    )
    exec(rest, names)
    assert "object_id=1" in capsys.readouterr().out
    assert session.object_ids == [1, 8]
    assert session.approved_frames(1) == list(range(30))
    assert session.styles == {}  # the last thing done was undone
    session.close()


@pytest.mark.qt
def test_the_plugin(
    movie: SimulatedMovie,
    make_napari_viewer: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    notes: list[str],
) -> None:
    viewer = make_napari_viewer()
    monkeypatch.setattr(napari, "Viewer", lambda: viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    [script] = blocks("The plugin, from a script")
    names: dict[str, Any] = {}
    exec(script, names)
    assert names["annotator"] is annotators.of(viewer)
    whole = names["annotator"].layers.stack
    clicks.wait_for(lambda: whole.any(axis=(1, 2)).all(), "masks on all frames")
    assert set(np.unique(whole[0])) == set(np.unique(movie.labels[0]))
    assert notes == []


def test_methods_of_the_table_are_there() -> None:
    table = "\n".join(line for line in PAGE.split("\n") if line.startswith("| `"))
    calls = re.findall(r"`(\w+)\(", table)
    assert len(calls) > 35
    missing = [name for name in calls if not callable(getattr(Annotator, name, None))]
    assert missing == []
    undocumented = [name for name in calls if not getattr(Annotator, name).__doc__]
    assert undocumented == []
