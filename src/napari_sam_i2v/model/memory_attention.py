"""Memory attention: features of a frame, conditioned on memory (SAM-I2V 3.3)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.attention import RotaryMemoryAttention, RotarySelfAttention
from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.memory import MemoryTokens
from napari_sam_i2v.model.position import sine_map


class MemoryAttentionLayer(nn.Module):
    """Self-attention, attention to memory, feed-forward; norms come first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, memory = config.width, config.memory
        if memory.self_attention:
            self.norm1 = nn.LayerNorm(width)
            self.self_attn: RotarySelfAttention | None = RotarySelfAttention(width)
        else:
            self.self_attn = None
        self.norm2 = nn.LayerNorm(width)
        self.cross_attn_image = RotaryMemoryAttention(
            width, memory.width, memory.attention_width
        )
        self.norm3 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, memory.feedforward)
        self.linear2 = nn.Linear(memory.feedforward, width)

    def forward(self, x: Tensor, memory: MemoryTokens, columns: int) -> Tensor:
        """``(B or 1, N, C)`` tokens to ``(B, N, C)``."""
        if self.self_attn is not None:
            x = x + self.self_attn(self.norm1(x), columns)
        x = x + self.cross_attn_image(self.norm2(x), memory, columns)
        return x + self.linear2(F.relu(self.linear1(self.norm3(x))))


class MemoryAttention(nn.Module):
    """A stack of layers and a last norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            MemoryAttentionLayer(config) for _ in range(config.memory.layers)
        )
        self.norm = nn.LayerNorm(config.width)

    def forward(self, features: Tensor, memory: MemoryTokens) -> Tensor:
        """Condition features on memory.

        Parameters
        ----------
        features
            ``(B, C, h, w)``, or ``(1, C, h, w)`` where all objects look at one frame:
            what does not depend on the object is then computed once.
        memory
            Of B objects.

        Returns
        -------
        torch.Tensor
            ``(B, C, h, w)``.
        """
        _, width, _, columns = features.shape
        x = features + 0.1 * sine_map(columns, width, features.device)
        x = x.flatten(2).transpose(1, 2)  # (B, N, C)
        for layer in self.layers:
            x = layer(x, memory, columns)
        return self.norm(x).transpose(1, 2).unflatten(2, (-1, columns))
