"""Prompts on frames that have an answer already: refined, corrected, replaced."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from engines import (
    SIZE,
    assert_identical,
    box,
    cells,
    click,
    differ,
    disc,
    engine,
    full,
    prompt,
    track,
)
from napari_sam_i2v.inference import prompting
from napari_sam_i2v.inference.objects import pack_mask, unpack_mask
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.inference.transforms import paste
from tiny import EXTRAS, tiny_model

VIEWS = pytest.mark.parametrize("views", ["frame", "objects"])


def followed(views: str, frames: int = 8) -> SamI2VPredictor:
    """An engine that has tracked one object."""
    predictor = engine(cells(max(frames, 10)), model=tiny_model(EXTRAS), views=views)
    prompt(predictor, disc())
    track(predictor, range(1, frames))
    return predictor


class Heard:
    """What the decoder is fed: prior logits, and the view they are in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.priors: list[torch.Tensor | None] = []
        self.views: list = []
        self.memories: list = []
        self._decode_points = prompting._decode_points
        monkeypatch.setattr(prompting, "_decode_points", self._listen)
        self._decode = prompting._decode
        monkeypatch.setattr(prompting, "_decode", self._listen_too)

    def _listen(self, *words, **options):
        *_, view, prior = words
        self.priors.append(prior)
        self.views.append(view)
        return self._decode_points(*words, **options)

    def _listen_too(self, model, viewing, question, *words, **options):
        self.memories.append(question.memory)
        return self._decode(model, viewing, question, *words, **options)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    return Heard(monkeypatch)


@VIEWS
def test_a_first_click_has_no_prior_and_no_memory(views: str, heard: Heard) -> None:
    prompt(engine(views=views), click())
    assert heard.priors and all(prior is None for prior in heard.priors)
    assert all(memory is None for memory in heard.memories)


@VIEWS
def test_refining_feeds_the_earlier_answer_back(views: str, heard: Heard) -> None:
    predictor = engine(views=views)
    prompt(predictor, click())
    earlier = predictor._follower.objects[1].vouched[0]
    heard.priors.clear()
    prompt(predictor, click(), click(yx=(30.0, 30.0), positive=False), refine=True)
    assert torch.equal(heard.priors[-1], earlier.prediction.logits)
    assert heard.views[-1] == earlier.view


@VIEWS
def test_points_after_a_mask_refine_it(views: str, heard: Heard) -> None:
    predictor, given = engine(views=views), disc()
    answer = prompt(predictor, given, click(yx=(20.0, 33.0)))
    prior, view = heard.priors[-1][0, 0], heard.views[-1]
    (top, left), crop = paste(prior, view, SIZE)
    expected = np.zeros(SIZE, bool)
    (y, x), (height, width) = given.offset, given.mask.shape
    expected[y : y + height, x : x + width] = given.mask
    fed = np.zeros(SIZE, bool)
    fed[top : top + crop.shape[0], left : left + crop.shape[1]] = crop > 0
    assert np.count_nonzero(fed ^ expected) < 0.15 * expected.sum()
    assert answer.predicted_iou < 1


@VIEWS
def test_points_after_a_box_refine_it(views: str, heard: Heard) -> None:
    predictor = engine(views=views)
    prompt(predictor, box())
    alone = predictor._follower.objects[1].vouched[0].prediction.logits
    heard.priors.clear()
    prompt(engine(views=views), box(), click())
    assert heard.priors[0] is None
    assert torch.equal(heard.priors[-1], alone)


@VIEWS
def test_a_click_on_a_tracked_frame_corrects_it(views: str, heard: Heard) -> None:
    predictor = followed(views)
    before = predictor._follower.objects[1].logits[5].float()
    view = predictor._follower.objects[1].sightings[5].view
    prompt(predictor, click(5))
    assert torch.equal(heard.priors[-1], before)
    assert heard.views[-1] == view
    assert heard.memories[-1] is not None


@VIEWS
def test_what_is_fed_back_is_in_the_view_looked_through(
    views: str, heard: Heard
) -> None:
    predictor = followed(views)
    before = predictor._follower.objects[1].logits[5].float()
    view = predictor._follower.objects[1].sightings[5].view
    prompt(predictor, box(5, corners=(2.0, 2.0, 12.0, 14.0)), click(5))
    for prior, looked in zip(heard.priors, heard.views, strict=True):
        if prior is not None and torch.equal(prior, before):
            assert looked == view


@VIEWS
def test_a_second_click_corrects_the_same_tracked_mask(
    views: str, heard: Heard
) -> None:
    predictor = followed(views)
    before = predictor._follower.objects[1].logits[5].float()
    first, second = click(5), click(5, yx=(10.0, 40.0), positive=False)
    prompt(predictor, first)
    prompt(predictor, first, second)
    assert torch.equal(heard.priors[-1], before)
    assert heard.memories[-1] is not None

    at_once = followed(views)
    assert_identical(
        {(5, 1): prompt(at_once, first, second)},
        {(5, 1): prompt(predictor, first, second)},
    )


