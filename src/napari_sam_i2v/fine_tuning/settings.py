"""What to fine-tune, on what, for how long; and the YAML file that says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from napari_sam_i2v.backends import model_file, model_names
from napari_sam_i2v.checkpoints import find_weights, fine_tuned_names
from napari_sam_i2v.config import read_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning.data import describe_data
from napari_sam_i2v.fine_tuning.models import check_name

Part = Literal["decoder and memory", "everything"]
PARTS: tuple[Part, ...] = get_args(Part)

DEVICES = ("auto", "cpu", "cuda", "mps")
DEFAULT_STEPS, FEWEST_STEPS = 300, 2
VALIDATIONS = 6
"""Times that a run scores itself, besides once before it begins."""

_RECIPE = Path(__file__).parents[1] / "configs" / "train" / "finetune.yaml"
_FEWEST_BETWEEN = 5
_LARGE = 512
# Of all kinds, so that nothing is forgotten.
_SIMULATED = ["nuclei", "cytoplasm", "membrane", "phase", "dic", "rods", "yeast"]


@dataclass(frozen=True, kw_only=True)
class FineTune:
    """A fine-tuning run as a person asks for it.

    Attributes
    ----------
    name
        Of the model to be.
    data
        Folder to learn from; see `describe_data`.
    base
        Model to start from; a fine-tuned one may be tuned further.
    part
        What to train: the image encoder keeps what it learned from many kinds of
        movies, unless ``everything`` is trained.
    steps, minutes
        How long: one of them. Minutes are turned into steps by measuring a few.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    simulated
        How often simulated cells come, relative to those of the folder.
    seed
        Of all that is drawn.
    overrides
        More settings, ``key=value`` as ``sam-i2v train --set`` takes them.
    """

    name: str
    data: str
    base: str = "sam-i2v-cell"
    part: Part = "decoder and memory"
    steps: int | None = None
    minutes: float | None = None
    device: str = "auto"
    simulated: float = 0.3
    seed: int = 0
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise InputError(f"part {self.part!r} is none of {', '.join(PARTS)}")
        if self.device not in DEVICES:
            raise InputError(f"no device {self.device!r}; choose {', '.join(DEVICES)}")
        if self.steps is not None and self.minutes is not None:
            raise InputError("give steps or minutes, not both")
        if self.steps is None and self.minutes is None:
            object.__setattr__(self, "steps", DEFAULT_STEPS)
        if self.steps is not None and self.steps < FEWEST_STEPS:
            raise InputError(f"{self.steps} steps are too few; give {FEWEST_STEPS}")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InputError(f"{self.minutes:g} minutes; give more than 0")
        if self.simulated < 0:
            raise InputError(f"share of simulated cells is {self.simulated:g}; give 0")

    def check(self) -> None:
        """Refuse a run that cannot begin.

        Raises
        ------
        InputError
            If the name is taken or odd, the base model or its weights are not there,
            or the folder holds nothing to learn from.
        """
        check_name(self.name)
        if self.base not in model_names():
            known = ", ".join(model_names())
            raise InputError(f"no model is called {self.base!r}; known: {known}")
        if find_weights(self.base) is None:
            raise InputError(
                f"the weights of {self.base} are not on disk; "
                f"'sam-i2v models info {self.base}' says where to get them"
            )
        describe_data(self.data)

    @property
    def is_large(self) -> bool:
        """Whether the base model sees large squares, and takes fewer at a time."""
        return int(read_yaml(model_file(self.base)).get("input_size", 1024)) > _LARGE

    @property
    def stage(self) -> dict[str, Any]:
        """Clips a step, frames learned from, frames that only lead there, rates."""
        stage = dict(read_yaml(_RECIPE)["stages"][0])
        if self.is_large:
            stage |= {"batch": 1, "frames": 2, "warm": 2}
        return stage

    def recipe(self, out: Path, steps: int, data: Path | None = None) -> dict[str, Any]:
        """Give the settings of ``sam-i2v train``.

        Parameters
        ----------
        out
            The run's folder.
        steps
            How many; `steps` of the run, or what its minutes came to.
        data
            Where a copy of what it learns from is.
        """
        recipe = read_yaml(_RECIPE)
        is_own = self.base in fine_tuned_names()
        own: dict[str, Any] = {
            "model": str(model_file(self.base)) if is_own else self.base,
            "init": str(find_weights(self.base)) if is_own else self.base,
        }
        recipe |= own
        recipe |= {"out": str(out), "device": self.device, "seed": self.seed}
        recipe |= {"save_minutes": 1.0, "stages": [{**self.stage, "steps": steps}]}
        if self.part == "everything":
            # Gently: early layers hardly need to change.
            encoder = {"encoder_rate": 0.2, "layer_decay": 0.9}
            recipe["optimizer"] = {"freeze_norms": True, **encoder}
        every = max(_FEWEST_BETWEEN, math.ceil(steps / VALIDATIONS))
        short = {"movies": 6, "clips": 12, "frames": 10, "shown": 3, "columns": 4}
        recipe["validation"] = {"every": every, "first": True, **short}
        own_cells = describe_data(data or self.data).training_source
        sources: list[dict[str, Any]] = [own_cells]
        if self.simulated:
            drawn = {"modalities": _SIMULATED, "weight": self.simulated}
            sources.append({**drawn, "held_out": 0})
        # A run of minutes cannot wait for many movies.
        recipe["movies"] = {**recipe["movies"], "pool": 16, "sources": sources}
        if self.is_large:
            recipe["movies"] |= {"size": 512, "frames": 12, "pool": 8}
            recipe["validation"] |= {"movies": 2, "clips": 4}
        return recipe
