"""What is trained, and how fast."""

from __future__ import annotations

import pytest
from torch import nn

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model import build_model
from napari_sam_i2v.training.optimizer import (
    OptimizerSettings,
    build_optimizer,
    rate_scale,
    set_training_mode,
)
from tiny import tiny_config


def test_every_parameter_is_in_one_group_and_matrices_decay() -> None:
    model = build_model(tiny_config())
    optimizer = build_optimizer(model, OptimizerSettings(weight_decay=0.1))
    grouped = [p for group in optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in model.parameters()}
    assert len(grouped) == len({id(p) for p in grouped})
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.1 if parameter.ndim > 1 else 0.0)


def test_rates_fall_towards_the_input() -> None:
    settings = OptimizerSettings(encoder_rate=0.2, layer_decay=0.5)
    trunk = "image_encoder.trunk_image."
    names = ["neck.0.weight", "layers.3.x", "layers.2.x", "layers.1.x", "layers.0.x"]
    names.append("patch_embed.seq.0.c.weight")
    scales = [rate_scale(trunk + name, settings) for name in names]
    assert scales == [0.2 * 0.5**i for i in range(6)]
    assert rate_scale("sam_mask_decoder.iou_token.weight", settings) == 1.0


def test_frozen_parameters_stay_out_and_norms_as_they_are() -> None:
    model = build_model(tiny_config())
    settings = OptimizerSettings(freeze=("image_encoder.*",), freeze_norms=True)
    optimizer = build_optimizer(model, settings)
    grouped = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        frozen = name.startswith("image_encoder.")
        assert parameter.requires_grad != frozen
        assert (id(parameter) in grouped) != frozen
    set_training_mode(model, settings)
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms and not any(norm.training for norm in norms)
    assert model.training and model.sam_mask_decoder.training


def test_a_pattern_that_fits_nothing_is_told() -> None:
    model = build_model(tiny_config())
    with pytest.raises(InputError, match=r"image_encoder\.\*"):
        build_optimizer(model, OptimizerSettings(freeze=("encoder.*",)))
    with pytest.raises(InputError, match="nothing is left"):
        build_optimizer(model, OptimizerSettings(freeze=("*",)))
