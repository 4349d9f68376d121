"""How busy training keeps its device.

Trains for some steps and prints, step after step and as a median, the seconds, the
object-frames a second, and which share of the step was spent computing rather than
waiting for movies or drawing clips. Run it with the settings you mean to train with::

    python benchmarks/training.py sam-i2v-cell --steps 30 --batch 512 --workers 14
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_sam_i2v.config import load_yaml
from napari_sam_i2v.training.records import read_log
from napari_sam_i2v.training.settings import Stage, TrainingSettings
from napari_sam_i2v.training.train import train

CONFIGS = Path(__file__).parents[1] / "configs" / "train"
SETTLED = 5
"""Steps left out at the start: movies are made ahead, kernels are chosen."""


def main() -> None:
    """Train a little and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", nargs="?", default="sam-i2v-cell")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--compiled", action="store_true")
    arguments = parser.parse_args()

    settings = load_yaml(TrainingSettings, CONFIGS / f"{arguments.config}.yaml")
    stage = Stage(
        steps=arguments.steps + SETTLED,
        batch=arguments.batch,
        frames=arguments.frames,
        rate=1e-4,
        rate_end=1e-4,
    )
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(
            settings,
            out=folder,
            init_tinysam=None,
            stages=(stage,),
            workers=arguments.workers,
            device=arguments.device,
            compiled=arguments.compiled,
            validation=replace(settings.validation, every=0),
            save_minutes=1e9,
        )
        train(settings)
        log = read_log(Path(folder), "train")[SETTLED:]
    print("step  seconds  object-frames/s  busy")
    for line in log:
        print(_row(line["step"], line["seconds"], line["busy"], stage))
    seconds, busy = (float(np.median([line[k] for line in log])) for k in _MEASURES)
    print(_row("median", seconds, busy, stage))


_MEASURES = ("seconds", "busy")


def _row(name: object, seconds: float, busy: float, stage: Stage) -> str:
    speed = stage.batch * stage.frames / seconds
    return f"{name!s:6}{seconds:7.2f}{speed:17.0f}{busy:6.0%}"


if __name__ == "__main__":
    main()
