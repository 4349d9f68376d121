"""Small layers used all over the network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm2d(nn.Module):
    """Layer norm over the channels of ``(B, C, H, W)``."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise; shape unchanged."""
        if torch.is_autocast_enabled(x.device.type):
            x = x.float()
        mean = x.mean(1, keepdim=True)
        centred = x - mean
        variance = centred.square().mean(1, keepdim=True)
        scale = self.weight[:, None, None] * torch.rsqrt(variance + self.eps)
        return centred * scale + self.bias[:, None, None]


class MLP(nn.Module):
    """Linear layers with ReLU between them."""

    def __init__(
        self, width: int, hidden: int, width_out: int, depth: int, sigmoid: bool = False
    ) -> None:
        super().__init__()
        widths = [width, *[hidden] * (depth - 1), width_out]
        self.layers = nn.ModuleList(
            nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.sigmoid = sigmoid

    def forward(self, x: Tensor) -> Tensor:
        """``(..., width)`` to ``(..., width_out)``."""
        *hidden, last = self.layers
        for layer in hidden:
            x = F.relu(layer(x))
        x = last(x)
        return x.sigmoid() if self.sigmoid else x


class UpscaleX2(nn.Module):
    """A 2x2 transposed convolution, computed as a 1x1 convolution and a shuffle.

    Every input pixel makes its own 2x2 block, so the two are the same sum; this one
    is many times faster backwards on a CPU. Parameters are laid out as in
    ``torch.nn.ConvTranspose2d``: weight ``(C_in, C_out, 2, 2)``.
    """

    def __init__(self, width: int, width_out: int) -> None:
        super().__init__()
        reference = nn.ConvTranspose2d(width, width_out, 2, 2)
        self.weight = reference.weight
        self.bias = reference.bias

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, H, W)`` to ``(B, C_out, 2H, 2W)``."""
        weight = self.weight.flatten(1).T[:, :, None, None]  # (4 C_out, C_in, 1, 1)
        blocks = F.conv2d(x, weight, self.bias.repeat_interleave(4))
        return F.pixel_shuffle(blocks, 2)
