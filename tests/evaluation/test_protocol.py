"""Protocols are read strictly, and those that come with the package are whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.protocol import ProtocolConfig

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "napari_sam_i2v" / "configs" / "evaluate"


@pytest.mark.parametrize(
    "settings",
    [{"movies": ()}, {"prompts": ()}, {"frames": 1}, {"corrections": -1}],
    ids=str,
)
def test_protocols_that_score_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        ProtocolConfig(**({"movies": (Path("movie"),)} | settings))


@pytest.mark.parametrize("name", ["cells.yaml", "corrections.yaml"])
def test_the_protocols_of_the_cell_movies(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("NAPARI_SAM_I2V_DATA", "somewhere")
    config = load_yaml(ProtocolConfig, FOLDER / name)
    assert len(config.movies) == 6
    assert config.movies[0] == Path("somewhere/fluo_c2dl_msc_01")
    assert config.baselines == ("copy", "watershed")
    assert config.corrections == (name == "corrections.yaml")


def test_cells_are_prompted_in_every_way(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_yaml(ProtocolConfig, FOLDER / "cells.yaml")
    assert config.prompts == ("label", "box", "click", "clicks")
    chosen = load_yaml(
        ProtocolConfig, FOLDER / "cells.yaml", overrides=["prompts=[click]", "frames=9"]
    )
    assert (chosen.prompts, chosen.frames) == (("click",), 9)


def test_unknown_kinds_are_refused() -> None:
    for override in ("prompts=[scribble]", "baselines=[magic]", "correction=1"):
        with pytest.raises(InputError):
            load_yaml(ProtocolConfig, FOLDER / "cells.yaml", overrides=[override])
