"""Tiny members of the family: 128 pixels, 32 channels, on the CPU."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from napari_sam_i2v.model.config import (
    DecoderConfig,
    EncoderConfig,
    MemoryConfig,
    ModelConfig,
    TemporalConfig,
    ViewConfig,
)
from napari_sam_i2v.model.sam_i2v import SamI2V
from reference import recipe_model


@dataclasses.dataclass(frozen=True)
class Switches:
    """What the members of the family differ in, sizes apart."""

    extras: bool
    stride: int
    normalise: str

    def __str__(self) -> str:
        return f"{'all' if self.extras else 'no'} extras, stride {self.stride}"


PLAIN = Switches(extras=False, stride=16, normalise="imagenet")
EXTRAS = Switches(extras=True, stride=8, normalise="view")
EXTRAS_COARSE = Switches(extras=True, stride=16, normalise="view")
SWITCHES = [PLAIN, EXTRAS, EXTRAS_COARSE]


def tiny_config(switches: Switches = PLAIN, **changes: Any) -> ModelConfig:
    """Describe a tiny member; ``changes`` replace parts of the description."""
    config = ModelConfig(
        name="tiny",
        input_size=128,
        token_stride=switches.stride,
        width=32,
        encoder=EncoderConfig(
            widths=(8, 16, 16, 24),
            depths=(1, 1, 1, 1),
            heads=(2, 2, 3),
            windows=(7, 5, 3),
            classes=0,
        ),
        temporal=TemporalConfig(width=8, window=3, taps=3, depth=1),
        memory=MemoryConfig(
            width=16,
            layers=2,
            feedforward=32,
            mask_channels=4,
            fuser_layers=1,
            global_reach=8,
            last_mask=switches.extras,
        ),
        decoder=DecoderConfig(
            heads=2,
            feedforward=32,
            high_res_features=switches.extras,
            prompt_map=switches.extras,
            refiner=(8, 12, 16) if switches.extras else None,
        ),
        view=ViewConfig(normalise=switches.normalise),
    )
    return dataclasses.replace(config, **changes)


@cache
def tiny_model(switches: Switches = PLAIN, object_score_bias: float = 4.0) -> SamI2V:
    """Build a tiny member with random weights, always the same."""
    bias = object_score_bias
    return recipe_model(object_score_bias=bias, config=tiny_config(switches))
