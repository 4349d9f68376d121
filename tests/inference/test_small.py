"""Small holes and specks."""

from __future__ import annotations

import numpy as np
import torch

from napari_sam_i2v.inference.small import clean_small
from napari_sam_i2v.model.sam_i2v import Prediction


def prediction(*masks: np.ndarray) -> Prediction:
    logits = torch.from_numpy(np.where(np.stack(masks), 5.0, -5.0)).float()[:, None]
    count = len(masks)
    return Prediction(
        logits, torch.ones(count), torch.ones(count, 1), torch.zeros(count, 4)
    )


def square() -> np.ndarray:
    mask = np.zeros((32, 32), bool)
    mask[8:24, 8:24] = True
    return mask


def cleaned(mask: np.ndarray, area: int) -> np.ndarray:
    return clean_small(prediction(mask), area).logits[0, 0].numpy()


def test_holes_up_to_the_area_are_filled() -> None:
    mask = square()
    mask[10:12, 10:14] = False  # 8
    mask[16:19, 16:19] = False  # 9
    filled = cleaned(mask, 8)
    assert np.allclose(filled[10:12, 10:14], 0.1)
    assert (filled[16:19, 16:19] == -5).all()
    untouched = np.ones_like(mask)
    untouched[10:12, 10:14] = False
    assert np.array_equal(filled[untouched], np.where(mask, 5, -5)[untouched])


def test_holes_reach_around_corners() -> None:
    mask = square()
    for i in range(9):  # one hole of 9, by its corners
        mask[10 + i, 10 + i] = False
    assert (cleaned(mask, 8) > 0).sum() == mask.sum()
    assert (cleaned(mask, 9) > 0).sum() == square().sum()


def test_specks_up_to_the_area_are_removed() -> None:
    mask = square()
    mask[1:3, 1:5] = True  # 8
    mask[27:30, 27:30] = True  # 9
    removed = cleaned(mask, 8) > 0
    assert not removed[1:3, 1:5].any()
    assert removed[27:30, 27:30].all()
    assert removed[square()].all()


def test_nothing_is_asked_for() -> None:
    before = prediction(square())
    assert clean_small(before, 0) is before


def test_absent_objects_and_full_masks_stay_as_they_are() -> None:
    nothing, everything = np.zeros((32, 32), bool), np.ones((32, 32), bool)
    before = prediction(nothing, everything, square())
    after = clean_small(before, 8)
    assert torch.equal(after.logits, before.logits)


def test_what_was_given_is_not_changed() -> None:
    mask = square()
    mask[10, 10] = False
    before = prediction(mask)
    logits = before.logits.clone()
    after = clean_small(before, 8)
    assert torch.equal(before.logits, logits)
    assert not torch.equal(after.logits, logits)
    assert after.pointer is before.pointer
