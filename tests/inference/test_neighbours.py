"""Objects that claim the same pixels."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

import napari_sam_i2v
from engines import assert_identical, disc, engine, full, prompt, track
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.prompting import first_frame_prompts
from napari_sam_i2v.evaluation.scores import prompted_frames, score_masklets
from napari_sam_i2v.inference.compat import build_video_predictor
from napari_sam_i2v.inference.following import Found
from napari_sam_i2v.inference.neighbours import contend, strongest_rivals
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.model.image_encoder import Features
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.simulation.settings import SimulatedMovie
from napari_sam_i2v.views import View
from tiny import EXTRAS, tiny_model

SIZE = 16  # of the grid that the tiny members draw masks on
VIEW = View((-0.5, -0.5), (SIZE, SIZE))  # a cell of the grid is a pixel


def claim(columns: slice, logit: float = 4.0, view: View = VIEW) -> tuple[View, Tensor]:
    """Some columns of a view, in rows 4 to 12."""
    logits = torch.full((1, 1, SIZE, SIZE), -8.0)
    logits[..., 4:12, columns] = logit
    return view, logits


@pytest.fixture
def predictor() -> SamI2VPredictor:
    return engine(np.zeros((2, SIZE, SIZE)), tiny_model(EXTRAS), views="objects")


def settle(predictor: SamI2VPredictor, *claims: tuple[View, Tensor]) -> list[Found]:
    found = {}
    viewing, width = predictor._viewing, predictor.model.config.width
    for number, (view, logits) in enumerate(claims, start=1):
        prediction = Prediction(
            logits, torch.ones(1), torch.full((1, 1), 5.0), torch.zeros(1, width)
        )
        mask = viewing.mask(1, number, prediction, 0, view)
        features = Features(torch.zeros(1))
        found[number] = Found(view, features, prediction, mask)
    return list(contend(predictor.model, viewing, found).values())


def rivals(*claims: tuple[View, Tensor]) -> Tensor:
    views, logits = zip(*claims, strict=True)
    return strongest_rivals(torch.cat(logits), views)


def columns(found: Found) -> list[int]:
    logits = found.prediction.logits[0, 0]
    held = np.flatnonzero((logits > 0).any(0)).tolist()
    shape = (SIZE, SIZE)
    assert np.flatnonzero(full(found.mask, shape).any(0)).tolist() == held
    return held


def test_what_nobody_else_claims_stays_to_the_bit(predictor: SamI2VPredictor) -> None:
    claims = claim(slice(0, 6)), claim(slice(6, 12))
    for (_, before), after in zip(claims, settle(predictor, *claims), strict=True):
        assert torch.equal(before, after.prediction.logits)


def test_the_surer_one_keeps_what_both_claim(predictor: SamI2VPredictor) -> None:
    weak, strong = settle(predictor, claim(slice(2, 10), 2.0), claim(slice(6, 14), 5.0))
    assert columns(weak) == [2, 3, 4, 5]
    assert columns(strong) == list(range(6, 14))
    assert torch.equal(strong.prediction.logits, claim(slice(6, 14), 5.0)[1])
    # It is left with what it has over the other, here less than nothing.
    assert weak.prediction.logits[0, 0, 8, 8] == 2.0 - 5.0
    assert weak.prediction.score > 0


def test_a_narrow_overlap_changes_nothing(predictor: SamI2VPredictor) -> None:
    view, logits = claim(slice(0, 10), 3.0)
    _, other = claim(slice(10, 14), 5.0)
    other[..., 4:6, 9] = 5.0  # 2 cells of 80
    weak, strong = settle(predictor, (view, logits), (view, other))
    assert torch.equal(weak.prediction.logits, logits)
    assert torch.equal(strong.prediction.logits, other)


def test_who_is_left_with_nothing_is_absent(predictor: SamI2VPredictor) -> None:
    gone, there = settle(predictor, claim(slice(4, 8), 1.0), claim(slice(2, 12), 6.0))
    assert gone.prediction.score < 0
    assert not gone.mask.mask.any()
    assert gone.mask.object_score < 0
    assert gone.ending is None
    assert there.prediction.score > 0


def test_the_order_does_not_matter(predictor: SamI2VPredictor) -> None:
    claims = [claim(slice(i, i + 6), 2.0 + i) for i in range(0, 10, 3)]
    forward, backward = settle(predictor, *claims), settle(predictor, *claims[::-1])
    for one, other in zip(forward, backward[::-1], strict=True):
        assert torch.equal(one.prediction.logits, other.prediction.logits)


def test_nobody_may_be_left_to_look_for(predictor: SamI2VPredictor) -> None:
    assert settle(predictor) == []


def test_equal_claims_are_both_kept(predictor: SamI2VPredictor) -> None:
    one, other = settle(predictor, claim(slice(2, 8)), claim(slice(4, 10)))
    assert columns(one) == list(range(2, 8))
    assert columns(other) == list(range(4, 10))


def test_views_may_differ_in_place_and_size() -> None:
    wide = View((-8.5, -8.5), (2 * SIZE, 2 * SIZE))  # a cell of the grid is two pixels
    mine, theirs = rivals(
        claim(slice(0, 16)), claim(slice(8, 12), 3.0, view=wide)
    ).squeeze(1)
    # Its rows 4 to 12 and columns 8 to 12 are rows 0 to 16 and columns 8 to 16 here.
    assert torch.all(mine[1:15, 9:15] == 3.0)
    assert torch.all(mine[:, :7] == 0)
    assert torch.all(theirs[7:9, 5:11] == 4.0)
    assert torch.all(theirs[:, 13:] == 0)


def test_the_strongest_of_several_counts() -> None:
    others = claim(slice(0, 6), 2.0), claim(slice(3, 9), 7.0)
    found = rivals(claim(slice(0, 12)), *others)
    assert found[0, 0, 8].tolist() == [2.0] * 3 + [7.0] * 6 + [0.0] * 7


def test_far_views_do_not_meet() -> None:
    far = View((100.0, 100.0), (SIZE, SIZE))
    assert not rivals(claim(slice(0, 16)), claim(slice(0, 16), view=far)).any()
    nothing = claim(slice(0, 0))
    assert not rivals(nothing, nothing).any()


def test_what_is_remembered_is_what_was_settled() -> None:
    predictors = []
    for neighbours in (True, False):
        predictor = engine(
            model=tiny_model(EXTRAS), views="objects", neighbours=neighbours
        )
        predictor.computing.batch = 2
        for object_id, centre in enumerate([(20.0, 22.0), (20.0, 27.0), (24.0, 25.0)]):
            prompt(predictor, disc(0, object_id + 1, centre, 5))
        masks = track(predictor, [1], (1, 2, 3))
        predictors.append((predictor, masks))
    (together, settled), (alone, masks) = predictors
    assert any(settled[key].area < masks[key].area for key in masks)
    for _, object_id in settled:
        known = together._follower.objects[object_id]
        there = known.logits[1] > 0
        assert bool(there.any()) == bool(settled[1, object_id].area)
        # Given alone what it was left with, an engine remembers the same.
        other = alone._follower.objects[object_id].bank.tracked[1]
        changed = settled[1, object_id].area != masks[1, object_id].area
        assert changed != torch.equal(known.bank.tracked[1].features, other.features)


def test_whole_frames_never_contend() -> None:
    runs = []
    for neighbours in (True, False):
        predictor = engine(neighbours=neighbours, views="frame")
        prompt(predictor, disc())
        prompt(predictor, disc(0, 2, (22.0, 28.0)))
        runs.append(track(predictor, range(1, 6), (1, 2)))
    assert_identical(*runs)


@cache
def crowd() -> SimulatedMovie:
    return simulate(
        SimulationSettings(
            modality="ring", frames=10, cells=14, height=160, width=160, seed=902
        )
    )


def test_crowded_cells_are_followed_better_together() -> None:
    movie = crowd()
    prompts = first_frame_prompts(movie.labels, "label")
    scores = {}
    for how in ("contend", "ignore"):
        masklets = napari_sam_i2v.track(
            movie.images, prompts, neighbours=how, device="cpu", progress=False
        )
        scores[how] = score_masklets(
            masklets.labels,
            movie.labels,
            prompted=prompted_frames(prompts),
            boundary=False,
        )
    assert scores["contend"].j > scores["ignore"].j + 0.02
    assert scores["contend"].lost <= scores["ignore"].lost


def test_what_was_undone_is_followed_again_together() -> None:
    movie = crowd()
    prompts = first_frame_prompts(movie.labels, "label")
    ends = []
    for undone in (False, True):
        session = napari_sam_i2v.open_session(movie.images, device="cpu")
        session.add_all(prompts)
        list(session.propagate(0, 5))
        if undone:
            session.remove(4)
            session.undo()
        list(session.propagate(5, 7))
        ends.append(session.masklets_in(0, 7).labels[6])
    np.testing.assert_array_equal(*ends)


def test_sam_2_objects_do_not_know_of_each_other() -> None:
    options = build_video_predictor("sam-i2v-cell", device="cpu").options
    assert options["neighbours"] == options["divisions"] == "ignore"


def test_an_unknown_choice_is_refused() -> None:
    movie = np.zeros((2, 8, 8), np.uint8)
    with pytest.raises(InputError, match="neighbours 'share' is none of contend"):
        napari_sam_i2v.track(movie, np.eye(8, dtype=np.uint8), neighbours="share")
