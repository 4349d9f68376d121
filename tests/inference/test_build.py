"""Engines from names and files, and what cannot be built or asked."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engines import SIZE, assert_alike, cells, disc, engine, prompt, track
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.inference.build import build_predictor, load_network, optimise
from napari_sam_i2v.inference.compat import (
    InferenceState,
    VideoPredictor,
    build_video_predictor,
)
from napari_sam_i2v.model import build_model
from napari_sam_i2v.model.selection import SimilaritySampling, TopK
from napari_sam_i2v.video import open_video
from tiny import SWITCHES, tiny_model

Files = tuple[Path, Path]
POINT = {"points": [[25, 20]], "labels": [1]}


def test_a_network_knows_its_weights(tiny_files: Files) -> None:
    model, weights = tiny_files
    network = load_network(model, checkpoint=weights, device="cpu")
    content = weights.read_bytes()
    assert network.checkpoint_sha256 == hashlib.sha256(content).hexdigest()
    assert not any(p.requires_grad for p in network.model.parameters())


def test_an_engine_from_files_is_the_engine(tiny_files: Files) -> None:
    model, weights = tiny_files
    built = build_predictor(
        model, open_video(cells()), checkpoint=weights, device="cpu", views="frame"
    )
    expected = engine()
    assert built.device_name == "cpu (float32)"
    for each in (built, expected):
        prompt(each, disc())
    assert_alike(track(built, range(1, 5)), track(expected, range(1, 5)))


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
@torch.inference_mode()
def test_laying_a_model_out_changes_nothing(switches) -> None:
    plain, laid_out = tiny_model(switches), build_model(tiny_model(switches).config)
    laid_out.load_state_dict(plain.state_dict())
    optimise(laid_out)
    image = torch.randn(2, 3, 128, 128)
    maps = [model.image_encoder.trunk_image(image) for model in (plain, laid_out)]
    for ours, theirs in zip(
        maps[0].tokens + maps[0].fine, maps[1].tokens + maps[1].fine, strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_selection_is_what_was_asked_for(tiny_files: Files) -> None:
    network = load_network(tiny_files[0], checkpoint=tiny_files[1], device="cpu")
    video = open_video(cells())
    sampled = build_predictor(network, video, selection="sampled", seed=5)
    assert sampled._follower._policy == SimilaritySampling(5)
    assert build_predictor(network, video)._follower._policy == TopK()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"selection": "random"}, "top-k or sampled"),
        ({"views": "square"}, "auto, frame, objects"),
    ],
)
def test_unknown_choices_are_answered_with_the_known_ones(
    tiny_files: Files, options: dict[str, Any], complaint: str
) -> None:
    model, weights = tiny_files
    with pytest.raises(InputError, match=complaint):
        build_predictor(
            model, open_video(cells()), checkpoint=weights, device="cpu", **options
        )


def test_weights_are_never_random(
    tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="models import"):
        build_video_predictor("sam-i2v", device="cpu")
    with pytest.raises(InputError, match="no such checkpoint file"):
        build_video_predictor(
            tiny_files[0], checkpoint=tmp_path / "none.pt", device="cpu"
        )
    with pytest.raises(InputError, match="another architecture"):
        build_video_predictor("sam-i2v-cell", checkpoint=tiny_files[1], device="cpu")
    with pytest.raises(InputError, match="no model is called 'sam2'"):
        build_video_predictor("sam2", device="cpu")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": ({}, "give points with labels, or a box"),
    "a label too few": ({"points": [[1, 2], [3, 4]], "labels": [1]}, "2 points and 1"),
    "no labels": ({"points": [[1, 2]]}, "1 points and 0 labels"),
    "negative only": ({"points": [[1, 2]], "labels": [0]}, "only negative points"),
    "a late box": (
        {"box": [1, 2, 3, 4], "clear_old_points": False},
        "clear_old_points=True",
    ),
}


@pytest.mark.parametrize(("arguments", "complaint"), WRONG.values(), ids=WRONG)
def test_wrong_prompts_are_refused_and_change_nothing(
    predictor: VideoPredictor,
    state: InferenceState,
    arguments: dict[str, Any],
    complaint: str,
) -> None:
    with pytest.raises(InputError, match=complaint):
        predictor.add_new_points_or_box(state, 0, 1, **arguments)
    assert (state.object_ids, state.prompts) == ([], {})


@pytest.mark.parametrize("frame", [-1, 10])
def test_frames_outside_the_movie_are_refused(
    predictor: VideoPredictor, state: InferenceState, frame: int
) -> None:
    with pytest.raises(InputError, match="frames 0 to 9"):
        predictor.add_new_points_or_box(state, frame, 1, **POINT)
    with pytest.raises(InputError, match="frames 0 to 9"):
        predictor.add_new_mask(state, frame, 1, np.ones(SIZE, bool))
    predictor.add_new_points_or_box(state, 0, 1, **POINT)
    with pytest.raises(InputError, match="frames 0 to 9"):
        next(predictor.propagate_in_video(state, start_frame_idx=frame))


def test_a_mask_of_another_shape_is_refused(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    with pytest.raises(InputError, match=r"\(10, 10\); the movie's frames are"):
        predictor.add_new_mask(state, 0, 1, np.ones((10, 10)))


def test_nothing_to_track_and_nobody_to_remove(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    with pytest.raises(InputError, match="prompt an object first"):
        next(predictor.propagate_in_video(state))
    with pytest.raises(InputError, match="no object 3"):
        predictor.remove_object(state, 3)
    predictor.reset_state(state)
