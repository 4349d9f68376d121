"""Cells that divide, followed by the shipped model."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_sam_i2v
from dividing import (
    DAUGHTERS,
    FRAMES,
    LAST,
    MOTHER,
    OTHER,
    crosses,
    divides,
    passes_by,
)
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.inference.build import Network, build_predictor, load_network
from napari_sam_i2v.inference.division import Body
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.io.prompt_files import read_prompts
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt
from napari_sam_i2v.video import open_video


@cache
def network() -> Network:
    return load_network("sam-i2v-cell", device="cpu")


def engine(movie: np.ndarray) -> SamI2VPredictor:
    return build_predictor(network(), open_video(movie, axes="TYX"))


def prompt(predictor: SamI2VPredictor, mask: np.ndarray, frame: int = 0) -> None:
    given = MaskPrompt(frame=frame, object_id=MOTHER, mask=mask)
    predictor.segment(frame, MOTHER, [given])


def areas(predictor: SamI2VPredictor, frames: range) -> list[int]:
    reverse = frames.step < 0
    return [
        predictor.track(frame, [MOTHER], reverse=reverse)[MOTHER].area
        for frame in frames
    ]


def test_it_ends_and_others_do_not() -> None:
    movie, truth = divides()
    ended, followed = (
        np.asarray(
            napari_sam_i2v.track(
                movie, truth[0], divisions=how, device="cpu", progress=False
            ).labels
        )
        for how in ("end", "ignore")
    )
    assert [(labels == MOTHER).any() for labels in ended] == [
        frame <= LAST for frame in range(FRAMES)
    ]
    assert all((labels == MOTHER).any() for labels in followed)
    np.testing.assert_array_equal(ended[: LAST + 1], followed[: LAST + 1])
    np.testing.assert_array_equal(ended == OTHER, followed == OTHER)


def test_a_session_says_where_it_divided(tmp_path: Path) -> None:
    movie, truth = divides()
    tifffile.imwrite(tmp_path / "movie.tif", movie, metadata={"axes": "TYX"})
    session = napari_sam_i2v.open_session(tmp_path / "movie.tif", device="cpu")
    session.add_all(read_prompts(truth[0], shape=movie.shape))
    list(session.propagate())
    session.save(tmp_path / "session")
    for known in (session, napari_sam_i2v.load_session(tmp_path / "session")):
        mother, other = known.summary()
        assert (mother.last, mother.divided) == (LAST, LAST + 1)
        assert (other.last, other.divided) == (FRAMES - 1, None)
    session.undo()
    assert [line.divided for line in session.summary()] == [None, None]


def test_cells_that_meet_and_part_do_not_end() -> None:
    movie, truth = passes_by()
    labels = napari_sam_i2v.track(movie, truth[0], device="cpu", progress=False).labels
    for frame in range(FRAMES):
        assert set(np.unique(labels[frame])) == {0, MOTHER, OTHER}


def test_a_cell_that_another_crosses_does_not_end() -> None:
    movie, truth = crosses()
    labels = napari_sam_i2v.track(movie, truth[0], device="cpu", progress=False).labels
    for frame in range(len(movie)):
        assert set(np.unique(labels[frame])) == {0, MOTHER, OTHER}


def test_a_prompt_later_on_brings_it_back() -> None:
    movie, truth = divides()
    predictor = engine(movie)
    prompt(predictor, truth[0] == MOTHER)
    assert areas(predictor, range(1, 7))[LAST:] == [0, 0, 0]
    prompt(predictor, truth[6] == DAUGHTERS[0], frame=6)
    assert all(areas(predictor, range(7, FRAMES)))


def test_it_is_there_after_a_prompt_when_all_is_tracked_anew() -> None:
    movie, truth = divides()
    predictor = engine(movie)
    prompt(predictor, truth[0] == MOTHER)
    prompt(predictor, truth[6] == DAUGHTERS[0], frame=6)
    for _ in range(2):
        assert areas(predictor, range(1, 6))[LAST:] == [0, 0]
        assert all(areas(predictor, range(7, FRAMES)))


def test_tracked_back_from_a_later_prompt_it_is_there() -> None:
    movie, truth = divides()
    predictor = engine(movie)
    prompt(predictor, truth[0] == MOTHER)
    areas(predictor, range(1, FRAMES))
    prompt(predictor, truth[-1] == DAUGHTERS[0], frame=FRAMES - 1)
    back = areas(predictor, range(FRAMES - 2, LAST, -1))
    assert all(back)
    assert all(areas(predictor, range(LAST + 2, FRAMES - 1)))


def test_what_was_found_beyond_the_end_is_forgotten() -> None:
    movie, truth = divides()
    predictor = engine(movie)
    prompt(predictor, truth[0] == MOTHER)
    prompt(predictor, truth[6] == DAUGHTERS[0], frame=6)
    assert all(areas(predictor, range(7, FRAMES)))
    predictor.forget(MOTHER, 6)
    assert areas(predictor, range(1, FRAMES))[LAST:] == [0] * (FRAMES - 1 - LAST)
    assert not predictor.video_logits(FRAMES - 1, [MOTHER]).gt(0).any()
    y, x = np.argwhere(truth[7] == DAUGHTERS[1]).mean(axis=0)
    click = PointPrompt(frame=7, object_id=MOTHER, yx=(float(y), float(x)))
    answer = predictor.segment(7, MOTHER, [click])
    assert answer.mask[round(y) - answer.offset[0], round(x) - answer.offset[1]]


def test_tracked_anew_it_ends_again() -> None:
    movie, truth = divides()
    predictor = engine(movie)
    prompt(predictor, truth[0] == MOTHER)
    first = areas(predictor, range(1, FRAMES))
    assert areas(predictor, range(1, FRAMES)) == first
    assert first[LAST:] == [0] * (FRAMES - 1 - LAST)


def test_backward_nothing_ends() -> None:
    movie, truth = divides()
    predictor = engine(movie)
    prompt(predictor, truth[-1] == DAUGHTERS[0], frame=FRAMES - 1)
    assert all(areas(predictor, range(FRAMES - 2, -1, -1)))


def test_a_snapshot_knows_that_it_has_ended() -> None:
    movie, truth = divides()
    predictor = engine(movie)
    prompt(predictor, truth[0] == MOTHER)
    areas(predictor, range(1, 6))
    restored = engine(movie)
    restored.restore(predictor.snapshot())
    assert areas(restored, range(6, FRAMES)) == [0] * (FRAMES - 6)


@pytest.mark.parametrize("seed", range(10))
def test_a_body_gives_its_mask_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 9, 2)) < 0.3
    mask[0, 0] = True
    top, left = rng.integers(0, 10, 2)
    body = Body.of(mask, (top, left), width=20)
    assert body is not None
    frame = np.zeros((20, 20), bool)
    crop, (first, second) = body.mask(width=20)
    frame[first : first + crop.shape[0], second : second + crop.shape[1]] = crop
    expected = np.zeros((20, 20), bool)
    expected[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    np.testing.assert_array_equal(frame, expected)
    assert body.area == body.shared(body) == mask.sum()


def test_an_empty_mask_is_no_body() -> None:
    assert Body.of(np.zeros((3, 4), bool), (0, 0), width=20) is None


def test_bad_choice() -> None:
    movie, truth = divides()
    with pytest.raises(InputError, match="none of end, ignore"):
        napari_sam_i2v.track(movie, truth[0], divisions="both")
