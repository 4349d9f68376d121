"""How long a run will take and how much memory, before it begins.

Figures are those of an earlier run on this computer, where there was one; else they
were measured on one core of a server and can be off by a factor of a few. A run whose
length is given in minutes measures its own steps first.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

from napari_sam_i2v.checkpoints import cache_folder
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning.settings import FEWEST_STEPS, VALIDATIONS, FineTune
from napari_sam_i2v.io.disk import replacing

_GIGABYTE = 1e9


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What runs of one kind cost.

    Attributes
    ----------
    step
        Seconds of a training step.
    memory
        Bytes of all processes together, at most.
    """

    step: float
    memory: float


# Measured: one core of a 2.x GHz server CPU, float32, `FineTune`'s clips. The first of
# each pair sees squares of 128 pixels, the second of 1024.
_MEASURED = {
    (False, "decoder and memory"): Figures(step=1.3, memory=3.0e9),
    (False, "everything"): Figures(step=1.8, memory=3.0e9),
    (True, "decoder and memory"): Figures(step=60.0, memory=8.0e9),
    (True, "everything"): Figures(step=60.0, memory=8.0e9),
}
# Seconds until the first step, and steps that a validation takes as long as.
_START, _VALIDATION = 25.0, 6.0


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run is expected to take.

    Attributes
    ----------
    steps, seconds
        Training steps, and time from the start to the end.
    memory, memory_free
        Bytes it will use, and that there are to use; on a CPU.
    measured_here
        Whether the figures are of an earlier run on this computer.
    """

    steps: int
    seconds: float
    memory: float
    memory_free: float
    measured_here: bool

    @property
    def text(self) -> str:
        """A line or two to show."""
        origin = (
            "from your last run"
            if self.measured_here
            else "rough: measured on another computer; first steps will tell"
        )
        text = f"about {self.steps} steps in {duration(self.seconds)} ({origin})"
        memory = f"{self.memory / _GIGABYTE:.1f} GB of memory"
        if self.memory > self.memory_free:
            free = f"{self.memory_free / _GIGABYTE:.1f} GB"
            return f"{text}; needs {memory}, only {free} free: close other programs"
        return f"{text}; {memory}"


def estimate(task: FineTune) -> Estimate:
    """Tell what a run will take: seconds of a step times steps, and what is around.

    Raises
    ------
    InputError
        If the base model is not known.
    """
    remembered = _remembered().get(_key(task))
    figures = remembered or _MEASURED[task.is_large, task.part]
    steps = task.steps
    if steps is None:
        assert task.minutes is not None
        steps = steps_in(task.minutes, figures.step)
    return Estimate(
        steps=steps,
        seconds=_START + (steps + (1 + VALIDATIONS) * _VALIDATION) * figures.step,
        memory=figures.memory,
        memory_free=float(psutil.virtual_memory().available),
        measured_here=remembered is not None,
    )


def steps_in(minutes: float, seconds_a_step: float) -> int:
    """Tell how many steps fit into some minutes, validations taken off."""
    room = (60 * minutes - _START) / seconds_a_step
    return max(FEWEST_STEPS, round(room - (1 + VALIDATIONS) * _VALIDATION))


def remember(task: FineTune, figures: Figures) -> None:
    """Keep the figures of a run for later estimates."""
    known = {**_remembered(), _key(task): figures}
    content = {key: asdict(each) for key, each in known.items()}
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        with replacing(_file()) as part:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")
    except (OSError, InputError):
        return  # an estimate is not worth an error


def duration(seconds: float) -> str:
    """Write a time for people: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _file() -> Path:
    return cache_folder() / "fine-tuning-figures.json"


def _key(task: FineTune) -> str:
    size = "large" if task.is_large else "small"
    settings = " ".join(task.overrides)
    return f"{size}, {task.part}, {task.device}, {settings}".rstrip(", ")


def _remembered() -> dict[str, Figures]:
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
        return {key: Figures(**each) for key, each in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
