"""Prompts sampled from the truth lie where a user would put them."""

from __future__ import annotations

import pytest
import torch

from napari_sam_i2v.model.prompt_encoder import BOX_END, BOX_START, NEGATIVE, POSITIVE
from napari_sam_i2v.training.dice import Dice
from napari_sam_i2v.training.prompting import KINDS, correct, sample_prompts, swollen

SIZE, GRID = 128, 64


def targets() -> torch.Tensor:
    """Three masks: a square, a bar, a single pixel."""
    masks = torch.zeros(3, 1, GRID, GRID, dtype=torch.bool)
    masks[0, 0, 20:40, 24:44] = True
    masks[1, 0, 30:34, 5:60] = True
    masks[2, 0, 50, 10] = True
    return masks


def at(masks: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Values of masks under points of the network's input."""
    cell = ((points + 0.5) / SIZE * GRID).floor().long().clamp(0, GRID - 1)
    return masks[torch.arange(len(masks)), 0, cell[:, 1], cell[:, 0]]


def dice(seed: int = 0, count: int = 3) -> Dice:
    """Draws for that many masks."""
    return Dice(seed, count)


@pytest.mark.parametrize("seed", range(5))
def test_clicks_are_inside_and_negative_ones_outside(seed: int) -> None:
    prompts = sample_prompts(targets(), "two clicks", SIZE, dice(seed))
    assert prompts.labels.tolist() == [[POSITIVE, NEGATIVE]] * 3
    assert at(targets(), prompts.points[:, 0]).all()
    assert not at(targets(), prompts.points[:, 1]).any()


def test_clicks_are_not_always_the_same() -> None:
    drawn = {
        tuple(sample_prompts(targets(), "click", SIZE, dice(s)).points[0, 0])
        for s in range(8)
    }
    assert len(drawn) > 4


@pytest.mark.parametrize("seed", range(5))
def test_boxes_are_nearly_tight(seed: int) -> None:
    prompts = sample_prompts(targets(), "box", SIZE, dice(seed))
    assert prompts.labels.tolist() == [[BOX_START, BOX_END]] * 3
    cells = (prompts.points[0] + 0.5) / SIZE * GRID - 0.5
    expected = torch.tensor([[24.0, 20.0], [43.0, 39.0]])
    assert (cells - expected).abs().max() < 0.3 * 20


@pytest.mark.parametrize(
    ("predicted", "label"), [(0, POSITIVE), (1, NEGATIVE)], ids=["missed", "too much"]
)
def test_a_correction_is_where_the_error_is(predicted: int, label: int) -> None:
    target = targets()[:1]
    first = sample_prompts(target, "click", SIZE, dice(count=1))
    logits = torch.full((1, 1, GRID, GRID), 5.0 if predicted else -5.0)
    prompts = correct(first, logits, target, SIZE, dice(1, 1))
    assert prompts.labels[0].tolist() == [POSITIVE, label]
    assert bool(at(target, prompts.points[:, 1])) == (label == POSITIVE)
    assert prompts.mask is not None


def test_kinds_are_all_known() -> None:
    for kind in KINDS:
        prompts = sample_prompts(targets(), kind, SIZE, dice())
        assert prompts.points.shape[1] == prompts.labels.shape[1] > 0


def test_a_square_swells_and_shrinks_by_the_pixels_asked_for() -> None:
    square = targets()[:1].expand(5, -1, -1, -1)
    pixels = torch.tensor([-1.5, -0.7, 0.0, 0.7, 1.5])
    sides = swollen(square, pixels).flatten(1).sum(1).sqrt()
    torch.testing.assert_close(sides, 20 + 2 * pixels, atol=1.01, rtol=0)
    assert (sides.diff() > 0).all()


@pytest.mark.parametrize("pixels", [-2.0, -1.0, 1.0, 2.0])
def test_what_swells_goes_nowhere_and_what_is_small_is_not_lost(pixels: float) -> None:
    changed = swollen(targets(), torch.full((3,), pixels))
    for before, after in zip(targets(), changed, strict=True):
        assert after.sum() >= before.sum() / 2
        middles = [m.nonzero().float().mean(0) for m in (before, after)]
        torch.testing.assert_close(*middles, atol=0.3, rtol=0)
    nothing = torch.zeros(3, 1, GRID, GRID, dtype=torch.bool)
    assert not swollen(nothing, torch.full((3,), pixels)).any()


def test_what_does_not_swell_stays_as_it_is() -> None:
    noise = torch.rand(3, 1, GRID, GRID, generator=torch.Generator().manual_seed(0))
    ragged = noise > 0.5
    assert torch.equal(swollen(ragged, torch.zeros(3)), ragged)
