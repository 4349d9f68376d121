"""Prompts are given where someone who knows the truth would give them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from napari_sam_i2v.evaluation.prompting import (
    PromptKind,
    corrective_click,
    first_frame_prompts,
)
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt


def small_labels() -> np.ndarray:
    labels = np.zeros((3, 20, 24), np.uint16)
    labels[:, 2:9, 3:8] = 300
    labels[:, 2:4, 3:18] = 300  # an L, whose centre of mass is not its heart
    labels[:, 15:20, 20:24] = 4  # cut by the frame
    labels[1:, 12, 2] = 9  # appears later
    return labels


def test_every_object_of_the_first_frame_is_prompted() -> None:
    labels = small_labels()
    for kind in get_args(PromptKind):
        prompts = first_frame_prompts(labels, kind)
        assert [(p.frame, p.object_id) for p in prompts] == [(0, 4), (0, 300)]


def test_prompts_lie_where_they_should() -> None:
    labels = small_labels()
    mask = first_frame_prompts(labels, "label")[1]
    assert isinstance(mask, MaskPrompt)
    (y, x), (height, width) = mask.offset, mask.mask.shape
    np.testing.assert_array_equal(
        mask.mask, labels[0, y : y + height, x : x + width] == 300
    )
    click = first_frame_prompts(labels, "click")[1]
    assert isinstance(click, PointPrompt)
    assert click.yx in [(4.0, 5.0), (5.0, 5.0), (6.0, 5.0)]
    box = first_frame_prompts(labels, "box")[0]
    assert isinstance(box, BoxPrompt)
    assert (box.yx_min, box.yx_max) == ((15, 20), (19, 23))


@pytest.mark.parametrize("kind", ["click", "box"])
def test_thin_and_small_masks_can_be_prompted(kind: PromptKind) -> None:
    labels = np.zeros((1, 5, 5), np.uint8)
    labels[0, 4, 4] = 1
    labels[0, 0] = 2
    first, second = first_frame_prompts(labels, kind)
    if isinstance(first, PointPrompt) and isinstance(second, PointPrompt):
        assert first.yx == (4, 4)
        assert second.yx[0] == 0


def square(top: int, left: int, size: int) -> np.ndarray:
    mask = np.zeros((30, 40), bool)
    mask[top : top + size, left : left + size] = True
    return mask


def click(answer: np.ndarray, truth: np.ndarray, *clicked: PointPrompt):
    return corrective_click(answer, truth, frame=3, object_id=7, clicked=clicked)


def test_a_missed_object_is_clicked_in_its_middle() -> None:
    missed = click(square(0, 0, 0), square(5, 8, 9))
    assert missed == PointPrompt(frame=3, object_id=7, yx=(9, 12))


def test_the_deeper_of_two_errors_is_clicked() -> None:
    truth = square(10, 10, 9)
    spill = click(truth | square(0, 25, 11), truth)
    assert spill == PointPrompt(frame=3, object_id=7, yx=(5, 30), positive=False)
    both = click(square(0, 25, 5), truth)
    assert both is not None
    assert both.positive


def test_nothing_wrong_is_not_clicked() -> None:
    assert click(square(3, 3, 9), square(3, 3, 9)) is None
    assert click(square(0, 0, 0), square(0, 0, 0)) is None


def test_another_click_keeps_away_from_the_first() -> None:
    truth, answer = square(5, 8, 9), square(0, 0, 0)
    first = click(answer, truth)
    assert first is not None
    second = click(answer, truth, first)
    assert second is not None
    assert np.hypot(*np.subtract(first.yx, second.yx)) >= 2
    pixel = square(4, 4, 1)
    only = click(answer, pixel)
    assert only is not None
    assert click(answer, pixel, only) is None


def test_clicks_lie_in_what_is_wrong() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        answer, truth = rng.random((2, 9, 11)) < rng.uniform(0.1, 0.9)
        given = click(answer, truth)
        assert given is not None
        y, x = (int(place) for place in given.yx)
        assert truth[y, x] == given.positive
        assert answer[y, x] != given.positive
