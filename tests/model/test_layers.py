"""Small layers against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from napari_sam_i2v.model.layers import MLP, LayerNorm2d, UpscaleX2
from napari_sam_i2v.model.tiny_vit import ConvNorm, TinyViTBlock


def test_upscaling_is_a_transposed_convolution() -> None:
    torch.manual_seed(0)
    ours, theirs = UpscaleX2(6, 5), nn.ConvTranspose2d(6, 5, 2, 2)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 7, 9)
    torch.testing.assert_close(ours(x), theirs(x))


def test_layer_norm_goes_over_channels() -> None:
    torch.manual_seed(0)
    ours, theirs = LayerNorm2d(6), nn.LayerNorm(6, eps=1e-6)
    for norm in (ours, theirs):
        norm.load_state_dict({"weight": torch.arange(6.0), "bias": torch.ones(6)})
    x = 3 + torch.randn(2, 6, 5, 4)
    expected = theirs(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(ours(x), expected)


def test_only_the_last_layer_of_an_mlp_is_free() -> None:
    torch.manual_seed(0)
    plain, squashed = MLP(4, 8, 3, 3), MLP(4, 8, 3, 3, sigmoid=True)
    squashed.load_state_dict(plain.state_dict())
    x = torch.randn(5, 4)
    assert (plain(x) < 0).any()
    torch.testing.assert_close(squashed(x), plain(x).sigmoid())


@pytest.mark.parametrize("stride", [1, 2])
@torch.no_grad()
def test_folding_a_batch_norm_changes_nothing(stride: int) -> None:
    torch.manual_seed(0)
    layer = ConvNorm(4, 6, 3, stride).eval()
    layer.bn.running_mean.normal_()
    layer.bn.running_var.uniform_(0.5, 2)
    layer.bn.weight.normal_()
    x = torch.randn(2, 4, 9, 9)
    before = layer(x)
    layer.fold()
    torch.testing.assert_close(layer(x), before)
    layer.fold()
    torch.testing.assert_close(layer(x), before)


@torch.no_grad()
def test_windows_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    block = TinyViTBlock(8, heads=2, window=4).eval()
    x = torch.randn(1, 10, 10, 8)  # the last windows are padded
    changed = x.clone()
    changed[:, :4, 4:8] += 1
    touched = (block.attend_in_windows(x) != block.attend_in_windows(changed)).any(-1)
    expected = torch.zeros(1, 10, 10, dtype=torch.bool)
    expected[:, :4, 4:8] = True
    assert torch.equal(touched, expected)
