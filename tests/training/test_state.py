"""The moving average of weights, and the rate of learning."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from napari_sam_i2v.model import build_model
from napari_sam_i2v.training.optimizer import OptimizerSettings
from napari_sam_i2v.training.settings import Stage
from napari_sam_i2v.training.state import RunState
from napari_sam_i2v.training.train import rate
from tiny import tiny_config

STAGE = Stage(steps=400, batch=1, frames=1, rate=1e-3, rate_end=1e-5)


@pytest.mark.parametrize(("step", "kept"), [(0, 0.1), (10, 0.55), (100_000, 0.9)])
def test_weights_are_averaged_sooner_at_the_start(step: int, kept: float) -> None:
    state = RunState.begin(
        build_model(tiny_config()), OptimizerSettings(), torch.device("cpu")
    )
    state = replace(state, step=step)
    before = {key: value.clone() for key, value in state.averaged.state_dict().items()}
    with torch.no_grad():
        for parameter in state.model.parameters():
            parameter.add_(1.0)
    state.average(0.9)
    for key, _ in state.model.named_parameters():
        moved = state.averaged.state_dict()[key] - before[key]
        torch.testing.assert_close(moved, torch.full_like(moved, 1 - kept))


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    rates = [rate(STAGE, step, step) for step in range(STAGE.steps)]
    assert rates[0] < 0.05 * STAGE.rate
    top = max(range(STAGE.steps), key=rates.__getitem__)
    assert top <= 50 and 0.95 * STAGE.rate < rates[top] <= STAGE.rate
    assert all(a > b for a, b in zip(rates[top:], rates[top + 1 :], strict=False))
    middle = (STAGE.rate + STAGE.rate_end) / 2
    assert rates[STAGE.steps // 2] == pytest.approx(middle)
    assert rates[-1] == pytest.approx(STAGE.rate_end, rel=0.01)
