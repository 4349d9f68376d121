"""The loop: it learns, it saves, it goes on, alone or with others."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.training.records import read_log
from napari_sam_i2v.training.settings import TrainingSettings
from napari_sam_i2v.training.train import first_weights, main

pytestmark = pytest.mark.slow

RUN: dict[str, Any] = {
    "device": "cpu",
    "threads": 1,
    "workers": 0,
    "bf16": False,
    "save_minutes": 0.0,
    "validation": {"every": 0},
    "movies": {"frames": 5, "size": 64, "pool": 2, "draws": 64},
    "stages": [
        {"steps": 2, "batch": 2, "frames": 1, "rate": 1e-3, "rate_end": 1e-3},
        {
            "steps": 3,
            "batch": 2,
            "frames": 2,
            "warm": 2,
            "rate": 1e-3,
            "rate_end": 1e-4,
        },
    ],
}
# A member that trains in a blink; one of everything, as ours is.
MEMBER: dict[str, Any] = {
    "name": "blink",
    "input_size": 128,
    "token_stride": 8,
    "width": 32,
    "encoder": {
        "widths": [8, 16, 16, 24],
        "depths": [1, 1, 1, 1],
        "heads": [2, 2, 3],
        "windows": [4, 4, 4],
        "classes": 0,
    },
    "temporal": {"width": 8, "window": 3, "taps": 3, "depth": 1},
    "memory": {"width": 16, "layers": 1, "feedforward": 32, "fuser_layers": 1},
    "decoder": {
        "heads": 2,
        "feedforward": 32,
        "high_res_features": True,
        "prompt_map": True,
    },
    "view": {"normalise": "view", "default": "objects"},
}
CONFIGS = Path(__file__).parents[2] / "configs" / "train"


def config(folder: Path, out: str, **changes: object) -> Path:
    """Write a small run's YAML."""
    member = folder / "blink.yaml"
    member.write_text(yaml.safe_dump(MEMBER))
    path = folder / f"{out}.yaml"
    content = {**RUN, "model": str(member), "out": str(folder / out), **changes}
    path.write_text(yaml.safe_dump(content))
    return path


def command(path: Path, *words: str) -> list[str]:
    """The command line that trains."""
    return [*words, "-m", "napari_sam_i2v", "train", str(path)]


