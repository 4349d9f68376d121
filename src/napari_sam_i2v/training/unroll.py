"""A clip through the network, with memory of its own masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_sam_i2v.model.memory import MemoryBank
from napari_sam_i2v.model.mask_decoder import Hypotheses
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import Prediction, SamI2V
from napari_sam_i2v.model.selection import select_memory
from napari_sam_i2v.training.clips import Clip, follow, look
from napari_sam_i2v.training.losses import LossWeights, frame_loss, mask_iou
from napari_sam_i2v.training.prompting import correct, sample_prompts


@dataclass(frozen=True, kw_only=True)
class UnrollSettings:
    """How a clip is run.

    Attributes
    ----------
    kind
        Prompt on the first frame, one of :data:`prompting.KINDS`.
    mask_share
        Share of objects whose first memory is made of the true mask.
    trust
        How often a window follows the prediction instead of the truth.
    correct
        Whether the first frame gets a corrective click.
    """

    kind: str = "click"
    mask_share: float = 0.5
    trust: float = 0.7
    correct: bool = False


@dataclass(frozen=True)
class Unrolled:
    """Loss of a batch of clips, and how good its masks were.

    ``prompted`` and ``tracked`` are mean IoUs, ``absent`` the share of absent
    objects told to be so; NaN where there was nothing to tell.
    """

    loss: Tensor
    prompted: float
    tracked: float
    absent: float


class _RandomChoice:
    """Any of the candidates: training should not depend on which are chosen."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def select(self, candidates, similarity, count, frame):  # noqa: ANN001, ANN201
        return list(self._rng.choice(candidates, count, replace=False))


def unroll(
    model: SamI2V,
    clips: list[Clip],
    settings: UnrollSettings,
    weights: LossWeights,
    rng: np.random.Generator,
) -> Unrolled:
    """Prompt the first frame of B clips of one length and track the others."""
    config = model.config
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    bank = MemoryBank()
    start = int(rng.integers(10))  # how far into a movie the clip claims to be
    losses, tracked, absent = [], [], []
    prompted = float("nan")

    for step in range(len(clips[0].frames)):
        window, target = look(clips, step, config, rng)
        features = _encode(model, window)
        position = start + step
        if step == 0:
            prompts = sample_prompts(target, settings.kind, config.input_size, generator)
            conditioned = model.condition(features, None)
            hypotheses = model.propose(conditioned, features, prompts)
            losses.append(frame_loss(hypotheses, target, prompts.clicks, weights))
            prediction = model.settle_on(hypotheses, prompts.clicks)
            prompted = float(mask_iou(prediction.logits, target.float()).mean())
            if settings.correct:
                prompts = correct(
                    prompts, prediction.logits, target, config.input_size, generator
                )
                hypotheses = model.propose(conditioned, features, prompts)
                losses.append(frame_loss(hypotheses, target, prompts.clicks, weights))
                prediction = model.settle_on(hypotheses, prompts.clicks)
            prediction = _given_masks(
                model, features, prediction, target, settings.mask_share, rng
            )
        else:
            slots = select_memory(
                position,
                [start],
                list(bank.tracked),
                lambda candidates: np.zeros(len(candidates)),
                _RandomChoice(rng),
                config.memory,
            )
            memory = model.memory_tokens(
                [slots], [[bank[slot.position] for slot in slots]]
            )
            conditioned = model.condition(features, memory)
            nothing = PromptTensors.none(len(clips), target.device)
            hypotheses = model.propose(conditioned, features, nothing)
            losses.append(frame_loss(hypotheses, target, nothing.clicks, weights))
            prediction = model.settle_on(hypotheses, nothing.clicks)
            _judge(prediction, target, tracked, absent)
        if step + 1 < len(clips[0].frames):
            vouched = torch.full((len(clips),), step == 0)
            entry = model.remember(features, prediction, vouched=vouched)
            entries = bank.conditioning if step == 0 else bank.tracked
            entries[position] = entry
            follow(
                clips, step, prediction.logits, prediction.score, settings.trust, rng
            )
    return Unrolled(
        torch.stack(losses).mean(),
        prompted,
        float(np.mean(tracked)) if tracked else float("nan"),
        float(np.mean(absent)) if absent else float("nan"),
    )


def _encode(model: SamI2V, window: Tensor):  # noqa: ANN202
    frames = window.shape[1]
    integrator = model.image_encoder.trunk_video
    taps = integrator.taps(window.flatten(0, 1)).unflatten(0, (-1, frames))
    return model.encode(window[:, -1], taps)


def _given_masks(
    model: SamI2V,
    features,  # noqa: ANN001
    prediction: Prediction,
    target: Tensor,
    share: float,
    rng: np.random.Generator,
) -> Prediction:
    """Put the true mask in the place of the prediction for some of the objects."""
    given = torch.from_numpy(rng.random(len(target)) < share)
    if not given.any():
        return prediction
    size = model.config.input_size
    mask = torch.nn.functional.interpolate(target.float(), (size, size))
    pointer = model.point_at(features, mask)
    wide = given[:, None]
    return Prediction(
        torch.where(wide[..., None, None], target.float() * 20 - 10, prediction.logits),
        torch.where(given, 1.0, prediction.iou),
        torch.where(wide, 10.0, prediction.score),
        torch.where(wide, pointer, prediction.pointer),
    )


def _judge(
    prediction: Prediction, target: Tensor, tracked: list[float], absent: list[float]
) -> None:
    """Note IoUs of the present and hits among the absent."""
    present = target.flatten(1).any(1)
    iou = mask_iou(prediction.logits, target.float())[:, 0]
    tracked += iou[present].tolist()
    absent += (prediction.score[:, 0] <= 0)[~present].float().tolist()
