"""Settings of a training run; YAML fills them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.training.clips import ClipSettings
from napari_sam_i2v.training.losses import LossWeights
from napari_sam_i2v.training.movies import MovieSettings
from napari_sam_i2v.training.optimizer import OptimizerSettings
from napari_sam_i2v.training.prompting import KINDS
from napari_sam_i2v.training.ranges import Count, Positive, Share
from napari_sam_i2v.training.unroll import Script
from napari_sam_i2v.training.validate import ValidationSettings


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training with clips of one length.

    Attributes
    ----------
    steps, batch, frames
        Optimizer steps, clips a step, frames a clip that are learned from.
    warm
        Frames before them, at most, that only lead there; see :class:`Script`.
    rate
        Learning rate at the start; it falls to ``rate_end`` along a cosine.
    """

    steps: Positive
    batch: Positive
    frames: Positive
    rate: float
    rate_end: float
    warm: Count = 0


@dataclass(frozen=True, kw_only=True)
class PromptSettings:
    """How clips are prompted.

    Attributes
    ----------
    kinds
        Shares of one click, a box, and a positive with a negative click.
    mask_share, trust
        See :class:`Script`.
    correct_first, correct_later
        Share of steps that correct the first frame, and a later one.
    corrections
        Clicks that correct a first frame, at most, one after another.
    carry
        Share of steps in which the last mask is a prompt: with memory alone the
        network has to do in the others.
    """

    kinds: tuple[float, float, float] = (0.6, 0.3, 0.1)
    mask_share: Share = 0.5
    trust: Share = 0.8
    correct_first: Share = 0.3
    correct_later: Share = 0.15
    corrections: Count = 2
    carry: Share = 0.85

    def __post_init__(self) -> None:
        """Refuse shares of nothing."""
        if min(self.kinds) < 0 or sum(self.kinds) <= 0:
            raise InputError("the shares of kinds must be 0 or more, and not all 0")

    def script(self, stage: Stage, rng: np.random.Generator) -> Script:
        """Draw what happens to a batch."""
        warm = int(rng.integers(1, stage.warm + 1)) if stage.warm else 0
        warm *= rng.random() < 0.6  # prompts are learned from without
        frames = stage.frames + warm
        later = frames > 1 and rng.random() < self.correct_later
        corrected = self.corrections and rng.random() < self.correct_first
        return Script(
            kind=str(rng.choice(KINDS, p=np.array(self.kinds) / sum(self.kinds))),
            corrections=int(rng.integers(1, self.corrections + 1)) if corrected else 0,
            correct_at=int(rng.integers(max(1, warm), frames)) if later else None,
            warm=warm,
            start=int(rng.integers(10)),
            mask_share=self.mask_share,
            trust=self.trust,
            carry=bool(rng.random() < self.carry),
        )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """A training run.

    Attributes
    ----------
    model
        Member of the family, a name or a YAML file.
    out
        Folder for state, log and weights.
    stages
        One after the other.
    init
        Weights to start from, a file or a model's name; random ones without.
    init_tinysam
        TinySAM's weights to start from instead, as the released model did.
    seed
        Of weights, movies, clips and prompts.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    workers
        Processes that make movies; with 0 training makes them itself, and waits.
    threads
        Threads of the training process on a CPU; 0 leaves it to torch.
    bf16
        Whether to compute in bfloat16 where it is safe (autocast).
    compiled
        Whether to compile the network's parts (torch.compile): pays on a GPU.
    ema
        Decay of the averaged weights.
    save_minutes
        Minutes between saved states.
    optimizer, validation
        See there.
    movies, clips, prompts, losses
        What is trained on, and for.
    """

    model: str
    out: str
    stages: tuple[Stage, ...]
    init: str | None = None
    init_tinysam: str | None = None
    seed: Count = 0
    device: str = "auto"
    workers: Count = 1
    threads: Count = 0
    bf16: bool = True
    compiled: bool = False
    ema: Share = 0.998
    save_minutes: float = 4.0
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    movies: MovieSettings = field(default_factory=MovieSettings)
    clips: ClipSettings = field(default_factory=ClipSettings)
    prompts: PromptSettings = field(default_factory=PromptSettings)
    losses: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        """Refuse no stages, and clips longer than the movies they come from."""
        if not self.stages:
            raise InputError("there are no stages to train; give one at least")
        for stage in self.stages:
            if stage.frames + stage.warm > self.movies.frames:
                raise InputError(
                    f"clips of {stage.frames} frames after {stage.warm} need movies of "
                    f"{stage.frames + stage.warm}, movies.frames is "
                    f"{self.movies.frames}"
                )

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """Give the stage a step is in, and the step's place in it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise IndexError("training is over")
