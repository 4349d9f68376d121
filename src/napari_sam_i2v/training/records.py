"""What a run leaves to look at: JSON lines, TensorBoard, pictures."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path
from typing import Any

from PIL import Image


class Records:
    """Writes a run's figures and pictures into its folder.

    Each line of ``log.jsonl`` is a step or a validation. The same figures and the
    pictures go to TensorBoard where that is installed (``napari-sam-i2v[train]``).

    Parameters
    ----------
    folder
        The run's.
    step
        Where the run goes on: lines of later steps are of an end that was lost.
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._folder = folder
        self._log = folder / "log.jsonl"
        _cut(self._log, step)
        self._board = _tensorboard(folder / "tensorboard", step)

    def note(self, step: int, kind: str, figures: dict[str, Any]) -> None:
        """Write figures of a step; ``kind`` is ``train`` or ``validation``."""
        with self._log.open("a") as file:
            # JSON has no number that is none.
            known = {
                name: None if isinstance(value, float) and isnan(value) else value
                for name, value in figures.items()
            }
            file.write(json.dumps({"step": step, "kind": kind, **known}) + "\n")
        if self._board is None:
            return
        for name, value in figures.items():
            if isinstance(value, int | float):
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def show(self, step: int, picture: Image.Image) -> None:
        """Keep a picture of sample masks as ``samples/STEP.png``."""
        import numpy as np

        path = self._folder / "samples" / f"{step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        picture.save(path)
        if self._board is not None:
            self._board.add_image("samples", np.array(picture), step, dataformats="HWC")

    def close(self) -> None:
        """Flush."""
        if self._board is not None:
            self._board.close()


def read_log(folder: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """Read a run's figures; those of one kind, or all."""
    path = folder / "log.jsonl"
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if kind in (None, line["kind"])]


def _cut(path: Path, step: int) -> None:
    """Drop what was written after the state that a run goes on from."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except ValueError:  # cut off by a kill
            continue
    path.write_text("".join(kept))


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
