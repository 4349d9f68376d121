"""The training loop, read from top to bottom."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import nn

from napari_sam_i2v.checkpoints import find_weights
from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import make_folder
from napari_sam_i2v.model import build_model, init_from_tinysam, load_weights
from napari_sam_i2v.model.devices import keep_freed_memory
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.training.clips import draw_clips
from napari_sam_i2v.training.dice import Dice
from napari_sam_i2v.training.interrupt import Interrupt
from napari_sam_i2v.training.optimizer import set_training_mode
from napari_sam_i2v.training.pool import MoviePool
from napari_sam_i2v.training.ranks import Ranks
from napari_sam_i2v.training.report import Report
from napari_sam_i2v.training.settings import Stage, TrainingSettings
from napari_sam_i2v.training.state import RunState
from napari_sam_i2v.training.unroll import Trainee

logger = logging.getLogger(__name__)

_MOST_LEFT_OUT = 50


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
        If the settings do not hold, the folder holds a run and `resume` is off, or
        memory runs out.
    """
    settings = load_yaml(TrainingSettings, config_path, overrides=overrides)
    return train(settings, resume=resume)


def train(settings: TrainingSettings, *, resume: bool = False) -> Path:
    """Run training; see :func:`main`."""
    out = Path(settings.out)
    known = (out / "state.pt").exists()
    if known and not resume:
        raise InputError(f"{out} holds a run; give --resume, or another out=FOLDER")
    make_folder(out)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    keep_freed_memory()
    torch.manual_seed(settings.seed)

    ranks = Ranks.join(settings.device)
    with ExitStack() as at_end:
        at_end.callback(ranks.leave)
        for stage in settings.stages:
            ranks.rows(stage.batch)  # or it cannot be shared, which is said now
        model = first_weights(settings)
        try:
            state = RunState.begin(model, settings.optimizer, ranks.device)
            if known:
                state.load(out, settings)
                if ranks.leads:  # a kill may have come between the two files
                    state.save(out, settings)
            pool = MoviePool(settings.movies, settings.seed, settings.workers, ranks)
            at_end.callback(pool.close)
            run = Run(settings, state, pool, ranks)
            with Interrupt() as interrupt:
                _loop(run, Report(settings, ranks), interrupt)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            _advise(error, settings)
    return out / "weights.safetensors"


@dataclass
class Run:
    """What a training run works with, and how many steps in a row came to nothing."""

    settings: TrainingSettings
    state: RunState
    pool: MoviePool
    ranks: Ranks
    left_out: int = 0


def _loop(run: Run, report: Report, interrupt: Interrupt) -> None:
    settings, state, ranks = run.settings, run.state, run.ranks
    weights = Trainee(state.model, settings.losses, bf16=settings.bf16)
    if settings.compiled:
        compile_parts(state.model)
    trainee = ranks.wrap(weights)
    set_training_mode(state.model, settings.optimizer)
    report.start(state)
    while state.step < settings.steps:
        figures = _learn(run, trainee)
        state.average(settings.ema)
        stop = ranks.any(interrupt.asked)
        report.step(state, figures, last=stop or state.step == settings.steps)
        if stop:
            raise KeyboardInterrupt(
                f"what is done is in {settings.out}: continue with --resume"
            )
    report.close()


def _learn(run: Run, trainee: nn.Module) -> dict[str, Any]:
    """One step: movies, clips, forward, backward, update. Gives figures to log."""
    settings, state, pool, ranks = run.settings, run.state, run.pool, run.ranks
    began = time.monotonic()
    rng = np.random.default_rng([settings.seed, state.step])
    stage, place = settings.stage_at(state.step)
    for group in state.optimizer.param_groups:
        group["lr"] = group["scale"] * rate(stage, place, state.step)

    pool.advance(state.clips_drawn)
    script = settings.prompts.script(stage, rng)
    frames = stage.frames + script.warm
    diameters = state.model.config.view.diameters * script.room
    clips = draw_clips(pool.tracks, stage.batch, frames, diameters, settings.clips, rng)
    rows, seed = ranks.rows(stage.batch), int(rng.integers(2**62))
    dice = Dice(seed, stage.batch, rows=rows, device=ranks.device)
    waited = time.monotonic() - began

    loss, result = trainee(pool, clips.rows(rows, ranks.device), script, dice, rng)
    state.optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(state.model.parameters(), settings.optimizer.clip)
    if torch.isfinite(norm):
        state.optimizer.step()
        run.left_out = 0
    else:
        logger.warning("step %d: gradient not finite; left out", state.step)
        run.left_out += 1
    if run.left_out == _MOST_LEFT_OUT:
        raise InputError(
            f"training has gone astray: no finite gradient for {run.left_out} steps; "
            "give a lower rate (stages: rate)"
        )
    state.step += 1
    state.clips_drawn += stage.batch

    total = ranks.mean(loss.detach()).item()
    seconds = time.monotonic() - began
    return {
        "prompt": script.kind,
        "warm": script.warm,
        "loss": round(total, 4),
        **result.means(),
        "gradient": round(norm.item(), 3),
        "seconds": round(seconds, 3),
        "busy": round(1 - waited / seconds, 3),
    }


def first_weights(settings: TrainingSettings) -> SamI2V:
    """Build the model with the weights that training starts from."""
    model = build_model(settings.model)
    if settings.init and settings.init_tinysam:
        raise InputError("give init or init_tinysam, not both")
    if settings.init:
        path = Path(settings.init)
        known = None if path.exists() else find_weights(settings.init)
        load_weights(model, known or path)
    if settings.init_tinysam:
        init_from_tinysam(model, settings.init_tinysam)
    return model


def rate(stage: Stage, place: int, step: int) -> float:
    """Learning rate: a cosine within a stage, and warm-ups."""
    cosine = 0.5 * (1 + math.cos(math.pi * place / stage.steps))
    value = stage.rate_end + (stage.rate - stage.rate_end) * cosine
    return value * min(1.0, (step + 1) / 50, (place + 1) / 20)


def compile_parts(model: SamI2V) -> None:
    """Compile what runs for every frame; shapes change with batch and clip only."""
    for part in (
        model.image_encoder,
        model.memory_attention,
        model.memory_encoder,
        model.sam_mask_decoder,
    ):
        part.compile()


def _advise(error: Exception, settings: TrainingSettings) -> NoReturn:
    """Say what to do where memory ran out; other errors go on."""
    # A process that makes movies is ended by the system when memory runs out.
    kinds = torch.OutOfMemoryError | MemoryError | BrokenProcessPool
    signs = ("can't allocate memory", "out of memory")
    if not isinstance(error, kinds) and not any(s in str(error) for s in signs):
        raise error
    most = max(settings.stages, key=lambda stage: stage.batch * stage.frames)
    raise InputError(
        f"out of memory with up to {most.batch} clips of {most.frames} frames; give "
        "fewer (stages: batch, or frames), fewer movies (movies.pool) or fewer "
        "workers; --resume goes on"
    ) from None
