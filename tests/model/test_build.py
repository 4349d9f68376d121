"""Members of the family, by name, by file and by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model import build_model, load_model_config, model_names
from napari_sam_i2v.model.config import MemoryConfig, ModelConfig
from tiny import EXTRAS_COARSE, PLAIN, tiny_config


def test_the_released_member_is_the_default() -> None:
    assert load_model_config("sam-i2v") == ModelConfig()


@pytest.mark.parametrize("name", model_names())
def test_members_that_come_along_can_be_built(name: str) -> None:
    model = build_model(name)
    assert model.config.name == name
    assert not model.training
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_a_file_describes_a_member(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ninput_size: 256\nwidth: 64\nmemory: {width: 32}\n")
    config = build_model(path).config
    assert (config.name, config.input_size, config.memory.width) == ("mine", 256, 32)
    assert config.encoder == ModelConfig().encoder


def test_the_description_itself_will_do() -> None:
    assert build_model(tiny_config()).config == tiny_config()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: mine\ninput_sise: 256\n", "input_size"),
        ("name: mine\ninput_size: large\n", "input_size"),
        ("name: mine\ninput_size: 2048\n", "2048"),
        ("name: mine\ninput_size: 130\n", "130"),
        ("name: mine\ntoken_stride: 4\n", "token_stride"),
        ("name: mine\nwidth: 66\nmemory: {width: 33}\n", "width"),
    ],
)
def test_descriptions_that_do_not_hold_are_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=complaint) as caught:
        load_model_config(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="sam-i2v-cell"):
        load_model_config("sam3")


def test_a_missing_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none.yaml"):
        load_model_config(tmp_path / "none.yaml")


def test_switches_only_add_keys() -> None:
    plain = build_model(tiny_config(PLAIN)).state_dict()
    extras = build_model(tiny_config(EXTRAS_COARSE)).state_dict()
    assert plain.keys() < extras.keys()
    added = {key.split(".")[1] for key in extras.keys() - plain.keys()}
    assert added == {"conv_s0", "conv_s1", "prompt_map", "refiner"}


@pytest.mark.parametrize(
    ("stride", "size"), [(8, 128), (16, 128), (16, 1024), (8, 256)]
)
def test_sizes_follow_from_the_description(stride: int, size: int) -> None:
    config = ModelConfig(input_size=size, token_stride=stride)
    assert config.grid == size // stride
    assert config.mask_size == 4 * size // stride
    assert MemoryConfig().tracked_frames == 6


def test_building_twice_gives_the_same_weights_for_the_same_seed() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build_model(tiny_config()).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
