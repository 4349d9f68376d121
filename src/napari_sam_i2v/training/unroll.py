"""A clip through the network, with memory of its own masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.image_encoder import Features
from napari_sam_i2v.model.mask_decoder import Hypotheses
from napari_sam_i2v.model.memory import MemoryBank, MemoryTokens
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import Conditioned, Prediction, SamI2V
from napari_sam_i2v.model.selection import select_memory
from napari_sam_i2v.training.clips import Clips, Square, carry, follow, look
from napari_sam_i2v.training.dice import Dice
from napari_sam_i2v.training.losses import LossWeights, frame_loss, mask_iou
from napari_sam_i2v.training.pool import MoviePool
from napari_sam_i2v.training.prompting import correct, sample_prompts, swollen
from napari_sam_i2v.views import FollowObjects

ON_TRACK = 0.2
"""IoU with the truth below which another cell is followed, or none."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """What happens to a batch of clips.

    Attributes
    ----------
    kind
        Prompt on the first frame, one of :data:`prompting.KINDS`.
    corrections
        Clicks that correct the first frame, one after another.
    correct_at
        A later step at which the tracked mask gets one; the frame is then a
        conditioning frame too.
    warm
        Steps before anything is learned. Errors pile up in them as in long movies,
        at the price of a forward pass.
    start
        How far into a movie the clip claims to be.
    mask_share
        Share of objects whose first memory is made of the true mask.
    trust
        How often a square follows the prediction instead of the truth.
    carry
        Whether the last mask is a prompt, if the network is one that takes it.
    """

    kind: str = "click"
    corrections: int = 0
    correct_at: int | None = None
    warm: int = 0
    start: int = 0
    mask_share: float = 0.5
    trust: float = 0.8
    carry: bool = True

    @property
    def room(self) -> float:
        """How wide the first view is for such prompts, as in use."""
        return FollowObjects.room["box" if self.kind == "box" else "click"]


@dataclass
class Unrolled:
    """Losses of a batch of clips, frame by frame, and how good its masks were.

    Attributes
    ----------
    losses
        One a decoded frame.
    prompted, tracked, corrected
        IoUs on the first frame, on others, and after corrections.
    kept, absent
        Whether objects that were there, or were not, were told to be so; 1 or 0.
    """

    losses: list[Tensor] = field(default_factory=list)
    prompted: list[Tensor] = field(default_factory=list)
    tracked: list[Tensor] = field(default_factory=list)
    corrected: list[Tensor] = field(default_factory=list)
    kept: list[Tensor] = field(default_factory=list)
    absent: list[Tensor] = field(default_factory=list)

    @property
    def loss(self) -> Tensor:
        """Mean over frames."""
        return torch.stack(self.losses).mean()

    def means(self) -> dict[str, float | None]:
        """Mean of each measure, ``None`` where there was nothing to measure."""
        names = ("prompted", "tracked", "corrected", "kept", "absent")
        gathered = {name: getattr(self, name) for name in names}
        joined = {n: torch.cat(v) if v else torch.zeros(0) for n, v in gathered.items()}
        return {
            name: round(float(values.float().mean()), 4) if len(values) else None
            for name, values in joined.items()
        }


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
class Unrolling:
    """Clips on their way through a network.

    Attributes
    ----------
    model, pool, clips
        What is run on what.
    script, weights
        How, and for which loss.
    dice, rng
        Draws by row, and for the whole batch.
    seen
        Where a list is given: current frame, logits and truth of every step, to be
        looked at.
    """

    model: SamI2V
    pool: MoviePool
    clips: Clips
    script: Script
    weights: LossWeights
    dice: Dice
    rng: np.random.Generator
    bank: MemoryBank = field(default_factory=MemoryBank)
    result: Unrolled = field(default_factory=Unrolled)
    seen: list[tuple[Tensor, Tensor, Tensor]] | None = None

    def __post_init__(self) -> None:
        """Start with all objects on track."""
        self._on_track = torch.ones_like(self.clips.slot, dtype=torch.bool)
        self._last: tuple[Tensor, Square] | None = None
        self._given = self.dice.uniform() < self.script.mask_share
        self._swell = self.clips.swell * self._given

    def run(self) -> Unrolled:
        """Prompt the first frames and track the others."""
        frames = self.clips.frames.shape[1]
        for step in range(frames):
            learning = torch.is_grad_enabled() and step >= self.script.warm
            with torch.set_grad_enabled(learning):
                self._step(step, remember=step + 1 < frames)
        return self.result

    def _step(self, step: int, *, remember: bool) -> None:
        model, script, clips = self.model, self.script, self.clips
        window, target = look(self.pool, clips, step, model.config, self.dice)
        features = encode(model, window)
        prompted = step == 0 or step == script.correct_at
        if step == 0:
            prediction = self._prompt(features, target)
        else:
            target = swollen(target, self._swell)
            prediction = self._track(step, features, target)
        if self.seen is not None:
            self.seen.append((window[:, -1, 0], prediction.logits, target))
        if not remember:
            return
        vouched = torch.full((len(clips),), prompted, device=window.device)
        entry = model.remember(features, prediction, vouched=vouched)
        entries = self.bank.conditioning if prompted else self.bank.tracked
        entries[script.start + step] = entry
        logits, score = prediction.logits.detach(), prediction.score.detach()
        self._last = logits, clips.square(step)
        diameters = model.config.view.diameters
        shape = self.pool.images.shape[-2:]
        follow(clips, step, logits, score, shape, diameters, script.trust, self.dice)

    def _prompt(self, features: Features, target: Tensor) -> Prediction:
        """Prompt the first frame, correct it perhaps, put true masks in for some."""
        size = self.model.config.input_size
        conditioned = self.model.condition(features, None)
        prompts = sample_prompts(target, self.script.kind, size, self.dice)
        prediction = self._decode(conditioned, features, prompts, target)
        iou = mask_iou(prediction.logits, target.float())[:, 0]
        self.result.prompted.append(iou)
        for _ in range(self.script.corrections):
            prompts = correct(prompts, prediction.logits, target, size, self.dice)
            prediction = self._decode(conditioned, features, prompts, target)
            iou = mask_iou(prediction.logits, target.float())[:, 0]
            self.result.corrected.append(iou)
        return self._put_true_masks(features, prediction, target)

    def _track(self, step: int, features: Features, target: Tensor) -> Prediction:
        """Find the objects from memory; correct them perhaps."""
        memory = self._select(self.script.start + step)
        conditioned = self.model.condition(features, memory)
        nothing = PromptTensors.none(len(self.clips), target.device)
        nothing = replace(nothing, mask=self._last_mask(step))
        prediction = self._decode(conditioned, features, nothing, target)
        present = target.flatten(1).any(1)
        iou = mask_iou(prediction.logits, target.float())[:, 0]
        there = prediction.score[:, 0] > 0
        self.result.tracked.append(iou[present])
        self.result.kept.append(there[present])
        self.result.absent.append(~there[~present & self._on_track])
        self._on_track = torch.where(present, iou > ON_TRACK, self._on_track)
        if step != self.script.correct_at:
            return prediction

        # A click says where the object is; what has gone is not corrected.
        size = self.model.config.input_size
        none = PromptTensors(nothing.points[:, :0], nothing.labels[:, :0])
        prompts = correct(none, prediction.logits, target, size, self.dice)
        corrected = self._decode(conditioned, features, prompts, target)
        iou = mask_iou(corrected.logits, target.float())[:, 0]
        self.result.corrected.append(iou[present])
        return corrected.where(present, prediction)

    def _last_mask(self, step: int) -> Tensor | None:
        """Give the last masks where the squares are now, if they are to be prompts."""
        if not (self.script.carry and self.model.config.memory.last_mask):
            return None
        assert self._last is not None
        return carry(self.clips, *self._last, self.clips.square(step))

    def _decode(
        self,
        conditioned: Conditioned,
        features: Features,
        prompts: PromptTensors,
        target: Tensor,
    ) -> Prediction:
        """Decode, note the loss, and settle on masks."""
        hypotheses = self.model.propose(conditioned, features, prompts)
        if torch.is_grad_enabled():
            self._learn(hypotheses, target, prompts.clicks)
        return self.model.settle_on(hypotheses, prompts.clicks)

    def _learn(self, hypotheses: Hypotheses, target: Tensor, clicks: Tensor) -> None:
        loss = frame_loss(hypotheses, target, clicks, self.weights, self._on_track)
        self.result.losses.append(loss)

    def _select(self, position: int) -> MemoryTokens:
        slots = select_memory(
            position,
            list(self.bank.conditioning),
            list(self.bank.tracked),
            lambda candidates: np.zeros(len(candidates)),
            AnyOf(self.rng),
            self.model.config.memory,
        )
        entries = [self.bank[slot.position] for slot in slots]
        return self.model.memory_tokens([slots], [entries])

    def _put_true_masks(
        self, features: Features, prediction: Prediction, target: Tensor
    ) -> Prediction:
        """Put the true mask in the place of the prediction for some of the objects."""
        size = self.model.config.input_size
        truth = swollen(target, self._swell).float()
        pointer = self.model.point_at(features, F.interpolate(truth, (size, size)))
        ones = torch.ones_like(prediction.iou)
        true = Prediction(truth * 20 - 10, ones, 10 * ones[:, None], pointer)
        return true.where(self._given, prediction)


class Trainee(nn.Module):
    """A network with its loss, as one module, so that processes can share a step.

    Parameters
    ----------
    model
        What is trained.
    weights
        Of the loss's terms.
    bf16
        Whether to compute in bfloat16 where that is safe.
    """

    def __init__(self, model: SamI2V, weights: LossWeights, *, bf16: bool) -> None:
        super().__init__()
        self.model = model
        self._weights = weights
        self._bf16 = bf16

    def forward(
        self,
        pool: MoviePool,
        clips: Clips,
        script: Script,
        dice: Dice,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Unrolled]:
        """Run clips; gives their loss, and what else there is to know."""
        device = pool.images.device
        run = Unrolling(self.model, pool, clips, script, self._weights, dice, rng)
        with torch.autocast(device.type, torch.bfloat16, enabled=self._bf16):
            result = run.run()
        return result.loss, result


def encode(model: SamI2V, window: Tensor) -> Features:
    """Encode windows of frames, ``(B, T, 3, S, S)``, the current one last."""
    taps = model.image_encoder.trunk_video.taps(window.flatten(0, 1))
    return model.encode(window[:, -1], taps.unflatten(0, window.shape[:2]))
