"""Attention: projections, rotary positions, and the kernel they share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.memory import MemoryTokens
from napari_sam_i2v.model.position import rotary_table, rotate

# Below this many keys the plain product beats the fused kernel on a CPU.
_FEW_KEYS = 96

# From this many logits on, a CPU attends in tiles of so many queries.
_LARGE, _TILE_ROWS = 4_000_000, 512


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Softmax attention.

    Parameters
    ----------
    q, k, v
        ``(B, heads, N, C)`` queries, ``(B, heads, M, C)`` keys and
        ``(B, heads, M, D)`` values.
    bias
        Added to the logits; broadcast to ``(B, heads, N, M)``.

    Returns
    -------
    torch.Tensor
        ``(B, heads, N, D)``.
    """
    if q.device.type == "cpu" and min(q.shape[-2], k.shape[-2]) <= _FEW_KEYS:
        logits = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if bias is not None:
            logits = logits + bias
        return logits.softmax(-1).to(v.dtype) @ v
    if bias is not None:
        bias = bias.to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def attend_one_head(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None
) -> Tensor:
    """One-head attention whose values may be much narrower than its keys.

    Parameters
    ----------
    q, k, v
        ``(B or 1, N, C)``, ``(B, M, C)`` and ``(B, M, D)``.
    bias
        Added to the logits, ``(B, 1, M)``.

    Returns
    -------
    torch.Tensor
        ``(B, N, D)``.
    """
    v = v.to(q.dtype)
    if q.device.type != "cpu":
        mask = None if bias is None else bias[:, None].to(q.dtype)
        q = q.expand(len(k), -1, -1)
        return F.scaled_dot_product_attention(
            q[:, None], k[:, None], v[:, None], attn_mask=mask
        )[:, 0]
    if torch.is_grad_enabled() or q.shape[1] * k.shape[1] < _LARGE:
        logits = q @ (k * k.shape[-1] ** -0.5).transpose(1, 2)
        if bias is not None:
            logits = logits + bias
        return logits.softmax(-1).to(v.dtype) @ v
    rows = [
        _attend_in_tiles(q[i % len(q)], k[i], v[i], None if bias is None else bias[i])
        for i in range(len(k))
    ]
    return torch.stack(rows)


def _attend_in_tiles(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """Attend from ``(N, C)`` to ``(M, C)``, some queries at a time, on a CPU."""
    keys = (k * k.shape[-1] ** -0.5).contiguous()
    values = v.T.contiguous()
    tiles = []
    for tile in q.split(_TILE_ROWS):
        logits = _products(tile, keys)
        if bias is not None:
            logits = logits + bias
        tiles.append(_products(logits.softmax(-1).to(v.dtype), values))
    return torch.cat(tiles)


def _products(a: Tensor, b: Tensor) -> Tensor:
    """Inner products of the rows of ``(N, C)`` and ``(M, C)``.

    Written as a 1x1 convolution: with several threads, a CPU's convolution kernels
    are half as fast again as its matrix products in float32.
    """
    if torch.get_num_threads() == 1:
        return a @ b.T
    rows = a.reshape(1, len(a), 1, -1).permute(0, 3, 1, 2)  # channels last as it lies
    columns = b.reshape(len(b), 1, 1, -1).permute(0, 3, 1, 2)
    return F.conv2d(rows, columns).permute(0, 2, 3, 1).reshape(len(a), len(b))


class Attention(nn.Module):
    """Multi-head attention whose inner width may be smaller (SAM)."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        inner: int | None = None,
        memory_width: int | None = None,
    ) -> None:
        super().__init__()
        inner = inner or width
        memory_width = memory_width or width
        self.heads = heads
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(memory_width, inner)
        self.v_proj = nn.Linear(memory_width, inner)
        self.out_proj = nn.Linear(inner, width)

    def split(self, x: Tensor) -> Tensor:
        """``(B, N, C)`` to ``(B, heads, N, C / heads)``."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(
        self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        """Attend from ``(B, N, C)`` to ``(B, M, D)``; returns ``(B, N, C)``."""
        q = self.split(self.q_proj(q))
        k = self.split(self.k_proj(k))
        v = self.split(self.v_proj(v))
        return self.out_proj(attend(q, k, v, bias).transpose(1, 2).flatten(2))


class RotarySelfAttention(Attention):
    """One-head self-attention over a grid, rotary in x and y."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)

    def forward(self, x: Tensor, columns: int) -> Tensor:  # type: ignore[override]
        """``(B, N, C)`` tokens in rows of ``columns``; same shape out."""
        table = rotary_table(self.q_proj.out_features, columns, x.shape[1], x.device)
        q, k = rotate(self.q_proj(x), table), rotate(self.k_proj(x), table)
        return self.out_proj(
            attend(q[:, None], k[:, None], self.v_proj(x)[:, None])[:, 0]
        )


class RotaryMemoryAttention(Attention):
    """One-head attention to memory; frames share one rotary table.

    Values are attended to in the memory's own, smaller width and projected
    afterwards: with one head the two orders are the same sum, and the product with
    the attention weights costs ``memory_width / inner`` of what it would.
    """

    def __init__(self, width: int, memory_width: int, inner: int | None = None) -> None:
        super().__init__(width, 1, inner=inner, memory_width=memory_width)

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        memory: MemoryTokens,
        columns: int,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Attend from ``(B, N, C)`` to memory; rows have ``columns`` tokens.

        ``bias`` takes the place of the memory's own.
        """
        q = self.q_proj(x)
        q = rotate(q, rotary_table(q.shape[-1], columns, q.shape[1], q.device))
        k = self.k_proj(memory.spatial + memory.spatial_position)
        k = rotate(k, rotary_table(k.shape[-1], columns, k.shape[2], k.device))
        pointer_k = self.k_proj(memory.pointers + memory.pointer_position)
        keys = torch.cat([k.flatten(1, 2), pointer_k.flatten(1, 2)], dim=1)
        attended = attend_one_head(
            q, keys, memory.values, memory.bias if bias is None else bias
        )
        return self.out_proj(self.v_proj(attended))
