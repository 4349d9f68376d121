"""The mask of the frame before, as a prompt of the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engines import cells, disc, engine, full, iou, prompt, track
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import ABSENT_LOGIT
from tiny import EXTRAS, PLAIN, tiny_model


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Tensor | None]:
    """Masks that the network is prompted with."""
    masks: list[Tensor | None] = []
    for switches in (EXTRAS, PLAIN):
        model = tiny_model(switches)

        def decode(*args: Any, decode: Any = model.decode, **options: Any) -> Any:
            prompts = next(a for a in args if isinstance(a, PromptTensors))
            masks.append(prompts.mask)
            return decode(*args, **options)

        monkeypatch.setattr(model, "decode", decode)
    return masks


def in_frame(predictor: SamI2VPredictor, carried: Tensor, frame: int) -> np.ndarray:
    """Where a carried mask of object 1 lies, in the view of a frame."""
    view = predictor._follower.objects[1].sightings[frame].view
    return predictor._viewing.fill_frame(carried[0, 0], view).numpy() > 0


@pytest.mark.parametrize("views", ["frame", "objects"])
def test_the_mask_given_is_the_prompt_of_the_next_frame(
    asked: list[Tensor | None], views: str
) -> None:
    predictor = engine(None, tiny_model(EXTRAS), views=views)
    given = prompt(predictor, disc())
    track(predictor, [1])
    assert asked[-1] is not None
    assert iou(in_frame(predictor, asked[-1], 1), full(given)) > 0.8


@pytest.mark.parametrize("reverse", [False, True])
def test_masks_go_on_from_frame_to_frame(
    asked: list[Tensor | None], reverse: bool
) -> None:
    predictor = engine(None, tiny_model(EXTRAS), views="objects")
    prompt(predictor, disc(frame=4))
    frames = [3, 2, 1] if reverse else [5, 6, 7]
    answers = track(predictor, frames, reverse=reverse)
    assert asked[-1] is not None
    before = full(answers[frames[1], 1])
    assert before.any()
    assert iou(in_frame(predictor, asked[-1], frames[2]), before) > 0.6


def test_a_mask_far_behind_is_still_known(asked: list[Tensor | None]) -> None:
    """Its logits are not kept then, but where it was is."""
    predictor = engine(cells(20), tiny_model(EXTRAS), views="objects", divisions=False)
    prompt(predictor, disc())
    answers = track(predictor, range(1, 20))
    for frame in range(3, 20):
        predictor.forget(1, frame)
    track(predictor, [3])
    assert asked[-1] is not None
    assert iou(in_frame(predictor, asked[-1], 3), full(answers[2, 1])) > 0.6


def test_who_was_absent_has_an_empty_one(asked: list[Tensor | None]) -> None:
    predictor = engine(None, tiny_model(EXTRAS), views="objects")
    empty = replace(disc(), mask=np.zeros((3, 3), bool))
    prompt(predictor, empty)
    track(predictor, [1])
    assert asked[-1] is not None
    assert (asked[-1] == -10).all() and ABSENT_LOGIT < -10


def test_the_released_network_gets_none(asked: list[Tensor | None]) -> None:
    predictor = engine(None, tiny_model(PLAIN), views="objects")
    prompt(predictor, disc())
    track(predictor, [1, 2])
    assert asked and set(asked) == {None}


def test_what_it_says_depends_on_it() -> None:
    """Memory being the same, another mask before makes another mask."""
    answers = []
    for erased in (False, True):
        predictor = engine(None, tiny_model(EXTRAS), views="objects")
        prompt(predictor, disc())
        track(predictor, [1])
        logits = predictor._follower.objects[1].logits
        if erased:
            logits[1] = torch.full_like(logits[1], -10.0)
        answers.append(track(predictor, [2])[2, 1])
    assert not np.array_equal(full(answers[0]), full(answers[1]))
