"""What becomes of a step's figures: progress, log, validation, saved states."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from napari_sam_i2v.training.ranks import Ranks
from napari_sam_i2v.training.records import Records
from napari_sam_i2v.training.settings import TrainingSettings
from napari_sam_i2v.training.state import RunState
from napari_sam_i2v.training.validate import Validation


class Report:
    """Shows and keeps how a run goes; of several processes, only the first one's.

    Parameters
    ----------
    settings
        Of the run.
    ranks
        Which process this is.
    """

    def __init__(self, settings: TrainingSettings, ranks: Ranks) -> None:
        self._settings = settings
        self._ranks = ranks
        self._out = Path(settings.out)
        self._validation: Validation | None = None
        self._saved = time.monotonic()

    def start(self, state: RunState) -> None:
        """Begin, or go on, at a state."""
        if not self._ranks.leads:
            return
        self._records = Records(self._out, state.step)
        self._bar = tqdm(
            total=self._settings.steps, initial=state.step, unit="step", disable=None
        )
        if self._settings.validation.first and state.step == 0:
            self._validate(state)

    def step(self, state: RunState, figures: dict[str, Any], *, last: bool) -> None:
        """Take in a step; the last one is saved."""
        if not self._ranks.leads:
            return
        self._records.note(state.step, "train", figures)
        self._bar.set_postfix(loss=f"{figures['loss']:.3f}", refresh=False)
        self._bar.update()
        every, over = (
            self._settings.validation.every,
            state.step == self._settings.steps,
        )
        if every and (over or state.step % every == 0):
            self._validate(state)
        minutes = (time.monotonic() - self._saved) / 60
        if last or minutes > self._settings.save_minutes:
            state.save(self._out, self._settings)
            self._saved = time.monotonic()

    def _validate(self, state: RunState) -> None:
        if self._validation is None:
            self._validation = Validation(
                self._settings.validation,
                self._settings.movies,
                state.model.config.view.diameters,
                self._ranks.device,
                self._settings.workers,
            )
        figures, picture = self._validation.run(state.averaged)
        self._records.note(state.step, "validation", figures)
        self._records.show(state.step, picture)
        if figures["mask/J"] is not None:
            self._bar.set_description(f"J {figures['mask/J']:.3f}")

    def close(self) -> None:
        """End."""
        if self._ranks.leads:
            self._bar.close()
            self._records.close()
