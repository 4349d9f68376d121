"""Protocols: which movies a model tracks, from which prompts, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.annotation import Correction
from napari_sam_i2v.evaluation.baselines import Baseline
from napari_sam_i2v.evaluation.prompting import PromptKind
from napari_sam_i2v.evaluation.scores import Scores


@dataclass(frozen=True, kw_only=True)
class ProtocolConfig:
    """What to evaluate, on what, and how.

    Attributes
    ----------
    movies
        Folders that ``load_movie`` reads.
    model, checkpoint, device, views, seed
        As in ``track``.
    prompts
        Kinds of first-frame prompts; each movie is tracked once with each kind.
    corrections
        Rounds of corrections after each propagation: every object gets a click where
        it was followed worst, and is followed again from there.
    baselines
        What to compare with.
    frames
        Track and score only so many frames of each movie; all by default.
    boundary
        Whether to compute F as well.
    """

    movies: tuple[Path, ...]
    model: str = "sam-i2v-cell"
    checkpoint: Path | None = None
    device: str = "auto"
    views: Literal["auto", "frame", "objects"] = "auto"
    seed: int = 0
    prompts: tuple[PromptKind, ...] = ("label",)
    corrections: int = 0
    baselines: tuple[Baseline, ...] = ("copy",)
    frames: int | None = None
    boundary: bool = True

    def __post_init__(self) -> None:
        """Refuse a protocol that scores nothing."""
        if not self.movies:
            raise InputError("movies is empty; name at least one movie folder")
        if not self.prompts:
            raise InputError("prompts is empty; name label, click, clicks or box")
        if self.corrections < 0:
            raise InputError(f"corrections is {self.corrections}; give 0 or more")
        if self.frames is not None and self.frames < 2:
            raise InputError(f"frames is {self.frames}; scoring takes at least 2")


@dataclass(frozen=True, kw_only=True, eq=False)
class MovieResult:
    """One movie tracked from one kind of prompts.

    Attributes
    ----------
    movie
        The movie's name.
    prompts
        Kind of the prompts.
    n_objects
        Objects prompted.
    prompt_iou
        Mean IoU of the answers to the prompts on the first frame.
    scores
        The model's scores; frames that were clicked to correct them are left out.
    baselines
        Scores of each baseline, by name; no correction changes them.
    seconds
        Wall time of prompting and tracking, or of this round of corrections.
    n_object_frames
        Objects times frames visited in that time.
    corrections
        Rounds of corrections before these scores.
    correction
        What the last round was; ``None`` where there was none.
    uncorrected
        Scores of the same pairs before any correction; ``None`` where there was none.
    """

    movie: str
    prompts: PromptKind
    n_objects: int
    prompt_iou: float
    scores: Scores
    baselines: Mapping[Baseline, Scores]
    seconds: float
    n_object_frames: int
    corrections: int = 0
    correction: Correction | None = None
    uncorrected: Scores | None = None

    @property
    def series(self) -> str:
        """Kind of the prompts and rounds of corrections, as ``click+1``."""
        return (
            f"{self.prompts}+{self.corrections}" if self.corrections else self.prompts
        )

    @property
    def seconds_per_object_frame(self) -> float:
        """Mean wall time per object and frame; NaN if none was visited."""
        if not self.n_object_frames:
            return float("nan")
        return self.seconds / self.n_object_frames
