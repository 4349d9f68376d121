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
BLUR = 1.2
"""Deviation in pixels of the blur that moves the edges of masks."""


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


def swollen(target: Tensor, pixels: Tensor) -> Tensor:
    """Let masks swell, or shrink where it is less than nothing.

    A straight edge that is blurred by a Gaussian lies a given way off where the blurred
    mask has the value of the normal distribution there. A mask that would lose half of
    its area stays as it is.

    Parameters
    ----------
    target
        Bool, ``(B, 1, M, M)``.
    pixels
        How far, ``(B,)``; two at most.
    """
    along = torch.arange(-4.0, 5.0, device=target.device)
    kernel = torch.exp(-((along / BLUR) ** 2) / 2)
    kernel = (kernel / kernel.sum())[None, None, None]
    blurred = F.pad(target.float(), (4, 4, 4, 4), mode="replicate")
    blurred = F.conv2d(F.conv2d(blurred, kernel), kernel.transpose(2, 3))
    level = torch.special.ndtr(-pixels.clamp(-2, 2) / BLUR)
    changed = blurred > level[:, None, None, None]
    left, area = changed.flatten(1).sum(1), target.flatten(1).sum(1)
    keeps = (2 * left > area) & (pixels != 0)
    return torch.where(keeps[:, None, None, None], changed, target)


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
    """Draw a tight box whose sides are off by a tenth or so, or by nothing at all."""
    start, stop = bounds(target[:, 0])
    extent = stop - start + 1
    care = 0.08 * dice.uniform(1, 1)
    shake = dice.normal(2, 2) * care * extent[:, None]
    corners = torch.stack([start, stop], dim=1) + shake
    labels = torch.tensor([BOX_START, BOX_END], device=target.device)
    return corners.clamp(0, target.shape[-1] - 1), labels.expand(len(target), 2)
