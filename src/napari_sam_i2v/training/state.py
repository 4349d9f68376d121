"""The state of a run on disk: a kill leaves the old one or the new one."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.training.optimizer import OptimizerSettings, build_optimizer


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

    def save(self, folder: Path) -> None:
        """Write the state, and the averaged weights in half precision."""
        content = {
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

    def load(self, folder: Path) -> None:
        """Go on from what :meth:`save` wrote."""
        content = torch.load(folder / "state.pt", map_location="cpu", weights_only=True)
        self.model.load_state_dict(content["model"])
        self.averaged.load_state_dict(content["averaged"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.step, self.clips_drawn = content["step"], content["clips_drawn"]


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    part = path.with_name(path.name + ".part")
    write(part)
    os.replace(part, path)
