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

KINDS = ("click", "box", "two clicks")


def sample_prompts(
    target: Tensor, kind: str, input_size: int, generator: torch.Generator
) -> PromptTensors:
    """Prompt each target, bool ``(B, 1, M, M)``, in one way."""
    scale = input_size / target.shape[-1]
    if kind == "box":
        points, labels = _box(target, generator)
    else:
        points, labels = _click(target, generator), torch.ones(len(target), 1)
        if kind == "two clicks":
            around = F.max_pool2d(target.float(), 15, 1, 7) - target.float()
            negative = _click(around > 0, generator)
            points = torch.cat([points, negative], dim=1)
            labels = torch.cat([labels, torch.full((len(target), 1), NEGATIVE)], dim=1)
    return PromptTensors((points + 0.5) * scale - 0.5, labels.long())


def correct(
    prompts: PromptTensors,
    logits: Tensor,
    target: Tensor,
    input_size: int,
    generator: torch.Generator,
) -> PromptTensors:
    """Add a click where a prediction is most wrong, and feed its logits back."""
    scale = input_size / target.shape[-1]
    predicted = logits > 0
    missed, extra = target & ~predicted, ~target & predicted
    more_missed = missed.flatten(1).sum(1) >= extra.flatten(1).sum(1)
    wrong = torch.where(more_missed[:, None, None, None], missed, extra)
    nothing = wrong.flatten(1).sum(1) == 0
    wrong = torch.where(nothing[:, None, None, None], target, wrong)
    point = (_click(wrong, generator) + 0.5) * scale - 0.5
    label = torch.where(more_missed | nothing, POSITIVE, NEGATIVE)
    return PromptTensors(
        torch.cat([prompts.points, point], dim=1),
        torch.cat([prompts.labels, label[:, None]], dim=1),
        logits.detach().clamp(-32, 32),
    )


def _click(region: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a pixel of each region, more likely well inside; ``(B, 1, 2)``, xy."""
    inside = region.float()
    depth = F.avg_pool2d(inside, 7, 1, 3) * inside
    weight = (depth**2).flatten(1) + 1e-9
    index = torch.multinomial(weight, 1, generator=generator)
    size = region.shape[-1]
    return torch.stack([index % size, index // size], dim=-1).float()


def _box(target: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw a tight box with sides off by up to a tenth or so."""
    count, _, size, _ = target.shape
    columns, rows = target[:, 0].any(1), target[:, 0].any(2)
    bounds = []
    for present in (columns, rows):
        start = present.float().argmax(1)
        stop = size - 1 - present.flip(1).float().argmax(1)
        bounds.append((start.float(), stop.float()))
    (left, right), (top, bottom) = bounds
    extent = torch.stack([right - left, bottom - top], dim=-1) + 1
    shake = torch.randn(count, 2, 2, generator=generator) * 0.06 * extent[:, None]
    corners = torch.stack(
        [torch.stack([left, top], dim=-1), torch.stack([right, bottom], dim=-1)], dim=1
    )
    labels = torch.tensor([BOX_START, BOX_END]).expand(count, 2)
    return (corners + shake).clamp(0, size - 1), labels
