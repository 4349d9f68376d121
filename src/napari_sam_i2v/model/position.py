"""Position encodings: sine maps, rotary tables, random Fourier features."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn


def _interleave(angles: Tensor) -> Tensor:
    """Sine of even and cosine of odd channels of ``(..., C)``."""
    pairs = (angles[..., 0::2].sin(), angles[..., 1::2].cos())
    return torch.stack(pairs, dim=-1).flatten(-2)


@lru_cache(maxsize=16)
@torch.inference_mode(False)  # kept for training too, which may come after inference
def sine_map(grid: int, width: int, device: torch.device) -> Tensor:
    """Sine encoding of a square grid, normalised to one turn, temperature 10000.

    Returns
    -------
    torch.Tensor
        ``(1, width, grid, grid)``; first half of the channels y, second half x.
    """
    half = width // 2
    index = torch.arange(1, grid + 1, device=device, dtype=torch.float32)
    turns = index / (grid + 1e-6) * 2 * math.pi
    channel = torch.arange(half, device=device, dtype=torch.float32)
    period = 10000 ** (2 * (channel // 2) / half)
    along = _interleave(turns[:, None] / period).T  # (half, grid)
    y = along[:, :, None].expand(half, grid, grid)
    x = along[:, None, :].expand(half, grid, grid)
    return torch.cat([y, x])[None]


def sine_line(positions: Tensor, width: int) -> Tensor:
    """Sine encoding of positions on a line.

    Parameters
    ----------
    positions
        ``(...)``, any real numbers.
    width
        Channels of the result.

    Returns
    -------
    torch.Tensor
        ``(..., width)``: first half sines, second half cosines.
    """
    half = width // 2
    channel = torch.arange(half, device=positions.device, dtype=torch.float32)
    period = 10000 ** (2 * (channel // 2) / half)
    angles = positions[..., None] / period
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def rotary_table(
    width: int, columns: int, tokens: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Cosines and sines that rotate channel pairs with a token's x and y.

    Parameters
    ----------
    width
        Channels of a head; a multiple of 4. The first half of the pairs turns with
        x, the second with y.
    columns
        Tokens in a row; token ``n`` stands at ``(n // columns, n % columns)``.
    tokens
        Number of tokens.
    device
        Where the table is wanted.

    Returns
    -------
    tuple of torch.Tensor
        Two tables, ``(tokens, width // 2)``.
    """
    exponent = torch.arange(0, width, 4, device=device)[: width // 4].float() / width
    frequency = 1.0 / 10000.0**exponent
    index = torch.arange(tokens, device=device, dtype=torch.float32)
    x, y = index % columns, torch.div(index, columns, rounding_mode="floor")
    angles = torch.cat([torch.outer(x, frequency), torch.outer(y, frequency)], dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate adjacent channel pairs of ``(..., N, C)`` by ``(N, C / 2)`` angles."""
    cosine, sine = table
    real, imaginary = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    turned = (
        real * cosine - imaginary * sine,
        real * sine + imaginary * cosine,
    )
    return torch.stack(turned, dim=-1).flatten(-2).to(x.dtype)


class RandomFourier(nn.Module):
    """Random Fourier features of points in the unit square (SAM's prompt encoding)."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer(
            "positional_encoding_gaussian_matrix", torch.randn(2, width // 2)
        )

    def forward(self, xy: Tensor) -> Tensor:
        """Encode ``(..., 2)`` points, x first, 0 to 1, as ``(..., width)``."""
        matrix = self.positional_encoding_gaussian_matrix.float()
        angles = 2 * math.pi * ((2 * xy.float() - 1) @ matrix)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def grid(self, size: int) -> Tensor:
        """Encode the centres of a square grid as ``(1, width, size, size)``."""
        device = self.positional_encoding_gaussian_matrix.device
        centre = (torch.arange(size, device=device, dtype=torch.float32) + 0.5) / size
        y, x = torch.meshgrid(centre, centre, indexing="ij")
        return self(torch.stack([x, y], dim=-1)).permute(2, 0, 1)[None]
