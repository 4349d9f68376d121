"""Memory encoder: a mask and the features it was found in, as memory (SAM 2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.layers import LayerNorm2d


class MaskDownsampler(nn.Module):
    """Stride-2 convolutions from the input's size to the token grid."""

    def __init__(self, stride: int, channels: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for step in range(round(math.log2(stride))):
            after = channels * 4**step
            layers += [
                nn.Conv2d(before, after, 3, 2, 1),
                LayerNorm2d(after),
                nn.GELU(),
            ]
            before = after
        self.encoder = nn.Sequential(*layers, nn.Conv2d(before, width, 1))

    def forward(self, mask: Tensor) -> Tensor:
        """``(B, 1, S, S)`` to ``(B, C, h, w)``."""
        return self.encoder(mask)


class FuserBlock(nn.Module):
    """ConvNeXt block with a layer scale."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = LayerNorm2d(width)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, h, w)``; shape unchanged."""
        inner = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        inner = self.gamma * self.pwconv2(F.gelu(self.pwconv1(inner)))
        return x + inner.permute(0, 3, 1, 2)


class Fuser(nn.Module):
    """A stack of fuser blocks."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(FuserBlock(width) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        """Shape unchanged."""
        for layer in self.layers:
            x = layer(x)
        return x


class MemoryEncoder(nn.Module):
    """Features and mask of a frame to memory features."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, memory = config.width, config.memory
        self.mask_downsampler = MaskDownsampler(
            config.token_stride, memory.mask_channels, width
        )
        self.pix_feat_proj = nn.Conv2d(width, width, 1)
        self.fuser = Fuser(width, memory.fuser_layers)
        self.out_proj = nn.Conv2d(width, memory.width, 1)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Encode.

        Parameters
        ----------
        features
            Of the frame, not conditioned, ``(B or 1, C, h, w)``.
        mask
            Probabilities or a binary mask stretched to -10 .. 10, ``(B, 1, S, S)``.

        Returns
        -------
        torch.Tensor
            ``(B, D, h, w)``.
        """
        x = self.pix_feat_proj(features) + self.mask_downsampler(mask)
        return self.out_proj(self.fuser(x))
