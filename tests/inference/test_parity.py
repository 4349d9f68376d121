"""The engine against recorded runs of the released model."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from safetensors.torch import save_file

from napari_sam_i2v.inference.compat import VideoPredictor, build_video_predictor
from parity import Replay
from reference import needs_reference, read_vectors, recipe_model

pytestmark = [needs_reference, pytest.mark.slow]

RUNS = {"b_click": 6, "d_mask": 5, "n_absent_object": 4, "i_long_single": 15}
"""Recorded runs, and how many rows they have."""


@pytest.fixture(scope="module")
def predictor(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[float], VideoPredictor]:
    """Build the released model with the recipe's weights and a bias, once for each."""
    folder: Path = tmp_path_factory.mktemp("weights")

    @cache
    def build(bias: float) -> VideoPredictor:
        weights = folder / f"bias{bias}.safetensors"
        state = recipe_model(0, bias).state_dict()
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, weights)
        return build_video_predictor("sam-i2v", checkpoint=weights, device="cpu")

    return build


@pytest.mark.parametrize("name", RUNS)
def test_run_gives_the_released_numbers(
    predictor: Callable[[float], VideoPredictor], name: str
) -> None:
    _, about = read_vectors(name)
    replay = Replay(predictor(about["obj_score_bias"]), name)
    rows = list(replay.rows())
    assert len(rows) == RUNS[name]
    assert [problem for row in rows for problem in row.off_by(replay.vectors)] == []


def test_prompts_of_two_objects(
    predictor: Callable[[float], VideoPredictor],
) -> None:
    # How the released model tracks them together is dropped on purpose.
    replay = Replay(predictor(4.0), "e_two_objects_topk")
    rows = list(replay.rows(prompts_only=True))
    assert [(row.frame, row.object_id) for row in rows] == [(0, 1), (3, 2)]
    assert [problem for row in rows for problem in row.off_by(replay.vectors)] == []
