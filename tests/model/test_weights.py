"""Weights in, whatever the file; nothing in a file is ever run."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model import build_model, init_from_tinysam, load_weights
from napari_sam_i2v.model.convert import convert_weights
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.model.weights import header_of
from tiny import tiny_config, tiny_model

State = dict[str, Tensor]


@pytest.fixture
def state() -> State:
    """Weights of a tiny model, to be spoilt."""
    return {key: tensor.clone() for key, tensor in tiny_model().state_dict().items()}


@pytest.fixture
def model() -> SamI2V:
    """A tiny model with other weights."""
    return build_model(tiny_config())


def save_released(state: State, folder: Path) -> Path:
    path = folder / "released.pt"
    torch.save({"model": state, "epoch": 3}, path)
    return path


def save_plain(state: State, folder: Path) -> Path:
    path = folder / "plain.pth"
    torch.save(state, path)
    return path


def save_old_format(state: State, folder: Path) -> Path:
    path = folder / "old.pt"
    torch.save({"model": state}, path, _use_new_zipfile_serialization=False)
    return path


def save_safetensors(state: State, folder: Path) -> Path:
    path = folder / "weights.safetensors"
    save_file(state, path)
    return path


FORMATS = [save_released, save_plain, save_old_format, save_safetensors]
each_format = pytest.mark.parametrize("save", FORMATS, ids=lambda save: save.__name__)


def assert_same(model: SamI2V, state: State) -> None:
    found = model.state_dict()
    assert found.keys() == state.keys()
    for key, tensor in state.items():
        assert torch.equal(found[key], tensor), key


@each_format
def test_weights_survive_a_file(
    model: SamI2V, state: State, tmp_path: Path, save: Callable[[State, Path], Path]
) -> None:
    loaded = load_weights(model, save(state, tmp_path))
    assert loaded is model
    assert not model.training
    assert_same(model, state)


@each_format
def test_half_precision_is_widened(
    model: SamI2V, state: State, tmp_path: Path, save: Callable[[State, Path], Path]
) -> None:
    halves = {
        key: tensor.half() if tensor.is_floating_point() else tensor
        for key, tensor in state.items()
    }
    load_weights(model, save(halves, tmp_path))
    assert model.no_obj_ptr.dtype == torch.float32
    assert_same(model, {key: half.to(state[key].dtype) for key, half in halves.items()})


@each_format
def test_a_missing_key_is_named(
    model: SamI2V, state: State, tmp_path: Path, save: Callable[[State, Path], Path]
) -> None:
    del state["obj_ptr_proj.layers.1.bias"]
    path = save(state, tmp_path)
    with pytest.raises(InputError, match=r"'obj_ptr_proj\.layers\.1\.bias' is missing"):
        load_weights(model, path)


def test_a_renamed_key_is_pointed_at(
    model: SamI2V, state: State, tmp_path: Path
) -> None:
    state["obj_ptr_proj.layer.1.bias"] = state.pop("obj_ptr_proj.layers.1.bias")
    path = save_plain(state, tmp_path)
    with pytest.raises(
        InputError, match=r"the file has 'obj_ptr_proj\.layer\.1\.bias'"
    ):
        load_weights(model, path)


@each_format
def test_an_extra_key_is_named(
    model: SamI2V, state: State, tmp_path: Path, save: Callable[[State, Path], Path]
) -> None:
    state["lora.weight"] = torch.zeros(3)
    path = save(state, tmp_path)
    with pytest.raises(InputError, match=r"'lora\.weight' is not a key"):
        load_weights(model, path)


@each_format
def test_a_misshapen_key_is_named(
    model: SamI2V, state: State, tmp_path: Path, save: Callable[[State, Path], Path]
) -> None:
    state["no_obj_ptr"] = torch.zeros(1, 33)
    path = save(state, tmp_path)
    with pytest.raises(
        InputError, match=r"'no_obj_ptr' has shape \(1, 33\).*\(1, 32\)"
    ):
        load_weights(model, path)


def test_weights_that_do_not_fit_change_nothing(
    model: SamI2V, state: State, tmp_path: Path
) -> None:
    before = copy.deepcopy(model.state_dict())
    state["no_obj_ptr"] = torch.zeros(1, 33)
    with pytest.raises(InputError):
        load_weights(model, save_plain(state, tmp_path))
    assert_same(model, before)


@each_format
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99, 0.9999])
def test_a_truncated_file_is_an_error_in_one_line(
    model: SamI2V,
    state: State,
    tmp_path: Path,
    save: Callable[[State, Path], Path],
    share: float,
) -> None:
    path = save(state, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert_one_line_about(path, model)


@pytest.mark.parametrize("name", ["noise.pt", "noise.safetensors"])
@pytest.mark.parametrize("seed", range(8))
def test_noise_is_an_error_in_one_line(
    model: SamI2V, tmp_path: Path, name: str, seed: int
) -> None:
    path = tmp_path / name
    path.write_bytes(np.random.default_rng(seed).bytes(1000))
    assert_one_line_about(path, model)


NOT_WEIGHTS: dict[str, Any] = {
    "a list": [torch.zeros(2)],
    "a tensor": torch.zeros(2),
    "a word": "weights",
    "training state": {"optimizer": {"step": 3}, "state_dict": {}},
    "numbers for names": {1: torch.zeros(2), "a": torch.zeros(2)},
    "nothing under model": {"model": None},
}


@pytest.mark.parametrize("content", NOT_WEIGHTS.values(), ids=NOT_WEIGHTS)
def test_what_is_not_weights_is_an_error_in_one_line(
    model: SamI2V, tmp_path: Path, content: object
) -> None:
    path = tmp_path / "other.pt"
    torch.save(content, path)
    assert_one_line_about(path, model)


@pytest.mark.parametrize("name", ["text.pt", "text.safetensors"])
def test_text_is_an_error_in_one_line(model: SamI2V, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    assert_one_line_about(path, model)


def test_a_missing_file_is_named(model: SamI2V, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.pt: no such checkpoint file"):
        load_weights(model, tmp_path / "nowhere.pt")


def assert_one_line_about(path: Path, model: SamI2V) -> None:
    with pytest.raises(InputError, match=re.escape(str(path))) as caught:
        load_weights(model, path)
    assert "\n" not in str(caught.value)


class Trap:
    """Writes a file when it is unpickled by a loader that runs code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.write_text, (self.path, "code was run")


