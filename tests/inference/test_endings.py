"""Cells that leave the frame, followed by the shipped model."""

from __future__ import annotations

import numpy as np

import napari_sam_i2v
from dividing import DAUGHTERS, MOTHER, OTHER, leaves
from napari_sam_i2v.prompts import MaskPrompt

CUT = DAUGHTERS[0]


def there(labels: np.ndarray, object_id: int) -> list[bool]:
    return [bool((frame == object_id).any()) for frame in np.asarray(labels)]


def followed(movie: np.ndarray, truth: np.ndarray) -> np.ndarray:
    result = napari_sam_i2v.track(movie, truth, device="cpu", progress=False)
    return np.asarray(result.labels)


def test_it_is_gone_and_others_are_not() -> None:
    movie, truth = leaves()
    labels = followed(movie, truth[0])
    for object_id in (MOTHER, OTHER, CUT):
        assert there(labels, object_id) == there(truth, object_id)


def test_it_is_there_again_when_it_comes_back() -> None:
    movie, truth = leaves(back=True)
    labels = followed(movie, truth[0])
    for object_id in (MOTHER, OTHER, CUT):
        assert there(labels, object_id) == there(truth, object_id)


def test_backward_it_is_gone_before_it_came() -> None:
    movie, truth = leaves()
    session = napari_sam_i2v.open_session(movie[::-1].copy(), device="cpu")
    last = len(movie) - 1
    given = MaskPrompt(frame=last, object_id=MOTHER, mask=truth[0] == MOTHER)
    session.add(given)
    list(session.propagate(direction="backward"))
    assert there(session.masklets.labels, MOTHER)[::-1] == there(truth, MOTHER)


def test_what_has_left_was_not_divided_and_can_be_prompted_again() -> None:
    movie, truth = leaves(back=True)
    session = napari_sam_i2v.open_session(movie, device="cpu")
    session.add(MaskPrompt(frame=0, object_id=MOTHER, mask=truth[0] == MOTHER))
    list(session.propagate(0, 10))
    (line,) = session.summary()
    assert line.divided is None and line.last == there(truth, MOTHER).index(False) - 1
    session.add(MaskPrompt(frame=12, object_id=MOTHER, mask=truth[12] == MOTHER))
    list(session.propagate(12, len(movie)))
    assert all(there(session.masklets.labels, MOTHER)[12:])
