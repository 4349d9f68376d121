"""The training loop, read from top to bottom."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model import build_model, load_weights
from napari_sam_i2v.training.clips import draw_clip
from napari_sam_i2v.training.movies import MoviePool, TrainingMovie
from napari_sam_i2v.training.prompting import KINDS
from napari_sam_i2v.training.settings import Stage, TrainingSettings
from napari_sam_i2v.training.state import RunState
from napari_sam_i2v.training.unroll import Unrolled, UnrollSettings, unroll

logger = logging.getLogger(__name__)


def main(
    config_path: str | Path, overrides: Iterable[str] = (), *, resume: bool = False
) -> Path:
    """Train from a YAML file.

    Parameters
    ----------
    config_path
        Fills :class:`TrainingSettings`.
    overrides
        ``key=value`` strings that win over the file.
    resume
        Go on from the state in the run's folder, if there is one.

    Returns
    -------
    pathlib.Path
        The weights, averaged over steps, in half precision.

    Raises
    ------
    InputError
        If the settings do not hold, or the folder holds a run and `resume` is off.
    """
    settings = load_yaml(TrainingSettings, config_path, overrides=overrides)
    return train(settings, resume=resume)


def train(settings: TrainingSettings, *, resume: bool = False) -> Path:
    """Run training; see :func:`main`."""
    out = Path(settings.out)
    known = (out / "state.pt").exists()
    if known and not resume:
        raise InputError(f"{out} holds a run; give --resume, or another out=FOLDER")
    out.mkdir(parents=True, exist_ok=True)
    if settings.threads:
        torch.set_num_threads(settings.threads)

    torch.manual_seed(settings.seed)
    model = build_model(settings.model)
    if settings.init:
        load_weights(model, settings.init)
    state = RunState.begin(model, settings.weight_decay)
    if known:
        state.load(out)

    pool = MoviePool(settings.movies, settings.seed, settings.workers)
    bar = tqdm(total=settings.steps, initial=state.step, unit="step", disable=None)
    saved = time.monotonic()
    model.train()
    try:
        while state.step < settings.steps:
            began = time.monotonic()
            rng = np.random.default_rng([settings.seed, state.step])
            stage, place = settings.stage_at(state.step)
            for group in state.optimizer.param_groups:
                group["lr"] = _rate(stage, place, state.step)

            result, kind = _forward(
                settings, stage, model, pool.at(state.clips_drawn), rng
            )
            state.optimizer.zero_grad()
            result.loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            if torch.isfinite(norm):
                state.optimizer.step()
            else:
                logger.warning("step %d: gradient not finite; left out", state.step)

            state.average(settings.ema)
            state.step += 1
            state.clips_drawn += stage.batch
            _log(out / "log.jsonl", state.step, kind, result, norm, began)
            bar.set_postfix(loss=f"{result.loss.item():.3f}", refresh=False)
            bar.update()
            over = state.step == settings.steps
            if over or time.monotonic() - saved > 60 * settings.save_minutes:
                state.save(out)
                saved = time.monotonic()
    finally:
        bar.close()
        pool.close()
    return out / "weights.safetensors"


def _forward(
    settings: TrainingSettings,
    stage: Stage,
    model: nn.Module,
    movies: list[TrainingMovie],
    rng: np.random.Generator,
) -> tuple[Unrolled, str]:
    """Draw clips and run them; also tells how they were prompted."""
    diameters = model.config.view.diameters
    clips = [
        draw_clip(movies, stage.frames, diameters, rng) for _ in range(stage.batch)
    ]
    unrolling = UnrollSettings(
        kind=str(rng.choice(KINDS, p=settings.kinds)),
        mask_share=settings.mask_share,
        trust=settings.trust,
        correct=bool(rng.random() < settings.correct_share),
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        return unroll(model, clips, unrolling, settings.losses, rng), unrolling.kind


def _rate(stage: Stage, place: int, step: int) -> float:
    """Cosine within a stage, and warm-ups."""
    cosine = 0.5 * (1 + math.cos(math.pi * place / stage.steps))
    rate = stage.rate_end + (stage.rate - stage.rate_end) * cosine
    return rate * min(1.0, (step + 1) / 50, (place + 1) / 20)


def _log(
    path: Path, step: int, kind: str, result: Unrolled, norm: torch.Tensor, began: float
) -> None:
    line = {
        "step": step,
        "prompt": kind,
        "loss": round(result.loss.item(), 4),
        "prompted": _mean(result.prompted),
        "tracked": _mean(result.tracked),
        "absent": _mean(result.absent),
        "gradient": round(norm.item(), 3),
        "seconds": round(time.monotonic() - began, 3),
    }
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
