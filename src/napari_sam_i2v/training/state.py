"""The state of a run on disk: a kill leaves the old one or the new one."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import disk_full, has_little_room, replacing
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.training.optimizer import OptimizerSettings, build_optimizer
from napari_sam_i2v.training.settings import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass
class RunState:
    """All a run needs to go on.

    Attributes
    ----------
    model
        What is trained.
    averaged
        Moving average of its weights: what a run gives in the end.
    optimizer
        Its moments.
    step, clips_drawn
        How far it is.
    """

    model: SamI2V
    averaged: SamI2V
    optimizer: torch.optim.Optimizer
    step: int = 0
    clips_drawn: int = 0

    @classmethod
    def begin(
        cls, model: SamI2V, settings: OptimizerSettings, device: torch.device
    ) -> RunState:
        """Start from a model."""
        model.to(device)
        optimizer = build_optimizer(model, settings)
        return cls(model, copy.deepcopy(model).requires_grad_(False), optimizer)

    def average(self, decay: float) -> None:
        """Move the averaged weights towards the model's; sooner at the start."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        theirs = self.model.state_dict()
        with torch.no_grad():
            for key, value in self.averaged.state_dict().items():
                if value.dtype.is_floating_point:
                    value.lerp_(theirs[key], 1 - decay)
                else:
                    value.copy_(theirs[key])

    def save(self, folder: Path, settings: TrainingSettings) -> None:
        """Write the state, and the averaged weights in half precision.

        Raises
        ------
        DiskFullError
            If there is no room; the state before stays.
        """
        content = {
            "settings": _lasting(settings),
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "clips_drawn": self.clips_drawn,
        }
        _replace(folder / "state.pt", lambda path: torch.save(content, path))
        half = {
            key: value.half() if value.dtype.is_floating_point else value
            for key, value in self.averaged.state_dict().items()
        }
        metadata = {"model": self.model.config.name, "step": str(self.step)}
        _replace(
            folder / "weights.safetensors",
            lambda path: save_file(half, path, metadata=metadata),
        )

    def load(self, folder: Path, settings: TrainingSettings) -> None:
        """Go on from what :meth:`save` wrote; tell of settings that are others now.

        Raises
        ------
        InputError
            If the state cannot be read, or is that of another network.
        """
        path = folder / "state.pt"
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            known = content.get("settings", {})
            self.model.load_state_dict(content["model"])
            self.averaged.load_state_dict(content["averaged"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.step, self.clips_drawn = content["step"], content["clips_drawn"]
        except Exception as error:  # whatever damage makes a reader trip on
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(
                f"{path} cannot be gone on with: it is damaged, or of another model or "
                f"other frozen parts ({said[0][:100]}); give out=ANOTHER_FOLDER"
            ) from error
        now = _lasting(settings)
        changed = [name for name in now if known and known.get(name) != now[name]]
        if changed:
            logger.warning(
                "%s was begun with other settings (%s): it is not what one run would "
                "have been",
                *(folder, ", ".join(changed)),
            )


def _lasting(settings: TrainingSettings) -> dict[str, str]:
    """Write down what a run comes to; not where and how fast."""
    fields = asdict(settings)
    how = "out device workers threads compiled save_minutes validation".split()
    return {n: repr(value) for n, value in fields.items() if n not in how}


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    with replacing(path) as part:
        try:
            write(part)
        except (RuntimeError, SafetensorError) as error:
            # Torch and safetensors do not say in the system's way that it is full.
            if has_little_room(path.parent):
                raise disk_full(path.parent) from error
            raise
