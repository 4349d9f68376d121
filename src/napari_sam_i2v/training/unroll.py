"""A clip through the network, with memory of its own masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam_i2v.model.image_encoder import Features
from napari_sam_i2v.model.mask_decoder import Hypotheses
from napari_sam_i2v.model.memory import MemoryBank, MemoryTokens
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


@dataclass
class Unrolled:
    """Losses of a batch of clips, frame by frame, and how good its masks were.

    Attributes
    ----------
    losses
        One a decoded frame.
    prompted, tracked
        IoUs on the first frame and on the others.
    absent
        Whether absent objects were told to be so, 1 or 0.
    """

    losses: list[Tensor] = field(default_factory=list)
    prompted: list[float] = field(default_factory=list)
    tracked: list[float] = field(default_factory=list)
    absent: list[float] = field(default_factory=list)

    @property
    def loss(self) -> Tensor:
        """Mean over frames."""
        return torch.stack(self.losses).mean()


class AnyOf:
    """A selection policy: any of the candidates.

    Training should not depend on which frames are chosen, and one choice for the
    whole batch keeps its memories aligned.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def select(
        self, candidates: Sequence[int], similarity: np.ndarray, count: int, frame: int
    ) -> list[int]:
        """Draw ``count``."""
        return [int(c) for c in self._rng.choice(candidates, count, replace=False)]


@dataclass
class _Run:
    """What all steps of an unrolling share."""

    model: SamI2V
    clips: list[Clip]
    settings: UnrollSettings
    weights: LossWeights
    rng: np.random.Generator
    bank: MemoryBank
    result: Unrolled


def unroll(
    model: SamI2V,
    clips: list[Clip],
    settings: UnrollSettings,
    weights: LossWeights,
    rng: np.random.Generator,
) -> Unrolled:
    """Prompt the first frame of B clips of one length and track the others."""
    run = _Run(model, clips, settings, weights, rng, MemoryBank(), Unrolled())
    start = int(rng.integers(10))  # how far into a movie the clip claims to be
    frames = len(clips[0].frames)

    for step in range(frames):
        window, target = look(clips, step, model.config, rng)
        features = encode(model, window)
        if step == 0:
            prediction = _prompt(run, features, target)
        else:
            prediction = _track(run, start, start + step, features, target)
        if step + 1 == frames:
            break

        vouched = torch.full((len(clips),), step == 0)
        entry = model.remember(features, prediction, vouched=vouched)
        entries = run.bank.conditioning if step == 0 else run.bank.tracked
        entries[start + step] = entry
        follow(clips, step, prediction.logits, prediction.score, settings.trust, rng)
    return run.result


def encode(model: SamI2V, window: Tensor) -> Features:
    """Encode windows of frames, ``(B, T, 3, S, S)``, the current one last."""
    taps = model.image_encoder.trunk_video.taps(window.flatten(0, 1))
    return model.encode(window[:, -1], taps.unflatten(0, window.shape[:2]))


def _prompt(run: _Run, features: Features, target: Tensor) -> Prediction:
    """Prompt the first frame, correct it once perhaps, put true masks in for some."""
    model, settings = run.model, run.settings
    size = model.config.input_size
    generator = torch.Generator().manual_seed(int(run.rng.integers(2**31)))
    conditioned = model.condition(features, None)

    prompts = sample_prompts(target, settings.kind, size, generator)
    hypotheses = model.propose(conditioned, features, prompts)
    prediction = _learn(run, hypotheses, target, prompts.clicks)
    run.result.prompted += mask_iou(prediction.logits, target.float())[:, 0].tolist()

    if settings.correct:
        prompts = correct(prompts, prediction.logits, target, size, generator)
        hypotheses = model.propose(conditioned, features, prompts)
        prediction = _learn(run, hypotheses, target, prompts.clicks)
    return _put_true_masks(run, features, prediction, target)


def _track(
    run: _Run, start: int, position: int, features: Features, target: Tensor
) -> Prediction:
    """Find the objects from memory."""
    memory = _select(run, start, position)
    conditioned = run.model.condition(features, memory)
    nothing = PromptTensors.none(len(run.clips), target.device)
    hypotheses = run.model.propose(conditioned, features, nothing)
    prediction = _learn(run, hypotheses, target, nothing.clicks)

    present = target.flatten(1).any(1)
    iou = mask_iou(prediction.logits, target.float())[:, 0]
    run.result.tracked += iou[present].tolist()
    run.result.absent += (prediction.score[:, 0] <= 0)[~present].float().tolist()
    return prediction


def _learn(
    run: _Run, hypotheses: Hypotheses, target: Tensor, clicks: Tensor
) -> Prediction:
    """Note the loss of a decoded frame and settle on its masks."""
    run.result.losses.append(frame_loss(hypotheses, target, clicks, run.weights))
    return run.model.settle_on(hypotheses, clicks)


def _select(run: _Run, start: int, position: int) -> MemoryTokens:
    slots = select_memory(
        position,
        [start],
        list(run.bank.tracked),
        lambda candidates: np.zeros(len(candidates)),
        AnyOf(run.rng),
        run.model.config.memory,
    )
    return run.model.memory_tokens([slots], [[run.bank[s.position] for s in slots]])


def _put_true_masks(
    run: _Run, features: Features, prediction: Prediction, target: Tensor
) -> Prediction:
    """Put the true mask in the place of the prediction for some of the objects."""
    given = torch.from_numpy(run.rng.random(len(target)) < run.settings.mask_share)
    size = run.model.config.input_size
    truth = target.float()
    pointer = run.model.point_at(features, F.interpolate(truth, (size, size)))
    column = given[:, None]
    return Prediction(
        torch.where(column[..., None, None], truth * 20 - 10, prediction.logits),
        torch.where(given, 1.0, prediction.iou),
        torch.where(column, 10.0, prediction.score),
        torch.where(column, pointer, prediction.pointer),
    )
