"""What is trained, and how fast."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch

import torch
from torch import nn

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model.sam_i2v import SamI2V

_ENCODER = "image_encoder.trunk_image."
_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """AdamW and what it moves.

    Attributes
    ----------
    weight_decay
        Of matrices and kernels; norms, biases and tokens do not decay.
    betas
        Decay of the moments.
    clip
        Largest norm of the gradient.
    encoder_rate
        Rate of the image encoder (TinyViT), relative to the others'.
    layer_decay
        Factor on the rate from a stage of the image encoder to the one before.
    freeze
        Names of parameters that stay as they are; ``*`` stands for anything.
    freeze_norms
        Whether batch norms keep the statistics that they have.
    """

    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    encoder_rate: float = 1.0
    layer_decay: float = 1.0
    freeze: tuple[str, ...] = ()
    freeze_norms: bool = False


def build_optimizer(model: SamI2V, settings: OptimizerSettings) -> torch.optim.AdamW:
    """Group a model's parameters by rate and decay, leaving out the frozen ones.

    A group's ``scale`` is what its learning rate is multiplied with.

    Raises
    ------
    InputError
        If a pattern of ``freeze`` fits no parameter, or nothing is left to train.
    """
    names = [name for name, _ in model.named_parameters()]
    for pattern in settings.freeze:
        if not any(fnmatch(name, pattern) for name in names):
            parts = ", ".join(sorted({f"{name.split('.')[0]}.*" for name in names}))
            raise InputError(f"freeze: {pattern!r} fits no parameter; try {parts}")
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        frozen = any(fnmatch(name, pattern) for pattern in settings.freeze)
        parameter.requires_grad_(not frozen)
        if frozen:
            continue
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate_scale(name, settings), decay), []).append(parameter)
    if not groups:
        raise InputError("freeze: nothing is left to train")
    fused = next(model.parameters()).is_cuda
    return torch.optim.AdamW(
        [
            {"params": parameters, "scale": scale, "weight_decay": decay}
            for (scale, decay), parameters in groups.items()
        ],
        lr=1.0,
        betas=settings.betas,
        fused=fused,
    )


def rate_scale(name: str, settings: OptimizerSettings) -> float:
    """Factor on a parameter's rate.

    The image encoder has six steps: patches, four stages, neck. From one to the one
    before, the rate falls by ``layer_decay`` (layer-wise decay, Clark et al. 2020).
    """
    if not name.startswith(_ENCODER):
        return 1.0
    inner = name.removeprefix(_ENCODER)
    stage = re.match(r"layers\.(\d)\.", inner)
    if stage:
        depth = 1 + int(stage.group(1))
    else:
        depth = 0 if inner.startswith("patch_embed.") else 5
    return settings.encoder_rate * settings.layer_decay ** (5 - depth)


def set_training_mode(model: SamI2V, settings: OptimizerSettings) -> None:
    """Switch to training; frozen batch norms go on as in use."""
    model.train()
    if settings.freeze_norms:
        for module in model.modules():
            if isinstance(module, _NORMS):
                module.eval()
