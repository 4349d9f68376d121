"""Squares cut out of frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_sam_i2v.model.sampling import normalise_window, sample_square


def noise(height: int = 40, width: int = 50, channels: int = 2) -> Tensor:
    torch.manual_seed(0)
    return torch.rand(channels, height, width)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, atol=1e-4, rtol=0)


def test_a_square_of_its_own_size_is_a_crop() -> None:
    frames = noise()
    # Pixels 8 to 23 and 11 to 26: their middle lies between two centres.
    close(sample_square(frames, (15.5, 18.5), 16, 16), frames[:, 8:24, 11:27])


def test_a_square_around_a_pixel_has_it_in_its_middle() -> None:
    frames = noise()
    square = sample_square(frames, (20, 25), 15, 15)
    close(square[:, 7, 7], frames[:, 20, 25])
    close(square, frames[:, 13:28, 18:33])


@pytest.mark.parametrize("centre", [(0, 0), (39, 49), (-4, 20), (20, 60), (0, 55)])
def test_edge_pixels_go_on_beyond_the_border(centre: tuple[int, int]) -> None:
    frames = noise()
    rows = (np.arange(-7, 8) + centre[0]).clip(0, 39)
    columns = (np.arange(-7, 8) + centre[1]).clip(0, 49)
    expected = frames[:, rows][:, :, columns]
    close(sample_square(frames, centre, 15, 15), expected)


TURNS = {
    "quarter": ([[0, 1], [-1, 0]], lambda x: torch.rot90(x, 1, (1, 2))),
    "half": ([[-1, 0], [0, -1]], lambda x: torch.rot90(x, 2, (1, 2))),
    "mirror": ([[1, 0], [0, -1]], lambda x: x.flip(2)),
    "transposed": ([[0, 1], [1, 0]], lambda x: x.transpose(1, 2)),
}


@pytest.mark.parametrize("side", [16, 8, 70])
@pytest.mark.parametrize("name", TURNS)
def test_turning_the_square_turns_the_picture(name: str, side: int) -> None:
    axes, turned = TURNS[name]
    frames = noise()
    plain = sample_square(frames, (18.5, 22.5), side, 16)
    turn = torch.tensor(axes, dtype=torch.float32)
    close(sample_square(frames, (18.5, 22.5), side, 16, turn), turned(plain))


@pytest.mark.parametrize("side", [8, 16, 24, 32, 64, 100, 200])
def test_a_ramp_stays_the_same_ramp_at_any_size(side: int) -> None:
    y, x = torch.meshgrid(torch.arange(400.0), torch.arange(500.0), indexing="ij")
    square = sample_square(torch.stack([y, x]), (190.3, 260.8), side, 16)
    along = (torch.arange(16) - 7.5) * side / 16
    torch.testing.assert_close(
        square[0], (190.3 + along)[:, None].expand(16, 16), atol=0.01, rtol=0
    )
    torch.testing.assert_close(
        square[1], (260.8 + along)[None].expand(16, 16), atol=0.01, rtol=0
    )


@pytest.mark.parametrize("shrink", [2, 3, 5])
def test_shrinking_averages(shrink: int) -> None:
    frames = noise(60, 90, 1)
    size = 6
    side = shrink * size
    top, left = 12, 15
    centre = (top + (side - 1) / 2, left + (side - 1) / 2)
    square = sample_square(frames, centre, side, size)
    # Averages of some tiling, not always this one: their mean and spread tell.
    block = frames[:, top : top + side, left : left + side]
    assert square.std() < 0.7 * block.std()
    assert abs(float(square.mean() - block.mean())) < 0.05


def test_a_square_far_outside_is_the_corner_pixel() -> None:
    frames = noise()
    for side in (10, 100):
        square = sample_square(frames, (-500, 900), side, 8)
        close(square, frames[:, :1, -1:].expand(-1, 8, 8))


def test_windows_are_normalised_row_by_row() -> None:
    torch.manual_seed(0)
    window = (
        torch.rand(3, 2, 3, 8, 8) * torch.tensor([1, 5, 100])[:, None, None, None, None]
    )
    flat = normalise_window(window).flatten(1)
    torch.testing.assert_close(flat.mean(1), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(flat.std(1), torch.ones(3), atol=1e-2, rtol=0)


def test_flat_windows_stay_finite() -> None:
    assert torch.equal(
        normalise_window(torch.full((1, 2, 3, 4, 4), 0.25)), torch.zeros(1, 2, 3, 4, 4)
    )
