"""Attention kernels against the textbook sum, and the shortcuts taken."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from napari_sam_i2v.model import attention
from napari_sam_i2v.model.attention import (
    Attention,
    RotaryMemoryAttention,
    RotarySelfAttention,
    attend,
    attend_one_head,
)
from napari_sam_i2v.model.memory import MemoryTokens
from napari_sam_i2v.model.position import rotary_table, rotate

FEW, MANY = 7, 120
"""Keys on either side of where the kernel changes."""


def textbook(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    return (logits if bias is None else logits + bias).softmax(-1) @ v


@pytest.mark.parametrize("queries", [FEW, MANY])
@pytest.mark.parametrize("keys", [FEW, MANY])
@pytest.mark.parametrize("biased", [False, True])
def test_attention_is_the_textbook_sum(queries: int, keys: int, biased: bool) -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 3, queries, 8), torch.randn(2, 3, keys, 8)
    v = torch.randn(2, 3, keys, 5)
    bias = torch.randn(2, 1, 1, keys) if biased else None
    torch.testing.assert_close(attend(q, k, v, bias), textbook(q, k, v, bias))


@pytest.fixture(params=["whole", "in tiles"])
def tiling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attend once as to few tokens, once as to very many."""
    if request.param == "in tiles":
        monkeypatch.setattr(attention, "_LARGE", 0)
        monkeypatch.setattr(attention, "_TILE_ROWS", 16)


@pytest.mark.usefixtures("tiling")
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@torch.inference_mode()
def test_one_head_attention_is_the_textbook_sum(shared: bool, biased: bool) -> None:
    torch.manual_seed(0)
    q, k = torch.randn(1 if shared else 3, 50, 8), torch.randn(3, 70, 8)
    v, bias = torch.randn(3, 70, 2), torch.randn(3, 1, 70) if biased else None
    expected = textbook(q, k, v, bias)
    torch.testing.assert_close(attend_one_head(q, k, v, bias), expected)


def memory_tokens(*, bias: bool, objects: int = 2, entries: int = 3) -> MemoryTokens:
    torch.manual_seed(1)
    count = entries * (16 + 2)
    return MemoryTokens(
        spatial=torch.randn(objects, entries, 16, 6),
        spatial_position=torch.randn(objects, entries, 16, 6),
        pointers=torch.randn(objects, entries, 2, 6),
        pointer_position=torch.randn(objects, entries, 1, 6),
        bias=torch.randn(objects, 1, count) if bias else None,
        foreground=torch.rand(objects, entries, 16) < 0.5,
    )


@pytest.mark.usefixtures("tiling")
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("inner", [None, 16])
@torch.inference_mode()
def test_projecting_values_late_is_the_same_sum(inner: int | None, bias: bool) -> None:
    torch.manual_seed(0)
    layer = RotaryMemoryAttention(8, 6, inner)
    x, memory = torch.randn(2, 16, 8), memory_tokens(bias=bias)

    table = rotary_table(inner or 8, 4, 16, x.device)
    spatial = layer.k_proj(memory.spatial + memory.spatial_position)
    pointers = layer.k_proj(memory.pointers + memory.pointer_position)
    k = [rotate(spatial, table).flatten(1, 2), pointers.flatten(1, 2)]
    v = layer.v_proj(memory.values)  # before the sum
    q = rotate(layer.q_proj(x), table)
    expected = layer.out_proj(textbook(q, torch.cat(k, 1), v, memory.bias))

    torch.testing.assert_close(layer(x, memory, 4), expected)


@torch.inference_mode()
def test_foreground_bias_shuts_out_background_but_no_pointer() -> None:
    memory = memory_tokens(bias=True)
    background = torch.cat([~memory.foreground.flatten(1), torch.zeros(2, 6) > 0], 1)
    bias = memory.foreground_bias[:, 0]
    assert torch.equal(bias == -torch.inf, background)
    assert torch.equal(bias[~background], memory.bias[:, 0][~background])


@torch.inference_mode()
def test_heads_share_nothing() -> None:
    torch.manual_seed(0)
    layer = Attention(8, 2, inner=4)
    layer.out_proj = torch.nn.Identity()
    q, k = torch.randn(1, 5, 8), torch.randn(1, 6, 8)
    before = layer(q, k, k)
    layer.v_proj.weight[:2] += 1  # the first head's
    changed = (layer(q, k, k) != before).any(1)[0]
    assert changed.tolist() == [True, True, False, False]


@torch.inference_mode()
def test_rotary_self_attention_sees_offsets_only() -> None:
    """A crop further to the right looks the same to a rotary layer."""
    torch.manual_seed(0)
    layer = RotarySelfAttention(8)
    x = torch.randn(1, 12, 8)
    table = rotary_table(8, 6, 42, x.device)
    places = (torch.arange(12) // 4) * 6 + torch.arange(12) % 4
    moved = [half[places + 6 * 2 + 1] for half in table]  # two down, one right
    q, k = (
        rotate(project(x), tuple(moved)) for project in (layer.q_proj, layer.k_proj)
    )
    expected = layer.out_proj(textbook(q, k, layer.v_proj(x), None))
    torch.testing.assert_close(layer(x, 4), expected)
