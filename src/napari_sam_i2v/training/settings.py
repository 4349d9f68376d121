"""Settings of a training run; YAML fills them."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_sam_i2v.training.losses import LossWeights
from napari_sam_i2v.training.movies import MovieSettings


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training with clips of one length.

    Attributes
    ----------
    steps, batch, frames
        Optimizer steps, clips a step, frames a clip.
    rate
        Learning rate at the start; it falls to ``rate_end`` along a cosine.
    """

    steps: int
    batch: int
    frames: int
    rate: float
    rate_end: float


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
        Weights to start from; random ones without.
    seed
        Of weights, movies, clips and prompts.
    workers
        Processes that make movies.
    threads
        Threads of the training process on a CPU; 0 leaves it to torch.
    bf16
        Whether to compute in bfloat16 where it is safe (autocast).
    weight_decay, clip, ema
        Of AdamW; largest gradient norm; decay of the averaged weights.
    mask_share, trust, correct_share, kinds
        See :class:`unroll.UnrollSettings`; ``kinds`` are the shares of one click,
        box and two clicks.
    save_minutes
        Minutes between saved states.
    movies, losses
        What is trained on and for.
    """

    model: str
    out: str
    stages: tuple[Stage, ...]
    init: str | None = None
    seed: int = 0
    workers: int = 1
    threads: int = 0
    bf16: bool = True
    weight_decay: float = 0.02
    clip: float = 1.0
    ema: float = 0.998
    mask_share: float = 0.5
    trust: float = 0.7
    correct_share: float = 0.3
    kinds: tuple[float, float, float] = (0.6, 0.3, 0.1)
    save_minutes: float = 4.0
    movies: MovieSettings = field(default_factory=MovieSettings)
    losses: LossWeights = field(default_factory=LossWeights)

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
