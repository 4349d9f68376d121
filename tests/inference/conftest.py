"""A tiny member of the family on disk, and SAM 2 style predictors of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engines import cells
from napari_sam_i2v.inference.compat import (
    InferenceState,
    VideoPredictor,
    build_video_predictor,
)
from tiny import tiny_model


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny member's description and weights."""
    folder = tmp_path_factory.mktemp("tiny")
    model = folder / "tiny.yaml"
    model.write_text(
        "name: tiny\ninput_size: 128\nwidth: 32\n"
        "encoder: {widths: [8, 16, 16, 24], depths: [1, 1, 1, 1], heads: [2, 2, 3],"
        " windows: [7, 5, 3], classes: 0}\n"
        "temporal: {width: 8, window: 3, taps: 3, depth: 1}\n"
        "memory: {width: 16, layers: 2, feedforward: 32, fuser_layers: 1,"
        " global_reach: 8}\n"
        "decoder: {heads: 2, feedforward: 32}\n"
    )
    weights = folder / "tiny.safetensors"
    save_file(tiny_model().state_dict(), weights)
    return model, weights


@pytest.fixture
def predictor(tiny_files: tuple[Path, Path]) -> VideoPredictor:
    return build_video_predictor(tiny_files[0], checkpoint=tiny_files[1], device="cpu")


@pytest.fixture
def state(predictor: VideoPredictor) -> InferenceState:
    return predictor.init_state(cells())


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """The threads that the released numbers are compared with.

    Sums are rounded otherwise with another number, and memory, kept in bfloat16, then
    differs by a step here and there: on one thread by 1.1e-4 where 1e-4 is allowed.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
