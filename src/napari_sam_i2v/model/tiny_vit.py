"""TinyViT: the image encoder (Wu et al., ECCV 2022; as trained in TinySAM)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from napari_sam_i2v.model.attention import attend
from napari_sam_i2v.model.config import EncoderConfig
from napari_sam_i2v.model.layers import LayerNorm2d


class ConvNorm(nn.Module):
    """Convolution without bias, then batch norm."""

    def __init__(
        self, width: int, width_out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.c = nn.Conv2d(
            width, width_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.bn: nn.Module = nn.BatchNorm2d(width_out)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, C_out, H / stride, W / stride)``."""
        return self.bn(self.c(x))

    def fold(self) -> None:
        """Work the batch norm into the convolution, for inference."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.c = fuse_conv_bn_eval(self.c, self.bn)
            self.bn = nn.Identity()


class PatchEmbed(nn.Module):
    """Two stride-2 convolutions: the image at a quarter of its size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            ConvNorm(3, width // 2, 3, 2), nn.GELU(), ConvNorm(width // 2, width, 3, 2)
        )

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, 3, S, S)`` to the maps at stride 2 and stride 4."""
        half = self.seq[1](self.seq[0](image))
        return half, self.seq[2](half)


class MBConv(nn.Module):
    """Inverted bottleneck with a residual, four times expanded."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, 4 * width, 1)
        self.conv2 = ConvNorm(4 * width, 4 * width, 3, groups=4 * width)
        self.conv3 = ConvNorm(4 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Shape unchanged."""
        inner = F.gelu(self.conv2(F.gelu(self.conv1(x))))
        return F.gelu(x + self.conv3(inner))


class PatchMerging(nn.Module):
    """Change of width, halving the map where the stride is 2."""

    def __init__(self, width: int, width_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(width, width_out, 1)
        self.conv2 = ConvNorm(width_out, width_out, 3, stride, groups=width_out)
        self.conv3 = ConvNorm(width_out, width_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, C_out, H / stride, W / stride)``."""
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


def _offset_index(window: int) -> Tensor:
    """Number the absolute (dy, dx) between any two tokens of a window.

    The numbers run in the order in which offsets are met row by row from the first
    token, which is the order of the released bias tables.
    """
    y, x = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    y, x = y.flatten(), x.flatten()
    dy, dx = (y[:, None] - y).abs(), (x[:, None] - x).abs()
    return dy * window + dx


class WindowAttention(nn.Module):
    """Pre-norm self-attention inside windows with learned offset biases."""

    offset_index: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        self.register_buffer("offset_index", _offset_index(window), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, N, C)``, one window a row of the batch; shape unchanged."""
        qkv = self.qkv(self.norm(x)).unflatten(-1, (self.heads, 3, -1))
        q, k, v = qkv.permute(3, 0, 2, 1, 4).unbind(0)  # (B, heads, N, C / heads)
        bias = self.attention_biases[:, self.offset_index]
        return self.proj(attend(q, k, v, bias).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Pre-norm two-layer net with GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., C)``; shape unchanged."""
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


class TinyViTBlock(nn.Module):
    """Window attention, a depthwise convolution, a feed-forward net."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = WindowAttention(width, heads, window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp = FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, H, W, C)``; shape unchanged."""
        x = x + self.attend_in_windows(x)
        x = self.local_conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.mlp(x)

    def attend_in_windows(self, x: Tensor) -> Tensor:
        """Cut a map into windows, zero-padded at the far edges, and attend."""
        window = self.window
        _, height, width, _ = x.shape
        padded = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
        rows, columns = padded.shape[1] // window, padded.shape[2] // window
        tiles = padded.unflatten(2, (columns, window)).unflatten(1, (rows, window))
        tiles = tiles.transpose(2, 3)  # (B, rows, columns, window, window, C)
        attended = self.attn(tiles.flatten(3, 4).flatten(0, 2))
        attended = attended.view(tiles.shape).transpose(2, 3)
        merged = attended.reshape(padded.shape)
        return merged[:, :height, :width]


class ConvStage(nn.Module):
    """First stage: inverted bottlenecks, then a merge."""

    def __init__(self, width: int, width_out: int, depth: int, stride: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(MBConv(width) for _ in range(depth))
        self.downsample = PatchMerging(width, width_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, C_out, H / stride, W / stride)``."""
        for block in self.blocks:
            x = block(x)
        return self.downsample(x)


class Stage(nn.Module):
    """Transformer stage; all but the last end in a merge."""

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        window: int,
        merge: PatchMerging | None,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TinyViTBlock(width, heads, window) for _ in range(depth)
        )
        self.downsample = merge

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to ``(B, C_out, H / stride, W / stride)``."""
        x = x.permute(0, 2, 3, 1)
        for block in self.blocks:
            x = block(x)
        x = x.permute(0, 3, 1, 2)
        return x if self.downsample is None else self.downsample(x)


@dataclass(frozen=True)
class ImageMaps:
    """What TinyViT makes of an image.

    Attributes
    ----------
    fine
        Maps at stride 2 and stride 4, ``(B, C, S / 2, S / 2)`` and so on.
    tokens
        Three maps at the token stride: after stages 1 and 2, and the neck.
    """

    fine: tuple[Tensor, Tensor]
    tokens: tuple[Tensor, Tensor, Tensor]


class TinyViT(nn.Module):
    """Image to three maps at the token stride."""

    def __init__(self, config: EncoderConfig, token_stride: int, width: int) -> None:
        super().__init__()
        widths, depths = config.widths, config.depths
        self.patch_embed = PatchEmbed(widths[0])
        second = token_stride // 8
        self.layers = nn.ModuleList([ConvStage(widths[0], widths[1], depths[0], 2)])
        for index, stride in ((1, second), (2, 1), (3, 0)):
            merge = (
                PatchMerging(widths[index], widths[index + 1], stride)
                if stride
                else None
            )
            self.layers.append(
                Stage(
                    widths[index],
                    depths[index],
                    config.heads[index - 1],
                    config.windows[index - 1],
                    merge,
                )
            )
        unused_classifier(self, widths[3], config.classes)
        self.neck = nn.Sequential(
            nn.Conv2d(widths[3], width, 1, bias=False),
            LayerNorm2d(width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            LayerNorm2d(width),
        )

    def forward(self, image: Tensor) -> ImageMaps:
        """Encode ``(B, 3, S, S)`` normalised images."""
        half, quarter = self.patch_embed(image)
        x = self.layers[0](quarter)
        second = self.layers[1](x)
        third = self.layers[2](second)
        last = self.neck(self.layers[3](third))
        return ImageMaps(fine=(half, quarter), tokens=(second, third, last))


def unused_classifier(module: nn.Module, width: int, classes: int) -> None:
    """Add the ImageNet head, which nothing uses, because released weights hold it."""
    if not classes:
        return
    module.norm_head = nn.LayerNorm(width)
    module.head = nn.Linear(width, classes)
