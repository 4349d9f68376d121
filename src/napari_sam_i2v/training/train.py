"""The training loop, read from top to bottom."""

from __future__ import annotations

import copy
import json
import logging
import math
import os
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model import build_model, load_weights
from napari_sam_i2v.training.clips import draw_clip
from napari_sam_i2v.training.movies import MoviePool
from napari_sam_i2v.training.prompting import KINDS
from napari_sam_i2v.training.settings import TrainingSettings
from napari_sam_i2v.training.unroll import UnrollSettings, unroll

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
        Go on from the state in the run's folder.

    Returns
    -------
    pathlib.Path
        The weights, averaged over steps, half precision.
    """
    settings = load_yaml(TrainingSettings, config_path, overrides=overrides)
    return train(settings, resume=resume)


def train(settings: TrainingSettings, *, resume: bool = False) -> Path:
    """Run training; see :func:`main`."""
    out = Path(settings.out)
    out.mkdir(parents=True, exist_ok=True)
    state_file = out / "state.pt"
    if state_file.exists() and not resume:
        raise InputError(f"{out} holds a run; give --resume or another `out`")
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)

    model = build_model(settings.model)
    if settings.init:
        load_weights(model, settings.init)
    averaged = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(
        _parameter_groups(model, settings.weight_decay), lr=1.0, betas=(0.9, 0.99)
    )
    step = clips_drawn = 0
    if resume and state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        step, clips_drawn = state["step"], state["clips_drawn"]

    pool = MoviePool(settings.movies, settings.seed, settings.workers)
    saved = time.monotonic()
    model.train()
    try:
        while step < settings.steps:
            began = time.monotonic()
            stage, place = settings.stage_at(step)
            rng = np.random.default_rng([settings.seed, step])
            movies = pool.at(clips_drawn)
            diameters = model.config.view.diameters
            clips = [
                draw_clip(movies, stage.frames, diameters, rng)
                for _ in range(stage.batch)
            ]
            unrolling = UnrollSettings(
                kind=str(rng.choice(KINDS, p=settings.kinds)),
                mask_share=settings.mask_share,
                trust=settings.trust,
                correct=bool(rng.random() < settings.correct_share),
            )
            for group in optimizer.param_groups:
                group["lr"] = _rate(stage, place, step)

            with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
                result = unroll(model, clips, unrolling, settings.losses, rng)
            optimizer.zero_grad()
            result.loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            if torch.isfinite(norm):
                optimizer.step()
            else:
                logger.warning("step %d: gradient is not finite; step left out", step)
            _average(averaged, model, min(settings.ema, (1 + step) / (10 + step)))

            step += 1
            clips_drawn += stage.batch
            _log(out / "log.jsonl", step, unrolling.kind, result, norm, began)
            last = step == settings.steps
            if last or time.monotonic() - saved > 60 * settings.save_minutes:
                _save(out, model, averaged, optimizer, step, clips_drawn)
                saved = time.monotonic()
    finally:
        pool.close()
    return out / "weights.safetensors"


def _parameter_groups(model: nn.Module, decay: float) -> list[dict]:
    """Matrices are decayed; norms, biases and tokens are not."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim > 1]
    others = [p for p in parameters if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": decay},
        {"params": others, "weight_decay": 0.0},
    ]


def _rate(stage, place: int, step: int) -> float:  # noqa: ANN001
    """Cosine within a stage, and a warm-up at the very start."""
    cosine = 0.5 * (1 + math.cos(math.pi * place / stage.steps))
    rate = stage.rate_end + (stage.rate - stage.rate_end) * cosine
    return rate * min(1.0, (step + 1) / 50, (place + 1) / 20)


def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    with torch.no_grad():
        ours, theirs = averaged.state_dict(), model.state_dict()
        for key, value in ours.items():
            if value.dtype.is_floating_point:
                value.lerp_(theirs[key], 1 - decay)
            else:
                value.copy_(theirs[key])


def _save(out: Path, model, averaged, optimizer, step: int, clips_drawn: int) -> None:  # noqa: ANN001
    """Write state and weights; a kill leaves the old ones or the new ones."""
    state = {
        "model": model.state_dict(),
        "averaged": averaged.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "clips_drawn": clips_drawn,
    }
    torch.save(state, out / "state.pt.part")
    os.replace(out / "state.pt.part", out / "state.pt")
    half = {
        key: value.half() if value.dtype.is_floating_point else value
        for key, value in averaged.state_dict().items()
    }
    metadata = {"model": model.config.name, "step": str(step)}
    save_file(half, out / "weights.safetensors.part", metadata=metadata)
    os.replace(out / "weights.safetensors.part", out / "weights.safetensors")


def _log(path: Path, step: int, kind: str, result, norm, began: float) -> None:  # noqa: ANN001
    line = {
        "step": step,
        "prompt": kind,
        "loss": round(result.loss.item(), 4),
        "prompted": round(result.prompted, 4),
        "tracked": round(result.tracked, 4),
        "absent": round(result.absent, 4),
        "gradient": round(float(norm), 3),
        "seconds": round(time.monotonic() - began, 3),
    }
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
