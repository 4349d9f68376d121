"""Starting from TinySAM's weights."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model import build_model, init_from_tinysam
from reference import needs_reference, read_json
from tiny import tiny_config

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def tinysam() -> State:
    """Random weights under the names that TinySAM has."""
    own = build_model("sam-i2v").state_dict()
    rng = torch.Generator().manual_seed(0)
    return {
        pair["tinysam"]: torch.rand(own[pair["model"]].shape, generator=rng).to(
            own[pair["model"]].dtype
        )
        for pair in read_json("tinysam_mapping")["pairs"]
    }


@needs_reference
@pytest.mark.slow
def test_tinysam_fills_what_it_has_weights_for(tinysam: State, tmp_path: Path) -> None:
    mapping = read_json("tinysam_mapping")
    path = tmp_path / "tinysam.pth"
    torch.save(tinysam, path)
    model = build_model("sam-i2v")
    before = copy.deepcopy(model.state_dict())
    left = init_from_tinysam(model, path)

    assert left == sorted(mapping["not_in_tinysam"])
    assert len(mapping["pairs"]) == 439
    after = model.state_dict()
    for pair in mapping["pairs"]:
        assert torch.equal(after[pair["model"]], tinysam[pair["tinysam"]]), pair
    for key in left:
        assert torch.equal(after[key], before[key]), key


@needs_reference
@pytest.mark.slow
def test_tinysam_of_another_size_is_refused(tinysam: State, tmp_path: Path) -> None:
    path = tmp_path / "tinysam.pth"
    key = "mask_decoder.iou_token.weight"
    torch.save(tinysam | {key: torch.zeros(1, 3)}, path)
    with pytest.raises(InputError, match=rf"'{key}' has shape \(1, 3\)"):
        init_from_tinysam(build_model("sam-i2v"), path)


@needs_reference
@pytest.mark.slow
def test_tinysam_with_a_key_missing_is_refused(tinysam: State, tmp_path: Path) -> None:
    path = tmp_path / "tinysam.pth"
    key = "image_encoder.layers.2.blocks.3.attn.qkv.weight"
    torch.save({k: tensor for k, tensor in tinysam.items() if k != key}, path)
    with pytest.raises(InputError, match=r"nothing for .*3\.attn\.qkv\.weight"):
        init_from_tinysam(build_model("sam-i2v"), path)


def test_weights_of_something_else_are_not_tinysam(tmp_path: Path) -> None:
    model = build_model(tiny_config())
    path = tmp_path / "tinysam.pth"
    torch.save({"fc.weight": torch.zeros(3, 3)}, path)
    with pytest.raises(InputError, match="not TinySAM weights"):
        init_from_tinysam(model, path)
