"""Memory prompt generator: tokens that tell the decoder what to look for (3.4)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.attention import RotaryMemoryAttention, RotarySelfAttention
from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.memory import MemoryTokens


class MemoryPromptGenerator(nn.Module):
    """Learned queries that read the foreground of memory."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.prompts = config.memory.prompts
        self.query_embedding_fg = nn.Embedding(self.prompts, width)
        self.no_memory_prompt_embeddings_fg = nn.Embedding(1, width)
        self.norm_fg_ca = nn.LayerNorm(width)
        self.cross_attn = RotaryMemoryAttention(width, config.memory.width)
        self.norm_fg_sa = nn.LayerNorm(width)
        self.self_attn = RotarySelfAttention(width)
        self.norm1 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, width)
        self.linear2 = nn.Linear(width, width)

    def forward(self, memory: MemoryTokens, columns: int) -> Tensor:
        """Read memory, whose spatial tokens stand in rows of ``columns``.

        Returns
        -------
        torch.Tensor
            ``(B, prompts, C)``.
        """
        x = self.query_embedding_fg.weight[None]
        x = x + self.cross_attn(
            self.norm_fg_ca(x), memory, columns, memory.foreground_bias
        )
        x = x + self.self_attn(self.norm_fg_sa(x), columns)
        return x + self.linear2(F.relu(self.linear1(self.norm1(x))))

    def without_memory(self, count: int) -> Tensor:
        """What the decoder hears where there is no memory, ``(count, prompts, C)``."""
        weight = self.no_memory_prompt_embeddings_fg.weight[None]
        return weight.expand(count, self.prompts, -1)
