"""A cache of its own, a small movie, a model that trains in a blink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from napari_sam_i2v import track
from napari_sam_i2v.fine_tuning import FineTune
from napari_sam_i2v.io.prompt_masks import mask_prompts
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.simulation.write import write_movie
from tiny import EXTRAS, tiny_config

MOVIE = simulate(
    SimulationSettings(
        modality="nuclei", frames=8, height=80, width=100, cells=6, seed=4
    )
)
SMALL = (
    "threads=1",
    "workers=0",
    "bf16=false",
    "movies.size=64",
    "movies.frames=9",
    "movies.pool=2",
)
UNSCORED = ("validation.every=0", "validation.first=false")
SCORED = ("validation.movies=2", "validation.clips=3", "validation.frames=3")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    write_movie(MOVIE, tmp_path / "movie")
    return tmp_path / "movie"


@pytest.fixture
def session(tmp_path: Path, movie: Path) -> Path:
    """All cells of frame 0 are prompted, and tracked to frame 3."""
    prompts = mask_prompts(MOVIE.labels[0], 0)
    out = tmp_path / "session"
    track(movie / "images.tif", prompts, stop=3, out=out, progress=False)
    return out


@pytest.fixture
def blink(cache: Path) -> str:
    """A fine-tuned model with random weights, so small that it trains in a blink."""
    pytest.importorskip("torch")
    from dataclasses import asdict

    from safetensors.torch import save_file

    from napari_sam_i2v.model import build_model

    config = tiny_config(EXTRAS)
    folder = cache / "models" / "blink"
    folder.mkdir(parents=True)
    save_file(build_model(config).state_dict(), folder / "weights.safetensors")
    content = yaml.safe_load(yaml.dump(as_lists(asdict(config) | {"name": "blink"})))
    (folder / "model.yaml").write_text(yaml.safe_dump(content))
    return "blink"


def as_lists(value: Any) -> Any:
    """Write tuples as YAML does."""
    if isinstance(value, dict):
        return {key: as_lists(each) for key, each in value.items()}
    return [as_lists(each) for each in value] if isinstance(value, tuple) else value


@pytest.fixture
def small(blink: str, movie: Path) -> Callable[..., FineTune]:
    """Ask for a run of seconds; ``changes`` replace what is asked for."""

    def ask(
        *, scored: bool = False, more: tuple[str, ...] = (), **changes: Any
    ) -> FineTune:
        overrides = (*SMALL, *(SCORED if scored else UNSCORED), *more)
        asked: dict[str, Any] = {
            "name": "mine",
            "data": str(movie),
            "base": blink,
            "device": "cpu",
            "simulated": 0.0,
            "overrides": overrides,
        }
        if "minutes" not in changes:
            asked["steps"] = 4
        return FineTune(**{**asked, **changes})

    return ask