def weights(path: Path) -> dict[str, torch.Tensor]:
    """The averaged weights of a run."""
    return load_file(path / "weights.safetensors")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from beginning to end."""
    folder = tmp_path_factory.mktemp("straight")
    main(config(folder, "run"))
    return folder / "run"


def test_a_killed_run_goes_on_as_if_it_had_not_been(
    tmp_path: Path, straight: Path
) -> None:
    path = config(tmp_path, "run")
    run = subprocess.Popen(command(path, sys.executable))
    for _ in range(1200):
        if len(read_log(tmp_path / "run")) >= 3:
            break
        assert run.poll() is None, "ended before it was killed"
        time.sleep(0.05)
    run.kill()
    run.wait()
    main(path, resume=True)
    ours, theirs = weights(straight), weights(tmp_path / "run")
    for key, value in ours.items():
        assert torch.equal(value, theirs[key]), key
    log = read_log(tmp_path / "run", "train")
    assert [line["step"] for line in log] == [1, 2, 3, 4, 5]
    assert [line["loss"] for line in log] == [
        line["loss"] for line in read_log(straight, "train")
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_last_step(tmp_path: Path, number: int) -> None:
    path = config(tmp_path, "run", save_minutes=60.0)
    run = subprocess.Popen(
        command(path, sys.executable), stderr=subprocess.PIPE, text=True
    )
    while not read_log(tmp_path / "run"):
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(number)
    _, errors = run.communicate(timeout=60)
    assert "Traceback" not in errors and "--resume" in errors
    steps = len(read_log(tmp_path / "run"))
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    assert state["step"] == steps < 5


def test_two_processes_train_as_one_with_the_double_batch(tmp_path: Path) -> None:
    changes = {"optimizer": {"freeze_norms": True}}
    main(config(tmp_path, "one", **changes))
    path = config(tmp_path, "two", **changes)
    launch = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
    subprocess.run(command(path, *launch, "--master-port", "29571"), check=True)
    one, two = (read_log(tmp_path / name, "train") for name in ("one", "two"))
    assert len(one) == len(two) == 5
    for ours, theirs in zip(one, two, strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], abs=2e-3)
    # AdamW divides by the gradient's size: rounding errors of tiny ones show.
    before = weights(tmp_path / "one")
    for key, value in weights(tmp_path / "two").items():
        torch.testing.assert_close(value, before[key], atol=2e-3, rtol=1e-2)


def test_validation_leaves_figures_and_a_picture(tmp_path: Path) -> None:
    validation = {"every": 2, "movies": 2, "clips": 3, "frames": 3, "shown": 2}
    main(config(tmp_path, "run", validation=validation))
    found = read_log(tmp_path / "run", "validation")
    assert [line["step"] for line in found] == [2, 4, 5]
    assert all(0 <= line["click/J"] <= 1 for line in found)
    assert len(list((tmp_path / "run" / "samples").glob("*.png"))) == 3


def test_the_released_member_is_trained_by_the_same_loop(tmp_path: Path) -> None:
    """A few steps of its settings, smaller."""
    # As released but for sizes: stride 16, no prompt map, no fine features.
    released = {"high_res_features": False, "prompt_map": False}
    member = MEMBER | {
        "input_size": 128,
        "token_stride": 16,
        "decoder": MEMBER["decoder"] | released,
        "view": {"normalise": "imagenet", "default": "frame"},
    }
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(member))
    content = yaml.safe_load((CONFIGS / "sam-i2v.yaml").read_text())
    content |= {
        **RUN,
        "model": str(tmp_path / "small.yaml"),
        "out": str(tmp_path / "r"),
    }
    content |= {"init_tinysam": None, "compiled": False}
    content["stages"] = [dict(RUN["stages"][1], steps=2)]
    path = tmp_path / "released.yaml"
    path.write_text(yaml.safe_dump(content))
    main(path)
    assert len(read_log(tmp_path / "r", "train")) == 2


def test_fine_tuning_leaves_what_is_frozen(tmp_path: Path) -> None:
    overrides = [
        f"out={tmp_path / 'r'}",
        "device=cpu",
        "bf16=false",
        "validation.every=0",
        "stages=[{steps: 2, batch: 2, frames: 2, rate: 1.0e-3, rate_end: 1.0e-3}]",
        "movies={size: 64, frames: 4, pool: 2, sources: [{modalities: [nuclei]}]}",
    ]
    main(CONFIGS / "finetune.yaml", overrides)
    settings = load_yaml(TrainingSettings, CONFIGS / "finetune.yaml")
    before = first_weights(settings).state_dict()
    frozen = trained = 0
    for key, value in weights(tmp_path / "r").items():
        same = torch.equal(value, before[key].to(value.dtype))
        if key.startswith("image_encoder.trunk_image."):
            assert same, key
            frozen += 1
        trained += not same
    assert frozen > 50 and trained > 50


@pytest.mark.parametrize("name", ["sam-i2v-cell", "sam-i2v", "finetune"])
def test_settings_that_ship_hold(name: str) -> None:
    assert load_yaml(TrainingSettings, CONFIGS / f"{name}.yaml").steps > 0


def test_a_folder_with_a_run_is_refused(straight: Path) -> None:
    with pytest.raises(InputError, match="--resume"):
        main(straight.parent / "run.yaml")


def test_mistakes_are_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ema"):
        main(config(tmp_path, "run"), ["emma=0.1"])
    with pytest.raises(InputError, match="not both"):
        main(config(tmp_path, "a"), ["init=x", "init_tinysam=y"])
    with pytest.raises(InputError, match="no such"):
        main(config(tmp_path, "b"), ["init=nothing.safetensors"])


@pytest.mark.parametrize(
    "change",
    [
        "stages=[]",
        "seed=-1",
        "workers=-1",
        "ema=2",
        "movies.pool=0",
        "movies.sources=[]",
        "prompts.kinds=[0, 0, 0]",
        "prompts.corrections=-1",
        "validation.clips=0",
        "stages=[{steps: 1, batch: 0, frames: 1, rate: 1.0e-3, rate_end: 1.0e-3}]",
    ],
)
def test_settings_out_of_range_are_told_in_a_line(tmp_path: Path, change: str) -> None:
    with pytest.raises(InputError, match="yaml: "):
        main(config(tmp_path, "run"), [change])


def test_a_state_that_cannot_be_gone_on_with(
    straight: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = straight.parent / "run.yaml"
    main(path, ["seed=5"], resume=True)
    assert "other settings (seed)" in caplog.text
    with pytest.raises(InputError, match="another model or other frozen parts"):
        main(path, ["optimizer.freeze=[memory_attention.*]"], resume=True)
    damaged = config(tmp_path, "damaged")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "state.pt").write_bytes(b"not a state")
    with pytest.raises(InputError, match="it is damaged"):
        main(damaged, resume=True)


def test_training_that_goes_astray_ends(tmp_path: Path) -> None:
    stages = [{"steps": 200, "batch": 1, "frames": 1, "rate": 1e12, "rate_end": 1e12}]
    with pytest.raises(InputError, match="lower rate"):
        main(config(tmp_path, "run", stages=stages, save_minutes=60.0))
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines():
        assert "NaN" not in line


def test_running_out_of_memory_is_advice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fewer movies"):
        main(config(tmp_path, "run"), ["movies.pool=2000000000"])


def test_a_gradient_is_cut_to_its_largest_norm(tmp_path: Path) -> None:
    held = {"clip": 1e-30, "weight_decay": 0.0, "freeze_norms": True}
    path = config(tmp_path, "held", stages=RUN["stages"][:1], optimizer=held)
    main(path)
    settings = load_yaml(TrainingSettings, path)
    torch.manual_seed(settings.seed)
    begun = first_weights(settings).state_dict()
    for key, value in weights(tmp_path / "held").items():
        assert torch.equal(value, begun[key].to(value.dtype)), key
    log = read_log(tmp_path / "held", "train")
    assert all(line["gradient"] > 0.01 for line in log)  # as it was before


def test_half_precision_learns_what_full_precision_does(
    tmp_path: Path, straight: Path
) -> None:
    main(config(tmp_path, "half", bf16=True))
    full = [line["loss"] for line in read_log(straight, "train")]
    half = [line["loss"] for line in read_log(tmp_path / "half", "train")]
    assert half != full
    assert half == pytest.approx(full, rel=0.05)
    for key, value in weights(tmp_path / "half").items():
        assert value.isfinite().all(), key
