"""The loop: it learns, it saves, it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model import build_model, load_weights
from napari_sam_i2v.training.train import main

pytestmark = pytest.mark.slow

RUN = {
    "model": "sam-i2v-cell",
    "workers": 1,
    "threads": 1,
    "bf16": False,
    "save_minutes": 0.0,
    "movies": {"frames": 5, "size": 96, "pool": 2, "draws": 64},
    "stages": [
        {"steps": 2, "batch": 2, "frames": 1, "rate": 1e-3, "rate_end": 1e-3},
        {"steps": 2, "batch": 2, "frames": 4, "rate": 1e-3, "rate_end": 1e-4},
    ],
}


def config(folder: Path, out: str, **changes: object) -> Path:
    """Write a small run's YAML."""
    path = folder / f"{out}.yaml"
    path.write_text(yaml.safe_dump({**RUN, "out": str(folder / out), **changes}))
    return path


def test_a_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    straight = main(config(tmp_path, "straight"))
    first_half = [RUN["stages"][0], {**RUN["stages"][1], "steps": 1}]
    path = config(tmp_path, "stopped", stages=first_half)
    main(path)
    # The second stage's rate depends on its length: the first step of it is the same.
    main(config(tmp_path, "stopped"), resume=True)
    ours = load_weights(build_model("sam-i2v-cell"), straight).state_dict()
    theirs = load_weights(
        build_model("sam-i2v-cell"), tmp_path / "stopped" / "weights.safetensors"
    ).state_dict()
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key
    steps = [
        json.loads(line)["step"]
        for line in (tmp_path / "stopped" / "log.jsonl").read_text().splitlines()
    ]
    assert steps == [1, 2, 3, 4]


def test_a_folder_with_a_run_is_refused(tmp_path: Path) -> None:
    path = config(tmp_path, "run", stages=RUN["stages"][:1])
    main(path)
    with pytest.raises(InputError, match="--resume"):
        main(path)


def test_an_unknown_setting_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="weight_decay"):
        main(config(tmp_path, "run"), ["weigth_decay=0.1"])
