"""SAM 2 style calls."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

import numpy as np
import pytest
import torch

import napari_sam_i2v
from engines import SIZE, cells, full, prompt, track
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.inference.compat import (
    InferenceState,
    VideoPredictor,
    build_video_predictor,
)
from napari_sam_i2v.model.sam_i2v import ABSENT_LOGIT
from napari_sam_i2v.prompts import MaskPrompt

MASK = np.zeros(SIZE, bool)
MASK[14:27, 18:31] = True
POINT = {"points": [[25, 20]], "labels": [1]}
Logits = dict[tuple[int, int], torch.Tensor]


def collect(answers: Iterable[tuple]) -> Logits:
    """Logits by frame and object, checked for their form."""
    found: Logits = {}
    for frame, ids, logits in answers:
        assert logits.shape == (len(ids), 1, *SIZE)
        assert logits.dtype == torch.float32
        assert logits.device.type == "cpu"
        for row, object_id in enumerate(ids):
            assert (frame, object_id) not in found
            found[frame, object_id] = logits[row, 0]
    return found


def frames_of(answers: Iterable[tuple]) -> list[int]:
    return [frame for frame, _, _ in answers]


def same(a: Logits, b: Logits) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_the_calls_are_those_of_the_interface() -> None:
    expected = {
        "init_state": ["video_path"],
        "add_new_points_or_box": [
            "inference_state", "frame_idx", "obj_id", "points", "labels",
            "clear_old_points", "normalize_coords", "box",
        ],
        "add_new_mask": ["inference_state", "frame_idx", "obj_id", "mask"],
        "propagate_in_video": [
            "inference_state", "start_frame_idx", "max_frame_num_to_track", "reverse",
        ],
        "clear_all_prompts_in_frame": ["inference_state", "frame_idx", "obj_id"],
        "remove_object": ["inference_state", "obj_id"],
        "reset_state": ["inference_state"],
    }  # fmt: skip
    for name, arguments in expected.items():
        signature = inspect.signature(getattr(VideoPredictor, name))
        given = list(signature.parameters)[1:]
        assert given[: len(arguments)] == arguments, name
    assert napari_sam_i2v.build_video_predictor is build_video_predictor


def test_masks_are_where_logits_are_positive(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    frame, ids, logits = predictor.add_new_mask(state, 0, 1, MASK)
    assert (frame, ids) == (0, [1])
    assert logits.shape == (1, 1, *SIZE)
    found = logits[0, 0].numpy() > 0
    assert np.count_nonzero(found ^ MASK) < 0.1 * MASK.sum()


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, np.ndarray.tolist])
def test_masks_may_be_of_any_kind(
    predictor: VideoPredictor, state: InferenceState, kind
) -> None:
    expected = collect([predictor.add_new_mask(state, 0, 1, MASK)])
    for mask in (MASK, MASK.astype(np.uint8), MASK.astype(np.float32)):
        predictor.reset_state(state)
        answer = predictor.add_new_mask(state, 0, 1, kind(mask))
        assert same(collect([answer]), expected)


def test_a_run_is_the_engines_run(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    predictor.add_new_mask(state, 0, 1, MASK)
    answers = collect(predictor.propagate_in_video(state))
    assert list(answers) == [(frame, 1) for frame in range(10)]
    direct = predictor.init_state(cells()).predictor
    crop = np.ones((13, 13), bool)
    given = MaskPrompt(frame=0, object_id=1, mask=crop, offset=(14, 18))
    prompt(direct, given)
    for key, mask in track(direct, range(1, 10)).items():
        assert np.array_equal(full(mask), answers[key].numpy() > 0)


def test_coordinates_are_x_first_and_may_be_fractions(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    box = [12.0, 10.0, 30.0, 24.0]
    pixels = predictor.add_new_points_or_box(state, 0, 1, box=box, **POINT)
    size = np.array([SIZE[1], SIZE[0]])
    shares = predictor.add_new_points_or_box(
        state, 0, 2,
        points=np.array([[25, 20]]) / size,
        labels=np.array([1]),
        box=np.array(box) / [*size, *size],
        normalize_coords=False,
    )  # fmt: skip
    torch.testing.assert_close(shares[2][1], pixels[2][0], atol=1e-3, rtol=1e-3)
    mirrored = predictor.add_new_points_or_box(state, 0, 3, [[20, 25]], [1])
    assert not torch.allclose(mirrored[2][2], pixels[2][0], atol=1e-2)


def test_clicks_add_up_unless_old_ones_are_cleared(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    second = {"points": [[40, 30]], "labels": [0]}
    predictor.add_new_points_or_box(state, 0, 1, **POINT)
    added = predictor.add_new_points_or_box(
        state, 0, 1, clear_old_points=False, **second
    )
    assert len(state.prompts[0, 1]) == 2
    at_once = predictor.add_new_points_or_box(
        state, 0, 2, points=[[25, 20], [40, 30]], labels=[1, 0]
    )
    # The earlier answer is fed back, where both at once have none.
    assert not torch.equal(added[2][0], at_once[2][1])
    alone = predictor.add_new_points_or_box(state, 0, 1, **POINT)
    assert len(state.prompts[0, 1]) == 1
    fresh = predictor.add_new_points_or_box(state, 0, 3, **POINT)
    assert torch.equal(alone[2][0], fresh[2][2])


def test_the_old_name_does_the_same(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    old = predictor.add_new_points(state, 0, 1, [[25, 20]], [1])
    new = predictor.add_new_points_or_box(state, 0, 2, **POINT)
    assert torch.equal(old[2][0], new[2][1])


@pytest.mark.parametrize(
    ("arguments", "frames"),
    [
        ({}, range(3, 10)),
        ({"start_frame_idx": 5}, range(5, 10)),
        ({"max_frame_num_to_track": 2}, range(3, 6)),
        ({"max_frame_num_to_track": 0}, range(3, 4)),
        ({"max_frame_num_to_track": 99}, range(3, 10)),
        ({"start_frame_idx": 5, "max_frame_num_to_track": 1}, range(5, 7)),
        ({"reverse": True}, range(6, -1, -1)),
        ({"reverse": True, "start_frame_idx": 2}, range(2, -1, -1)),
        ({"reverse": True, "max_frame_num_to_track": 2}, range(6, 3, -1)),
        ({"start_frame_idx": 0}, range(0, 10)),
    ],
)
def test_the_frames_visited(
    predictor: VideoPredictor, state: InferenceState, arguments: dict, frames: range
) -> None:
    predictor.add_new_mask(state, 3, 1, MASK)
    predictor.add_new_mask(state, 6, 2, MASK)
    answers = list(predictor.propagate_in_video(state, **arguments))
    assert frames_of(answers) == list(frames)
    assert all(ids == [1, 2] for _, ids, _ in answers)


def test_objects_are_absent_before_their_first_prompt(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    predictor.add_new_mask(state, 2, 1, MASK)
    predictor.add_new_mask(state, 5, 2, MASK)
    answers = collect(predictor.propagate_in_video(state))
    for frame in range(2, 5):
        assert torch.all(answers[frame, 2] == ABSENT_LOGIT)
    assert (answers[5, 2] > 0).any()
    alone = predictor.init_state(cells())
    predictor.add_new_mask(alone, 2, 1, MASK)
    expected = collect(predictor.propagate_in_video(alone))
    for frame in range(2, 10):
        torch.testing.assert_close(
            answers[frame, 1], expected[frame, 1], atol=0.05, rtol=0
        )


def test_new_objects_may_come_after_propagation(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    predictor.add_new_mask(state, 0, 1, MASK)
    before = collect(predictor.propagate_in_video(state))
    answer = predictor.add_new_mask(state, 4, 9, MASK)
    assert answer[1] == [1, 9]
    assert (
        torch.equal(answer[2][0, 0], before[4, 1].half().float())
        or ((answer[2][0, 0] > 0) == (before[4, 1] > 0)).float().mean() > 0.99
    )
    after = collect(predictor.propagate_in_video(state, start_frame_idx=4))
    assert (after[9, 9] > ABSENT_LOGIT).any()


def test_a_prompt_on_a_tracked_frame_sticks(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    predictor.add_new_mask(state, 0, 1, MASK)
    before = collect(predictor.propagate_in_video(state))
    corrected = predictor.add_new_mask(state, 5, 1, np.roll(MASK, 8, axis=1))
    after = collect(predictor.propagate_in_video(state))
    assert torch.equal(after[5, 1], corrected[2][0, 0])
    assert not torch.allclose(after[6, 1], before[6, 1], atol=0.1)


def test_clearing_prompts_leaves_no_trace(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    predictor.add_new_mask(state, 0, 1, MASK)
    never = collect(predictor.propagate_in_video(state))
    predictor.add_new_points_or_box(state, 5, 1, **POINT)
    predictor.clear_all_prompts_in_frame(state, 5, 1)
    assert same(collect(predictor.propagate_in_video(state)), never)


def test_clearing_the_last_prompt_empties_the_object(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    predictor.add_new_mask(state, 0, 1, MASK)
    list(predictor.propagate_in_video(state))
    frame, ids, logits = predictor.clear_all_prompts_in_frame(state, 0, 1)
    assert (frame, ids) == (0, [1])
    assert torch.all(logits == ABSENT_LOGIT)
    with pytest.raises(InputError, match="prompt an object first"):
        next(predictor.propagate_in_video(state))
    late = predictor.add_new_points_or_box(state, 3, 1, **POINT)
    fresh = predictor.add_new_points_or_box(state, 3, 2, **POINT)
    assert torch.equal(late[2][0], fresh[2][1])


def test_removing_an_object_leaves_the_others(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    for object_id, shift in ((1, 0), (2, 5), (3, -5)):
        predictor.add_new_mask(state, 0, object_id, np.roll(MASK, shift, axis=0))
    before = collect(predictor.propagate_in_video(state))
    left, anew = predictor.remove_object(state, 2)
    assert left == [1, 3]
    assert [frame for frame, _ in anew] == [0]
    assert anew[0][1].shape == (2, 1, *SIZE)
    after = collect(predictor.propagate_in_video(state))
    assert set(after) == {key for key in before if key[1] != 2}
    for key in after:
        torch.testing.assert_close(after[key], before[key], atol=0.05, rtol=0)


def test_a_reset_state_is_a_new_one(
    predictor: VideoPredictor, state: InferenceState
) -> None:
    predictor.add_new_mask(state, 0, 1, MASK)
    first = collect(predictor.propagate_in_video(state))
    predictor.reset_state(state)
    assert (state.object_ids, state.prompts) == ([], {})
    predictor.add_new_mask(state, 0, 1, MASK)
    assert same(collect(predictor.propagate_in_video(state)), first)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"box": [20, 8, 10, 30]}, "ends before it begins"),
        ({"box": [10, np.nan, 20, 30]}, "must be numbers"),
        ({"points": [[5, 5]], "labels": [1, 0]}, "1 points and 2 labels"),
        ({}, "no prompt"),
    ],
)
def test_prompts_that_make_no_sense_are_told(
    predictor: VideoPredictor,
    state: InferenceState,
    wrong: dict[str, object],
    said: str,
) -> None:
    with pytest.raises(InputError, match=said):
        predictor.add_new_points_or_box(state, 0, 1, **wrong)
