"""Scores of scenes whose answers are known by counting pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.boundary import boundary, boundary_f, boundary_radius
from napari_sam_i2v.evaluation.scores import prompted_frames, score_masklets
from napari_sam_i2v.prompts import MAX_OBJECT_ID, BoxPrompt, PointPrompt

Square = tuple[int, int, int, int]


def stack(*frames: Sequence[Square], shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    """Frames of 4 x 4 squares given as (id, y, x, height)."""
    labels = np.zeros((len(frames), *shape), np.uint32)
    for t, squares in enumerate(frames):
        for object_id, y, x, height in squares:
            labels[t, y : y + height, x : x + 4] = object_id
    return labels


TRUTH = stack(
    [(1, 2, 2, 4), (2, 10, 10, 4)],
    [(1, 2, 2, 4), (2, 10, 10, 4)],
    [(1, 2, 2, 4)],
    [(1, 2, 2, 4), (2, 10, 10, 4), (3, 2, 20, 4)],
)
FIRST = {1: [0], 2: [0]}


def test_perfect_masklets() -> None:
    scores = score_masklets(TRUTH, TRUTH, prompted=FIRST)
    assert (scores.j, scores.f, scores.lost) == (1, 1, 0)
    assert (scores.absence_accuracy, scores.ghosts) == (1, 0)
    assert (scores.n_present, scores.n_absent) == (5, 1)


def test_pairs_are_counted_by_hand() -> None:
    predicted = stack(
        [],
        [(1, 2, 2, 2), (2, 10, 10, 4)],  # 1: half of the mask
        [(1, 2, 2, 4), (2, 10, 10, 4)],  # 2: a ghost
        [(1, 4, 2, 4)],  # 1: shifted by half, 8 of 24; 2: lost
    )
    scores = score_masklets(predicted, TRUTH, prompted=FIRST)
    pairs = scores.pairs
    assert pairs["frame"].tolist() == [1, 1, 2, 2, 3, 3]
    assert pairs["object_id"].tolist() == [1, 2, 1, 2, 1, 2]
    assert pairs["present"].tolist() == [True, True, True, False, True, True]
    np.testing.assert_allclose(pairs["j"], [0.5, 1, 1, np.nan, 1 / 3, 0])
    assert pairs["truth_area"].tolist() == [16, 16, 16, 0, 16, 16]
    assert pairs["area"].tolist() == [8, 16, 16, 16, 16, 0]
    assert scores.j == pytest.approx((0.5 + 1 + 1 + 1 / 3 + 0) / 5)
    assert scores.lost == pytest.approx(1 / 5)
    assert (scores.ghosts, scores.absence_accuracy) == (1, 0)
    assert scores.per_object().loc[2, "ghosts"] == 1
    assert scores.per_frame().loc[1, "j"] == pytest.approx(0.75)
    assert scores.summary()["n_present"] == 5


def test_prompted_frames_are_left_out() -> None:
    wrong = TRUTH.copy()
    wrong[[0, 3]] = 0
    scores = score_masklets(wrong, TRUTH, prompted={1: [0, 3], 2: [3]})
    assert scores.j == pytest.approx((1 + 1 + 0 + 1) / 4)


def test_only_prompted_objects_count() -> None:
    scores = score_masklets(TRUTH, TRUTH, prompted={3: [3], 1: [0]})
    assert set(scores.pairs["object_id"]) == {1}


def test_an_object_is_absent_only_after_its_prompt() -> None:
    scores = score_masklets(np.zeros_like(TRUTH), TRUTH, prompted={3: [3], 2: [1]})
    held = scores.pairs[~scores.pairs["present"]]
    assert held[["frame", "object_id"]].to_numpy().tolist() == [[2, 2]]


def test_a_marker_without_a_mask_is_not_absence() -> None:
    markers = stack([], [], [(2, 11, 11, 1)], [])
    predicted = TRUTH.copy()
    predicted[2, 10:14, 10:14] = 2
    scores = score_masklets(predicted, TRUTH, prompted=FIRST, markers=markers)
    assert (scores.n_present, scores.n_absent, scores.j) == (5, 0, 1)
    assert np.isnan(scores.absence_accuracy)


def test_only_the_frames_asked_for() -> None:
    scores = score_masklets(TRUTH, TRUTH, prompted=FIRST, frames=range(2))
    assert set(scores.pairs["frame"]) == {1}


def test_nothing_to_score_is_not_a_number() -> None:
    scores = score_masklets(TRUTH[:1], TRUTH[:1], prompted=FIRST)
    assert all(np.isnan([scores.j, scores.f, scores.lost, scores.absence_accuracy]))
    assert scores.ghosts == 0


def test_f_can_be_left_out() -> None:
    scores = score_masklets(TRUTH, TRUTH, prompted=FIRST, boundary=False)
    assert scores.j == 1
    assert np.isnan(scores.f)


def test_ids_and_types_do_not_matter() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 6, (3, 12, 14))
    predicted = rng.integers(0, 6, (3, 12, 14))
    ids = np.array([0, 9, 70_000, 3, MAX_OBJECT_ID, 5], np.uint32)
    prompted = {object_id: [0] for object_id in range(1, 6)}
    plain = score_masklets(predicted.astype(np.int16), truth, prompted=prompted)
    renamed = score_masklets(
        ids[predicted], ids[truth], prompted={int(ids[i]): [0] for i in prompted}
    )
    assert renamed.j == pytest.approx(plain.j)
    assert renamed.f == pytest.approx(plain.f)
    for row in plain.pairs.itertuples():
        ours, theirs = predicted[row.frame] == row.object_id, truth[row.frame]
        theirs = theirs == row.object_id
        assert row.j == (ours & theirs).sum() / (ours | theirs).sum()


def test_masklets_are_read_frame_by_frame() -> None:
    class Lazy:
        shape = TRUTH.shape
        asked: list[int] = []

        def __getitem__(self, t: int) -> np.ndarray:
            self.asked.append(t)
            return TRUTH[t]

    assert score_masklets(Lazy(), TRUTH, prompted=FIRST).j == 1
    assert Lazy.asked == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("predicted", "prompted", "message"),
    [
        (TRUTH[:2], FIRST, "masklets have shape"),
        (TRUTH, {}, "no prompted objects"),
        (TRUTH.astype(float), FIRST, "whole numbers"),
    ],
)
def test_bad_input(
    predicted: np.ndarray, prompted: dict[int, list[int]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        score_masklets(predicted, TRUTH, prompted=prompted)


def test_prompted_frames_by_object() -> None:
    prompts = [
        PointPrompt(frame=4, object_id=2, yx=(0, 0)),
        PointPrompt(frame=4, object_id=2, yx=(1, 0), positive=False),
        BoxPrompt(frame=0, object_id=2, yx_min=(0, 0), yx_max=(1, 1)),
        PointPrompt(frame=1, object_id=1, yx=(0, 0)),
    ]
    assert prompted_frames(prompts) == {1: {1}, 2: {0, 4}}


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: float) -> np.ndarray:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def test_f_forgives_what_lies_within_the_radius() -> None:
    shape = (200, 300)
    radius = boundary_radius(shape)
    assert radius == 3
    truth = disc(shape, (100, 150), 40)
    assert boundary_f(disc(shape, (102, 150), 40), truth, radius) == 1
    assert boundary_f(disc(shape, (110, 150), 40), truth, radius) < 0.6
    assert boundary_f(disc(shape, (100, 150), 20), truth, radius) == 0
    assert boundary_f(np.zeros(shape, bool), truth, radius) == 0


def test_outlines_run_beside_the_mask_and_not_along_the_frame() -> None:
    assert not boundary(np.ones((5, 5), bool)).any()
    mask = np.zeros((4, 4), bool)
    mask[2, 2] = True
    assert np.argwhere(boundary(mask)).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_f_is_that_of_the_whole_frame() -> None:
    """Scores work on crops; the outline at the frame's border must not change."""
    truth = np.zeros((1, 120, 160), np.uint8)
    predicted = np.zeros_like(truth)
    truth[0][disc((120, 160), (3, 156), 14)] = 1
    predicted[0][disc((120, 160), (8, 152), 11)] = 1
    scores = score_masklets(predicted, truth, prompted={1: []})
    whole = boundary_f(predicted[0] == 1, truth[0] == 1, boundary_radius((120, 160)))
    assert 0 < scores.f < 1
    assert scores.f == whole
