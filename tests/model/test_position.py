"""Position encodings."""

from __future__ import annotations

import math

import pytest
import torch

from napari_sam_i2v.model.position import (
    RandomFourier,
    rotary_table,
    rotate,
    sine_line,
    sine_map,
)

CPU = torch.device("cpu")


def test_sine_map_is_y_then_x() -> None:
    encoded = sine_map(6, 16, CPU)
    assert encoded.shape == (1, 16, 6, 6)
    y, x = encoded[0, :8], encoded[0, 8:]
    assert torch.equal(y, y[:, :, :1].expand_as(y))
    assert torch.equal(x, x[:, :1].expand_as(x))
    assert torch.equal(y.transpose(1, 2), x)


def test_sine_map_makes_one_turn() -> None:
    slowest = sine_map(8, 16, CPU)[0, :2, :, 0]  # sine and cosine of y
    angle = 2 * math.pi * torch.arange(1, 9) / 8
    torch.testing.assert_close(slowest[0], angle.sin(), atol=1e-5, rtol=0)
    torch.testing.assert_close(slowest[1], angle.cos(), atol=1e-5, rtol=0)


def test_sine_line_is_sines_then_cosines() -> None:
    encoded = sine_line(torch.tensor([[0.0, 0.5], [1.0, -2.0]]), 12)
    assert encoded.shape == (2, 2, 12)
    torch.testing.assert_close(encoded[0, 0], torch.tensor([0.0] * 6 + [1.0] * 6))
    torch.testing.assert_close(encoded[1, 1, 0], torch.tensor(-2.0).sin())
    squares = encoded[..., :6] ** 2 + encoded[..., 6:] ** 2
    torch.testing.assert_close(squares, torch.ones_like(squares))


def test_rotation_keeps_lengths_and_the_first_token() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 12, 8)
    turned = rotate(x, rotary_table(8, 4, 12, CPU))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    assert torch.equal(turned[:, 0], x[:, 0])


def test_rotation_turns_first_pairs_with_x_and_last_with_y() -> None:
    x = torch.ones(12, 8)
    turned = rotate(x, rotary_table(8, 4, 12, CPU)).unflatten(0, (3, 4))
    along_x, along_y = turned[..., :4], turned[..., 4:]
    assert torch.equal(along_x, along_x[:1].expand_as(along_x))
    assert torch.equal(along_y, along_y[:, :1].expand_as(along_y))
    assert not torch.equal(along_x[:, 0], along_x[:, 1])
    assert not torch.equal(along_y[0], along_y[1])


@pytest.mark.parametrize("offset", [(0, 1), (1, 0), (2, 3)])
def test_products_of_rotated_tokens_depend_on_their_offset(
    offset: tuple[int, int],
) -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 8)
    table = rotary_table(8, 6, 36, CPU)
    grid_q = rotate(q.expand(36, -1), table).unflatten(0, (6, 6))
    grid_k = rotate(k.expand(36, -1), table).unflatten(0, (6, 6))
    down, right = offset
    here, there = grid_q[: 6 - down, : 6 - right], grid_k[down:, right:]
    products = (here * there).sum(-1)
    torch.testing.assert_close(products, products[:1, :1].expand_as(products))


def test_rotation_keeps_the_type() -> None:
    x = torch.randn(4, 8).bfloat16()
    assert rotate(x, rotary_table(8, 2, 4, CPU)).dtype == torch.bfloat16


def test_fourier_grid_holds_the_centres_of_cells() -> None:
    torch.manual_seed(0)
    encoder = RandomFourier(16)
    grid = encoder.grid(4)
    assert grid.shape == (1, 16, 4, 4)
    xy = torch.tensor([2.5, 1.5]) / 4
    torch.testing.assert_close(grid[0, :, 1, 2], encoder(xy))


def test_tables_made_during_inference_serve_training() -> None:
    with torch.inference_mode():
        table = rotary_table(8, 3, 9, torch.device("cpu"))
        where = sine_map(3, 8, torch.device("cpu"))
    x = torch.ones(9, 8, requires_grad=True)
    (rotate(x, table) * where.flatten(2)[0].T).sum().backward()
    assert x.grad is not None
