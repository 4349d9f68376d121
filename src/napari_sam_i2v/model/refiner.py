"""Refiner: a small U-Net from prompts and fine features to the pixels of masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.tiny_vit import ConvNorm


class Refiner(nn.Module):
    """U-Net (Ronneberger et al. 2015) over the grids of the mask decoder.

    The decoder's own way up from tokens to pixels has no convolution that sees a
    pixel's neighbours, and prompts meet the image at the token grid only. This one sees
    both at the resolution of the masks, and the tokens at its lowest level. What it
    gives is added to the decoder's pixels, and is nothing before it is trained.

    Parameters
    ----------
    widths
        Channels at four, two and one times the token grid.
    pixels, inputs, tokens
        Channels of the decoder's pixels, of what is seen beside them, and of a token.
    """

    def __init__(
        self, widths: tuple[int, int, int], pixels: int, inputs: int, tokens: int
    ) -> None:
        super().__init__()
        finest, middle, coarsest = widths
        self.down = nn.ModuleList(
            [
                _two_convolutions(pixels + inputs, finest),
                _two_convolutions(finest, middle),
                _two_convolutions(middle + tokens, coarsest),
            ]
        )
        self.up = nn.ModuleList(
            [
                _two_convolutions(coarsest + middle, middle),
                _two_convolutions(middle + finest, finest),
            ]
        )
        self.out = nn.Conv2d(finest, pixels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, pixels: Tensor, seen: list[Tensor], image: Tensor) -> Tensor:
        """Refine.

        Parameters
        ----------
        pixels
            ``(B, C', 4h, 4w)``.
        seen
            Maps of the same size, ``(B or 1, ..., 4h, 4w)``.
        image
            Tokens as a map, ``(B, C, h, w)``.
        """
        seen = [each.expand(len(pixels), -1, -1, -1) for each in seen]
        fine = self.down[0](torch.cat([pixels, *seen], dim=1))
        half = self.down[1](F.max_pool2d(fine, 2))
        x = self.down[2](torch.cat([F.max_pool2d(half, 2), image], dim=1))
        x = self.up[0](torch.cat([_twice(x), half], dim=1))
        x = self.up[1](torch.cat([_twice(x), fine], dim=1))
        return pixels + self.out(x)


def _two_convolutions(width: int, width_out: int) -> nn.Sequential:
    return nn.Sequential(
        ConvNorm(width, width_out, 3),
        nn.GELU(),
        ConvNorm(width_out, width_out, 3),
        nn.GELU(),
    )


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
