"""Temporal feature integrator: motion over a short window (SAM-I2V section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.config import EncoderConfig, TemporalConfig
from napari_sam_i2v.model.layers import LayerNorm2d


def quick_gelu(x: Tensor) -> Tensor:
    """GELU by a sigmoid, as CLIP has it."""
    return x * torch.sigmoid(1.702 * x)


class TemporalBlock(nn.Module):
    """A 3x3 convolution in space, then one over three frames.

    Both are numbered by the block's place, as released weights expect.
    """

    def __init__(self, width: int, place: int) -> None:
        super().__init__()
        self.names = (f"c_fc1_{place}", f"c_fc2_{place}")
        self.add_module(
            self.names[0], nn.Conv3d(width, width, (1, 3, 3), padding=(0, 1, 1))
        )
        self.add_module(
            self.names[1], nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0))
        )

    def forward(self, x: Tensor, keep: int) -> Tensor:
        """``(B, T, D, h, w)`` to the last ``keep`` frames of the result."""
        spatial, temporal = (self.get_submodule(name) for name in self.names)
        batch, frames, width = x.shape[:3]
        inner = F.conv2d(
            x.flatten(0, 1), spatial.weight[:, :, 0], spatial.bias, padding=1
        )
        inner = quick_gelu(inner)

        # What each frame gives to the one after it, to itself, and to the one before.
        taps = temporal.weight[..., 0, 0].permute(2, 0, 1).flatten(0, 1)  # (3 D, D)
        given = F.conv2d(inner, taps[:, :, None, None])
        given = given.unflatten(1, (3, width)).unflatten(0, (batch, frames))
        mixed = given[:, -keep:, 1] + temporal.bias[:, None, None]
        first = frames - keep
        mixed[:, int(first == 0) :] += given[:, max(first - 1, 0) : -1, 0]
        mixed[:, :-1] += given[:, first + 1 :, 2]
        return mixed


class TemporalNet(nn.Module):
    """Blocks with a channel norm before and a residual around each."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.lns = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth))
        self.temporal_net = nn.ModuleList(TemporalBlock(width, i) for i in range(depth))

    def forward(self, x: Tensor, keep: int) -> Tensor:
        """Run the blocks on ``(B, T, D, h, w)``.

        A block sees one frame either side, so of the frames further back than the
        blocks still to come can reach nothing is computed: the result is the last
        ``keep`` frames.
        """
        blocks = list(zip(self.lns, self.temporal_net, strict=True))
        for index, (norm, block) in enumerate(blocks):
            wanted = min(x.shape[1], keep + len(blocks) - 1 - index)
            x = x[:, -min(x.shape[1], wanted + 1) :]
            normed = norm(x.permute(0, 1, 3, 4, 2)).permute(0, 1, 4, 2, 3)
            x = quick_gelu(x[:, -wanted:] + block(normed, wanted))
        return x


class Fusion(nn.Module):
    """Concatenate two maps, mix by a 1x1 convolution, normalise."""

    def __init__(self, width: int, width_out: int) -> None:
        super().__init__()
        self.fuse = nn.Sequential(
            nn.Conv2d(width, width_out, 1), LayerNorm2d(width_out), nn.GELU()
        )

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Two ``(B, C, h, w)`` maps to one."""
        return self.fuse(torch.cat([a, b], dim=1))


class Integration(nn.Module):
    """A 3x3 convolution and norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), LayerNorm2d(width), nn.GELU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shape unchanged."""
        return self.layer(x)


class TemporalIntegrator(nn.Module):
    """Three token maps of the current frame, blended with a window of frames."""

    def __init__(
        self, config: TemporalConfig, encoder: EncoderConfig, stride: int, width: int
    ) -> None:
        super().__init__()
        self.depth = config.depth
        temporal = config.width
        self.temporal_stem = nn.Conv3d(
            3, temporal, (config.taps, stride, stride), (1, stride, stride)
        )
        maps = (encoder.widths[2], encoder.widths[3], width)
        both = width + temporal
        self.input_linears = nn.ModuleList(nn.Conv2d(c, width, 1) for c in maps)
        self.temporal_nets = nn.ModuleList(
            TemporalNet(temporal, config.depth) for _ in maps
        )
        self.temporal2integration_nets = nn.ModuleList(
            Fusion(both, width) for _ in maps
        )
        self.integration2temporal_nets = nn.ModuleList(
            Fusion(both, temporal) for _ in maps
        )
        self.integration_nets = nn.ModuleList(Integration(width) for _ in maps)

    def taps(self, image: Tensor) -> Tensor:
        """What one frame gives to each slice of a window that its stem kernel covers.

        Computed once per frame, whatever the windows it is in.

        Parameters
        ----------
        image
            ``(B, 3, S, S)``.

        Returns
        -------
        torch.Tensor
            ``(B, taps, D, h, w)``.
        """
        weight = self.temporal_stem.weight.permute(2, 0, 1, 3, 4)
        products = F.conv2d(
            image, weight.flatten(0, 1), stride=self.temporal_stem.stride[1:]
        )
        return products.unflatten(1, weight.shape[:2])

    def stem(self, window: Tensor) -> Tensor:
        """Sum a window's taps into its temporal features.

        Parameters
        ----------
        window
            Taps of the window's frames, ``(B, T, taps, D, h, w)``.

        Returns
        -------
        torch.Tensor
            ``(B, T, D, h, w)``.
        """
        frames, taps = window.shape[1:3]
        reach = taps // 2
        bias = self.temporal_stem.bias[:, None, None]
        slices = []
        for t in range(frames):
            covered = range(max(0, t - reach), min(frames, t + reach + 1))
            slices.append(sum(window[:, s, s - t + reach] for s in covered) + bias)
        return torch.stack(slices, dim=1)

    def forward(self, maps: tuple[Tensor, ...], window: Tensor) -> Tensor:
        """Blend the newest temporal slice into the spatial features, stage by stage.

        Parameters
        ----------
        maps
            Three token maps of the current frame, ``(B, C_i, h, w)``.
        window
            Taps of the window's frames, current one last, ``(B, T, taps, D, h, w)``.

        Returns
        -------
        torch.Tensor
            ``(B, C, h, w)``.
        """
        temporal = self.stem(window)
        result: Tensor | float = 0.0
        last = len(maps) - 1
        for stage, features in enumerate(maps):
            temporal = self.temporal_nets[stage](
                temporal, keep=1 + (last - stage) * self.depth
            )
            newest = temporal[:, -1]
            middle = self.input_linears[stage](features) + result

            updated = self.temporal2integration_nets[stage](middle, newest)
            if stage < last:  # the last one would go nowhere
                newest = self.integration2temporal_nets[stage](middle, newest)
                temporal = torch.cat([temporal[:, :-1], newest[:, None]], dim=1)
            result = self.integration_nets[stage](updated)
        return result + updated