def set_torch_trap(trap: Trap, state: State, path: Path) -> None:
    torch.save({"model": state, "extra": trap}, path)


def set_old_torch_trap(trap: Trap, state: State, path: Path) -> None:
    torch.save(
        {"model": state, "extra": trap}, path, _use_new_zipfile_serialization=False
    )


def set_plain_trap(trap: Trap, state: State, path: Path) -> None:
    path.write_bytes(pickle.dumps({"model": {}, "extra": trap}))


@pytest.mark.parametrize(
    "set_trap", [set_torch_trap, set_old_torch_trap, set_plain_trap]
)
@pytest.mark.parametrize("read", [load_weights, init_from_tinysam])
def test_code_in_a_file_is_not_run(
    model: SamI2V,
    state: State,
    tmp_path: Path,
    set_trap: Callable[[Trap, State, Path], None],
    read: Callable[[SamI2V, Path], object],
) -> None:
    path, sprung = tmp_path / "trap.pt", tmp_path / "sprung"
    trap = Trap(sprung)
    set_trap(trap, state, path)
    with pytest.raises(InputError, match="nothing in it was run") as caught:
        read(model, path)
    assert "\n" not in str(caught.value)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(trap))
    assert sprung.exists(), "the trap does not work"


def test_conversion_gives_the_same_weights(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "napari_sam_i2v.model.convert.build_model",
        lambda name: build_model(tiny_config()),
    )
    source, target = save_released(state, tmp_path), tmp_path / "new" / "w.safetensors"
    convert_weights(source, "tiny", target)
    model = load_weights(build_model(tiny_config()), target)
    assert_same(model, state)
    assert header_of(target) == {"model": "tiny"}
    assert [path.name for path in target.parent.iterdir()] == ["w.safetensors"]
