"""Prompts sampled from the truth as users would give them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam_i2v.model.prompt_encoder import (
    BOX_END,
    BOX_START,
    NEGATIVE,
    POSITIVE,
    PromptTensors,
)
from napari_sam_i2v.training.dice import Dice

KINDS = ("click", "box", "two clicks")


def sample_prompts(
    target: Tensor, kind: str, input_size: int, dice: Dice
) -> PromptTensors:
    """Prompt each target, bool ``(B, 1, M, M)``, in one way."""
    scale = input_size / target.shape[-1]
    if kind == "box":
        points, labels = _box(target, dice)
    else:
        points, labels = _click(target, dice), _labels(target, POSITIVE)
        if kind == "two clicks":
            around = F.max_pool2d(target.float(), 15, 1, 7) - target.float()
            points = torch.cat([points, _click(around > 0, dice)], dim=1)
            labels = torch.cat([labels, _labels(target, NEGATIVE)], dim=1)
    return PromptTensors((points + 0.5) * scale - 0.5, labels)


def correct(
    prompts: PromptTensors, logits: Tensor, target: Tensor, input_size: int, dice: Dice
) -> PromptTensors:
    """Add a click where a prediction is most wrong, and feed its logits back."""
    scale = input_size / target.shape[-1]
    predicted = logits > 0
    missed, extra = target & ~predicted, ~target & predicted
    more_missed = missed.flatten(1).sum(1) >= extra.flatten(1).sum(1)
    wrong = torch.where(more_missed[:, None, None, None], missed, extra)
    nothing = wrong.flatten(1).sum(1) == 0
    wrong = torch.where(nothing[:, None, None, None], target, wrong)
    point = (_click(wrong, dice) + 0.5) * scale - 0.5
    label = torch.where(more_missed | nothing, POSITIVE, NEGATIVE)
    return PromptTensors(
        torch.cat([prompts.points, point], dim=1),
        torch.cat([prompts.labels, label[:, None]], dim=1),
        logits.detach().clamp(-32, 32),
    )


def _labels(target: Tensor, label: int) -> Tensor:
    return torch.full((len(target), 1), label, device=target.device)


def _click(region: Tensor, dice: Dice) -> Tensor:
    """Draw a pixel of each region, more likely well inside; ``(B, 1, 2)``, xy."""
    inside = region.float()
    depth = F.avg_pool2d(inside, 7, 1, 3) * inside
    index = dice.pick((depth**2).flatten(1) + 1e-9)[:, None]
    size = region.shape[-1]
    return torch.stack([index % size, index // size], dim=-1).float()


def bounds(mask: Tensor) -> tuple[Tensor, Tensor]:
    """First and last column and row of masks, ``(B, M, M)``; two ``(B, 2)``, xy."""
    starts, stops = [], []
    for present in (mask.any(1), mask.any(2)):
        starts.append(present.float().argmax(1))
        stops.append(mask.shape[-1] - 1 - present.flip(1).float().argmax(1))
    return torch.stack(starts, dim=-1).float(), torch.stack(stops, dim=-1).float()


def _box(target: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """Draw a tight box with sides off by up to a tenth or so."""
    start, stop = bounds(target[:, 0])
    extent = stop - start + 1
    shake = dice.normal(2, 2) * 0.06 * extent[:, None]
    corners = torch.stack([start, stop], dim=1) + shake
    labels = torch.tensor([BOX_START, BOX_END], device=target.device)
    return corners.clamp(0, target.shape[-1] - 1), labels.expand(len(target), 2)
