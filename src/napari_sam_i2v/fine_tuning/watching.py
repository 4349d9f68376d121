"""Following a run through the files that it writes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Phase = Literal["new", "measuring", "training", "stopping", "stopped", "failed", "done"]

RUNNING: tuple[Phase, ...] = ("measuring", "training", "stopping")


@dataclass(frozen=True, kw_only=True)
class Score:
    """A validation: mean IoU of held-out cells followed from a mask, and a click."""

    step: int
    mask: float | None
    click: float | None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a run goes.

    Attributes
    ----------
    phase
        ``new``, ``measuring`` (a few steps, to tell how many fit into the time),
        ``training``, ``stopping``, ``stopped`` (it can go on), ``failed`` or ``done``.
    step, steps
        Done, and in all; 0 in all while that is being measured.
    seconds_left
        Until the end, once steps have been seen.
    losses
        ``(step, loss)``, sorted.
    scores
        Validations, sorted; the one at step 0 is of the model as it was.
    picture
        The newest picture of held-out cells.
    message
        What went wrong, one line.
    can_keep
        Whether there are weights that could be used now.
    """

    phase: Phase
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    losses: tuple[tuple[int, float], ...] = ()
    scores: tuple[Score, ...] = ()
    picture: Path | None = None
    message: str | None = None
    can_keep: bool = False

    @property
    def is_running(self) -> bool:
        """Whether a process is at work."""
        return self.phase in RUNNING


class LogFollower:
    """Reads what was added to a run's ``log.jsonl`` since the last time.

    A line that is not finished waits for its end. A run that goes on after a kill cuts
    the file; then it is read anew.

    Parameters
    ----------
    folder
        Of the run.

    Attributes
    ----------
    train, validation
        Step to its figures.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "log.jsonl"
        self._place = 0
        self._last = b""
        self.train: dict[int, dict[str, Any]] = {}
        self.validation: dict[int, dict[str, Any]] = {}

    @property
    def step(self) -> int:
        """The last step that was logged."""
        return max(self.train, default=0)

    def read(self) -> None:
        """Take in what is new."""
        try:
            with self._path.open("rb") as file:
                # What was read last must still end where it did.
                file.seek(self._place - len(self._last))
                if file.read(len(self._last)) != self._last:
                    self._forget()
                    file.seek(0)
                new = file.read()
        except FileNotFoundError:
            self._forget()
            return
        for line in new.splitlines(keepends=True):
            if line.endswith(b"\n"):
                self._place += len(line)
                self._last = line
                self._take(line)

    def _forget(self) -> None:
        self._place, self._last = 0, b""
        self.train.clear()
        self.validation.clear()

    def _take(self, line: bytes) -> None:
        try:
            figures = json.loads(line)
            step, kind = int(figures["step"]), figures["kind"]
        except (ValueError, KeyError, TypeError):
            return  # the torn end of a killed run, before it was cut off
        (self.validation if kind == "validation" else self.train)[step] = figures

    @property
    def losses(self) -> tuple[tuple[int, float], ...]:
        """``(step, loss)``, sorted."""
        return tuple((step, self.train[step]["loss"]) for step in sorted(self.train))

    @property
    def scores(self) -> tuple[Score, ...]:
        """Validations, sorted."""
        return tuple(
            Score(step=step, mask=found.get("mask/J"), click=found.get("click/J"))
            for step, found in sorted(self.validation.items())
        )

    def mean_seconds(self) -> float | None:
        """Mean seconds of a step, without the first, which prepares; needs three."""
        seconds = [self.train[step]["seconds"] for step in sorted(self.train)][1:]
        return sum(seconds) / len(seconds) if len(seconds) > 1 else None


class Pace:
    """Tells by the clock how long the rest will take, validations and all."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._newest: tuple[float, int] | None = None

    def see(self, step: int) -> None:
        """Note that a step is done now."""
        now = (time.monotonic(), step)
        if self._first is None or step < self._first[1]:
            self._first = now
        if self._newest is None or step != self._newest[1]:
            self._newest = now

    def seconds_a_step(self) -> float | None:
        """Mean since the first step seen; needs three."""
        if self._first is None or self._newest is None:
            return None
        steps = self._newest[1] - self._first[1]
        return (self._newest[0] - self._first[0]) / steps if steps > 2 else None


def newest_picture(folder: Path) -> Path | None:
    """Find the newest picture of held-out cells in a run's folder."""
    return max(folder.glob("samples/*.png"), default=None)
