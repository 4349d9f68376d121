"""Losses; their weighted sum is in one place, :func:`frame_loss`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam_i2v.model.mask_decoder import Hypotheses


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How much each term counts."""

    focal: float = 10.0
    dice: float = 1.0
    iou: float = 1.0
    presence: float = 1.0


def focal_loss(logits: Tensor, target: Tensor, gamma: float = 2.0) -> Tensor:
    """Focal loss (Lin et al. 2017), ``(B, M, H, W)`` to ``(B, M)``."""
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    certainty = (target * 2 - 1) * logits
    return (cross_entropy * torch.sigmoid(-certainty) ** gamma).mean((-2, -1))


def dice_loss(logits: Tensor, target: Tensor) -> Tensor:
    """One minus the soft Dice overlap; ``(B, M, H, W)`` to ``(B, M)``."""
    probability = logits.sigmoid()
    overlap = (probability * target).sum((-2, -1))
    total = probability.sum((-2, -1)) + target.sum((-2, -1))
    return 1 - (2 * overlap + 1) / (total + 1)


def mask_iou(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of thresholded logits and a target; ``(B, M, H, W)`` to ``(B, M)``."""
    predicted, truth = logits > 0, target > 0.5
    overlap = (predicted & truth).sum((-2, -1))
    union = (predicted | truth).sum((-2, -1))
    return overlap / union.clamp(min=1)


def frame_loss(
    hypotheses: Hypotheses,
    target: Tensor,
    clicks: Tensor,
    weights: LossWeights,
    knowable: Tensor | None = None,
) -> Tensor:
    """Loss of B objects on a frame.

    A mean over objects, of which absent ones have a presence term only: halves of a
    batch, averaged, have the loss of the whole.

    Where the prompt is ambiguous, only the best of the three hypotheses learns its
    mask (SAM appendix A), otherwise the first one does; each learns what IoU it has.

    Parameters
    ----------
    hypotheses
        What the decoder proposes.
    target
        True masks, bool, ``(B, 1, H, W)``; empty where the object is absent.
    clicks
        Clicks given, ``(B,)``.
    weights
        Of the terms.
    knowable
        Bool, ``(B,)``: whether the network can know that an absent object is absent;
        one that has been following another cell cannot. All by default.
    """
    truth = target.float().expand_as(hypotheses.logits)
    present = target.flatten(1).any(1)
    mask_terms = weights.focal * focal_loss(
        hypotheses.logits, truth
    ) + weights.dice * dice_loss(hypotheses.logits, truth)
    best = mask_terms[:, 1:].min(dim=1).values
    ambiguous = clicks <= 1
    first = mask_terms[:, 0]
    mask_term = torch.where(ambiguous, best, first + 0.5 * best)

    true_iou = mask_iou(hypotheses.logits, truth)
    iou_term = weights.iou * (hypotheses.ious - true_iou).abs().mean(1)

    there = present.float()
    presence_term = weights.presence * F.binary_cross_entropy_with_logits(
        hypotheses.score[:, 0], there, reduction="none"
    )
    if knowable is not None:
        presence_term = presence_term * (present | knowable)
    return (there * (mask_term + iou_term) + presence_term).mean()