@VIEWS
def test_a_corrected_frame_becomes_conditioning(views: str) -> None:
    predictor = followed(views)
    prompt(predictor, disc(4, centre=(28.0, 12.0)))
    track(predictor, [6])
    bank = predictor._follower.objects[1].bank
    assert sorted(bank.conditioning) == [0, 4]
    assert 4 not in bank.tracked


@VIEWS
def test_a_correction_sticks_and_is_felt(views: str) -> None:
    left, corrected = followed(views), followed(views)
    answer = prompt(corrected, disc(4, centre=(28.0, 12.0)))
    again = track(corrected, range(5, 8))
    expected = track(left, range(5, 8))
    assert any(differ(again[key], expected[key]) for key in again)
    kept = corrected.video_logits(4, [1])[0, 0].numpy() > 0
    assert (kept & (full(answer))).sum() > 0.8 * answer.area


@VIEWS
def test_a_correction_tracked_again_forgets_what_it_replaced(views: str) -> None:
    """Tracking on from a correction is tracking with that prompt there."""
    predictor = followed(views, 5)
    given = disc(4, centre=(28.0, 12.0))
    prompt(predictor, given)
    fresh = engine(model=tiny_model(EXTRAS), views=views)
    prompt(fresh, disc())
    track(fresh, range(1, 4))
    prompt(fresh, given)
    assert_identical(track(predictor, range(5, 8)), track(fresh, range(5, 8)))


@VIEWS
def test_a_correction_taken_back_leaves_no_trace(views: str) -> None:
    never, cleared = followed(views), followed(views)
    prompt(cleared, click(4))
    cleared.forget(1, 4)
    # The frame has to be tracked anew, as when its prompt is cleared.
    assert_identical(track(never, range(4, 8)), track(cleared, range(4, 8)))


def test_holes_are_filled_in_answers_to_prompts_too() -> None:
    options = {"views": "frame", "model": tiny_model(EXTRAS)}
    plain, filled = (
        engine(cells(), **options),
        engine(cells(), **options, fill_holes=50),
    )
    pieces = [
        count_pieces(full(prompt(predictor, click()))) for predictor in (plain, filled)
    ]
    assert pieces[1] < pieces[0]


def count_pieces(mask: np.ndarray) -> int:
    return ndimage.label(mask)[1] + ndimage.label(~mask)[1]


def test_a_click_far_behind_corrects_the_mask_that_was_tracked(heard: Heard) -> None:
    """Logits out of reach of memory are gone; the mask and its view are not."""
    predictor = followed("objects", frames=14)
    state = predictor._follower.objects[1]
    assert 2 not in state.logits and 2 in state.masks
    tracked, view = unpack_mask(state.masks[2]), state.sightings[2].view
    centre = tuple(float(c) for c in view.centre)
    prompt(predictor, click(frame=2, yx=centre))
    assert torch.equal(heard.priors[-1], tracked)
    assert heard.views[-1] == view


def test_packed_masks_come_back() -> None:
    logits = torch.randn(1, 1, 24, 24)
    packed = pack_mask(logits)
    assert torch.equal(unpack_mask(packed) > 0, logits > 0)
    blob = -torch.ones(1, 1, 64, 64)
    blob[..., 20:40, 25:50] = 1
    assert len(pack_mask(blob)) < 100


def test_a_click_outside_the_view_finds_the_lost_object_there(heard: Heard) -> None:
    predictor = followed("objects")
    view = predictor._follower.objects[1].sightings[5].view
    elsewhere = (view.corner[0] + view.extent[0] + 9.0, view.centre[1])
    prompt(predictor, click(frame=5, yx=elsewhere))
    assert heard.views[-1].centre == pytest.approx(elsewhere)
    assert heard.views[-1].extent == view.extent
    assert heard.priors[-1] is None


@pytest.mark.parametrize("asked", [click(), box()], ids=["click", "box"])
def test_what_a_person_shows_is_there(asked) -> None:
    """The network may think otherwise; a negative click shows nothing."""
    predictor = engine(model=tiny_model(EXTRAS, -4.0), views="objects")
    assert prompt(predictor, asked).object_score > 0
    away = engine(model=tiny_model(EXTRAS, -4.0), views="objects")
    assert prompt(away, click(positive=False)).object_score <= 0
    whole = engine(model=tiny_model(EXTRAS, -4.0), views="frame")
    assert prompt(whole, asked).object_score <= 0  # as the released code has it
