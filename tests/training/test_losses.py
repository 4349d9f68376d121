"""Losses: what is right costs less than what is wrong."""

from __future__ import annotations

import torch

from napari_sam_i2v.model.mask_decoder import Hypotheses
from napari_sam_i2v.training.losses import (
    LossWeights,
    dice_loss,
    focal_loss,
    frame_loss,
    mask_iou,
)


def disc(radius: float, size: int = 32) -> torch.Tensor:
    """Boolean disc, ``(1, 1, size, size)``."""
    along = torch.arange(size) - (size - 1) / 2
    return (along[:, None] ** 2 + along**2 < radius**2)[None, None]


def hypotheses(
    logits: torch.Tensor, ious: torch.Tensor, score: float = 5.0
) -> Hypotheses:
    """Four hypotheses for one object."""
    tokens = torch.zeros(1, 4, 8)
    return Hypotheses(logits, ious, tokens, torch.full((1, 1), score))


def as_logits(mask: torch.Tensor) -> torch.Tensor:
    """A mask as confident logits."""
    return mask.float() * 16 - 8


def test_a_better_mask_has_less_loss_by_every_term() -> None:
    target = disc(8).float()
    good, poor = as_logits(disc(7)), as_logits(disc(3))
    for term in (focal_loss, dice_loss):
        assert term(good, target) < term(poor, target)
    assert mask_iou(good, target) > mask_iou(poor, target)


def test_mask_iou_counts_pixels() -> None:
    small, large = disc(4), disc(8)
    expected = small.sum() / large.sum()
    torch.testing.assert_close(
        mask_iou(as_logits(small), large.float()), expected[None, None]
    )
    nothing = torch.zeros_like(large)
    assert mask_iou(as_logits(nothing), nothing.float()) == 0


def test_an_ambiguous_prompt_teaches_the_best_of_three_only() -> None:
    target = disc(8)
    logits = torch.cat(
        [as_logits(disc(r)) for r in (2, 8, 3, 12)], dim=1
    ).requires_grad_()
    loss = frame_loss(
        hypotheses(logits, torch.full((1, 4), 0.5)),
        target,
        torch.tensor([1]),
        LossWeights(iou=0, presence=0),
    )
    (gradient,) = torch.autograd.grad(loss, logits)
    touched = gradient.abs().flatten(2).sum(2)[0] > 0
    assert touched.tolist() == [False, True, False, False]


def test_several_clicks_teach_the_first_hypothesis() -> None:
    logits = torch.zeros(1, 4, 32, 32, requires_grad=True)
    loss = frame_loss(
        hypotheses(logits, torch.full((1, 4), 0.5)),
        disc(8),
        torch.tensor([3]),
        LossWeights(iou=0, presence=0),
    )
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient[0, 0].abs().sum() > 0


def test_an_absent_object_teaches_its_score_alone() -> None:
    logits = torch.randn(1, 4, 32, 32)
    nothing = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    clicks = torch.tensor([0])
    ious = torch.full((1, 4), 0.9)
    says_there = frame_loss(
        hypotheses(logits, ious, 5.0), nothing, clicks, LossWeights()
    )
    says_gone = frame_loss(
        hypotheses(logits, ious, -5.0), nothing, clicks, LossWeights()
    )
    assert says_gone < 0.02 < says_there


def test_what_cannot_be_known_is_not_taught() -> None:
    logits, ious = torch.randn(1, 4, 32, 32), torch.rand(1, 4)
    nothing, clicks = torch.zeros(1, 1, 32, 32, dtype=torch.bool), torch.tensor([0])
    lost = torch.tensor([False])
    found = hypotheses(logits, ious)
    assert frame_loss(found, nothing, clicks, LossWeights(), lost) == 0
    there = frame_loss(found, disc(8), clicks, LossWeights(), lost)
    assert there == frame_loss(found, disc(8), clicks, LossWeights())


def test_halves_of_a_batch_have_the_loss_of_the_whole() -> None:
    torch.manual_seed(0)
    target = torch.cat([disc(6), disc(9), torch.zeros_like(disc(1)), disc(4)])
    logits, ious = torch.randn(4, 4, 32, 32), torch.rand(4, 4)
    score, clicks = torch.randn(4, 1), torch.tensor([1, 0, 0, 2])

    def loss(rows: slice) -> torch.Tensor:
        found = Hypotheses(logits[rows], ious[rows], torch.zeros(1), score[rows])
        return frame_loss(found, target[rows], clicks[rows], LossWeights())

    halves = (loss(slice(0, 2)) + loss(slice(2, 4))) / 2
    torch.testing.assert_close(loss(slice(None)), halves)
