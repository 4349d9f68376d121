"""Cells that leave the frame, followed by the shipped model."""

from __future__ import annotations

import numpy as np

import napari_sam_i2v
from dividing import DAUGHTERS, MOTHER, OTHER, SHAPE, ellipse, leaves
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt

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


def test_a_blank_frame_does_not_end_a_dim_cell() -> None:
    rng = np.random.default_rng(0)
    disc = ellipse((60, 80), (11, 11))
    movie = (100 + 30 * disc + rng.normal(0, 15, (10, *SHAPE))).astype(np.uint16)
    movie[4] = 0
    labels = followed(movie, disc.astype(np.uint16))
    assert there(labels, 1) == [frame != 4 for frame in range(10)]


def test_a_click_where_it_was_absent_is_answered_as_a_first_click() -> None:
    movie, truth = leaves(back=True)
    given = MaskPrompt(frame=0, object_id=MOTHER, mask=truth[0] == MOTHER)
    click = PointPrompt(frame=9, object_id=MOTHER, yx=(60.0, 80.0))
    answers = []
    for frames in (0, 10):
        session = napari_sam_i2v.open_session(movie, device="cpu")
        session.add(given)
        if frames:
            list(session.propagate(0, frames))
            assert not there(session.masklets.labels, MOTHER)[9]
        answers.append(session.add(click))
    assert answers[0].offset == answers[1].offset
    np.testing.assert_array_equal(answers[0].logits, answers[1].logits)


def test_tracked_twice_it_is_the_same() -> None:
    movie, truth = leaves(back=True)
    session = napari_sam_i2v.open_session(movie, device="cpu")
    session.add(MaskPrompt(frame=0, object_id=MOTHER, mask=truth[0] == MOTHER))
    list(session.propagate())
    once = np.array(session.masklets.labels)
    list(session.propagate())
    np.testing.assert_array_equal(once, session.masklets.labels)
