"""A fine-tuning run: a folder, and the process that works in it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError, safe_open

from napari_sam_i2v.checkpoints import WEIGHTS_FILE, cache_folder
from napari_sam_i2v.config import from_mapping, read_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning.child import Child
from napari_sam_i2v.fine_tuning.data import describe_data, keep_session
from napari_sam_i2v.fine_tuning.estimates import Figures, remember, steps_in
from napari_sam_i2v.fine_tuning.models import ModelCard, keep_model
from napari_sam_i2v.fine_tuning.settings import FineTune
from napari_sam_i2v.fine_tuning.watching import (
    LogFollower,
    Pace,
    Phase,
    Progress,
    newest_picture,
)
from napari_sam_i2v.io.disk import replacing, replacing_folder, room_on
from napari_sam_i2v.video import VideoSource

TASK_FILE, RECIPE_FILE = "fine-tune.json", "train.yaml"
_TRIAL, _SESSION = "trial", "session"
_TRIAL_STEPS = 6


def runs_folder() -> Path:
    """Folder of the runs that became no model yet; it need not exist."""
    return cache_folder() / "runs"


def unfinished_runs() -> list[TrainingRun]:
    """Open the runs that could go on or be kept, the newest first.

    One that cannot be read is left out.
    """
    files = sorted(runs_folder().glob(f"*/{TASK_FILE}"), key=_when, reverse=True)
    found = []
    for path in files:
        with contextlib.suppress(InputError):
            found.append(TrainingRun(path.parent))
    return found


class TrainingRun:
    """A run and its process; made by `create`, or opened again by its folder.

    Nothing here waits: call `poll` every second or so.

    Parameters
    ----------
    folder
        Of a run.

    Attributes
    ----------
    task
        What was asked for.

    Raises
    ------
    InputError
        If the folder holds no run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            content = json.loads((folder / TASK_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder} holds no run: {error}") from None
        self.task = from_mapping(FineTune, content, where=TASK_FILE)
        self._child = Child(folder)
        self._begin_watching()

    @classmethod
    def create(cls, task: FineTune, video: VideoSource | None = None) -> TrainingRun:
        """Make the folder of a new run.

        A session is copied into it: it may go on while the run learns from it. That
        takes a while where its movie is no file.

        Parameters
        ----------
        task
            What to do.
        video
            Movie of a session whose movie is no file.

        Raises
        ------
        InputError
            As `FineTune.check`, and if there is an unfinished run of that name.
        """
        task.check()
        folder = runs_folder() / task.name
        if (folder / TASK_FILE).exists():
            raise InputError(
                f"a run called {task.name} is not finished; resume it, delete it, or "
                "choose another name"
            )
        with room_on(cache_folder()):
            folder.parent.mkdir(parents=True, exist_ok=True)
        with replacing_folder(folder) as part:
            part.mkdir()
            source = describe_data(task.data)
            if source.kind == "session":
                keep_session(source.folder, part / _SESSION, video)
            text = json.dumps(dataclasses.asdict(task))
            (part / TASK_FILE).write_text(text, encoding="utf-8")
        return cls(folder)

    @property
    def steps(self) -> int:
        """Steps in all; 0 while they are not known."""
        path = self.folder / RECIPE_FILE
        if not path.is_file():
            return 0
        return sum(int(stage["steps"]) for stage in read_yaml(path)["stages"])

    @property
    def is_running(self) -> bool:
        """Whether a process is at work."""
        return self._child.running

    def start(self) -> None:
        """Begin, or go on from the last saved state; does nothing while running."""
        if self._child.running:
            return
        self._begin_watching()
        if self.task.steps is not None and not self.steps:
            self._write_recipe(self.task.steps)
        if self.steps:
            self._train(self.folder, "--resume")
        else:
            self._measure()

    def stop(self) -> None:
        """Ask the process to save its state and end; does not wait for it."""
        self._child.stop()

    def kill(self) -> None:
        """End the process at once; the last saved state stays."""
        self._child.kill()

    def wait(self, seconds: float) -> bool:
        """Wait for the process to end; tells whether it did."""
        return self._child.wait(seconds)

    def poll(self) -> Progress:
        """Look how it goes; goes from measuring to training when that is due."""
        self._child.look()
        running = self._child.running
        self._log.read()
        if self._log.train:
            self._pace.see(self._log.step)
        phase, message = self._phase(running)
        if phase == "training" and not running:
            try:
                self._write_recipe(self._steps_that_fit())
                self._train(self.folder, "--resume")
            except (InputError, OSError) as error:
                phase, message = "failed", str(error)
        steps = self.steps
        return Progress(
            phase=phase,
            step=self._log.step,
            steps=steps,
            seconds_left=self._seconds_left(steps) if phase == "training" else None,
            losses=self._log.losses,
            scores=self._log.scores,
            picture=newest_picture(self.folder),
            message=message,
            can_keep=(self.folder / WEIGHTS_FILE).is_file(),
        )

    def keep(self) -> str:
        """Make the weights, as they are, a model; returns its name.

        The run's folder goes away, its log and newest picture stay with the model.

        Raises
        ------
        InputError
            If it is running, there are no weights yet, or the name is taken.
        """
        self._check_idle()
        self._log.read()
        picture = newest_picture(self.folder)
        records = [self.folder / "log.jsonl", *([picture] if picture else [])]
        weights = self.folder / WEIGHTS_FILE
        keep_model(self.task.name, weights, self._card(), records)
        seconds, memory = self._log.mean_seconds(), self._child.peak_memory
        if seconds is not None and memory:
            remember(self.task, Figures(step=seconds, memory=memory))
        self.delete()
        return self.task.name

    def delete(self) -> None:
        """Delete the run, not the model it became.

        Raises
        ------
        InputError
            If it is running.
        """
        self._check_idle()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _check_idle(self) -> None:
        if self._child.running:
            raise InputError(f"{self.task.name} is training; stop it first")

    def _begin_watching(self) -> None:
        self._log = LogFollower(self.folder)
        self._trial = LogFollower(self.folder / _TRIAL)
        self._pace = Pace()

    def _phase(self, running: bool) -> tuple[Phase, str | None]:
        steps = self.steps
        if running and self._child.stop_asked:
            return "stopping", None
        if running:
            return ("training" if steps else "measuring"), None
        error, code = self._child.error, self._child.exit_code
        if error is not None:
            return "failed", error
        if not steps and code == 0:
            return "training", None  # measured: its turn now
        if steps and code in (0, None) and self._steps_in_weights() >= steps:
            return "done", None
        if not (self.folder / "child.log").exists():
            return "new", None
        if code is None or self._child.stop_asked or code == 130:
            return "stopped", None
        return "stopped", f"training ended too soon (code {code}); resume it"

    def _steps_in_weights(self) -> int:
        """How far the weights are; the log is written before them."""
        try:
            with safe_open(self.folder / WEIGHTS_FILE, "numpy") as weights:
                return int((weights.metadata() or {}).get("step", 0))
        except (OSError, SafetensorError, ValueError):
            return 0

    def _measure(self) -> None:
        trial = self.folder / _TRIAL
        shutil.rmtree(trial, ignore_errors=True)
        trial.mkdir()
        recipe = self._recipe(trial, _TRIAL_STEPS)
        recipe["validation"] = {"every": 0}
        recipe["movies"]["pool"] = 2
        _write_yaml(trial / RECIPE_FILE, recipe)
        self._train(trial)

    def _steps_that_fit(self) -> int:
        self._trial.read()
        seconds = self._trial.mean_seconds()
        assert seconds is not None and self.task.minutes is not None
        return steps_in(self.task.minutes, seconds)

    def _write_recipe(self, steps: int) -> None:
        _write_yaml(self.folder / RECIPE_FILE, self._recipe(self.folder, steps))

    def _recipe(self, out: Path, steps: int) -> dict[str, Any]:
        kept = self.folder / _SESSION
        return self.task.recipe(out, steps, kept if kept.is_dir() else None)

    def _train(self, folder: Path, *words: str) -> None:
        overrides = ("--set", *self.task.overrides) if self.task.overrides else ()
        recipe = str(folder / RECIPE_FILE)
        self._child.start("train", recipe, *words, *overrides)

    def _seconds_left(self, steps: int) -> float | None:
        pace = self._pace.seconds_a_step() or self._log.mean_seconds()
        return None if pace is None else pace * (steps - self._log.step)

    def _card(self) -> ModelCard:
        steps, task = self._steps_in_weights(), self.task
        # A kill may have come between the log and the weights.
        found = {t: one for t, one in self._log.validation.items() if t <= steps}
        kept = self.folder / _SESSION
        try:
            held_out = describe_data(kept if kept.is_dir() else task.data).held_out
        except InputError:  # it is gone by now
            held_out = True
        return ModelCard(
            base=task.base,
            data=task.data,
            part=task.part,
            steps=steps,
            seed=task.seed,
            held_out=held_out,
            date=date.today().isoformat(),
            scores=_scores(found[max(found)]) if found and max(found) else {},
            scores_before=_scores(found.get(0, {})),
        )


def _scores(figures: Mapping[str, Any]) -> dict[str, float | None]:
    return {key: value for key, value in figures.items() if "/" in key}


def _write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as part:
        text = yaml.safe_dump(dict(content), sort_keys=False)
        part.write_text(text, encoding="utf-8")


def _when(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
