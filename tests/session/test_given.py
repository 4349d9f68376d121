"""What a session is given: numbers of arrays, arrays that change, late starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scenes
from fakes import ThresholdPredictor, build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.tracking import load_session, open_session, track

SCENE = scenes.two_crossing


def new_session() -> TrackingSession:
    return TrackingSession(SCENE.video, ThresholdPredictor(SCENE.video))


def test_numbers_of_arrays_are_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    one, two = np.unique(SCENE.truth[0])[1:]
    session = open_session(
        SCENE.images, model="threshold", folder=tmp_path / "kept", channel=None
    )
    for object_id in (one, two):
        mask = SCENE.truth[0] == object_id
        session.add(MaskPrompt(frame=0, object_id=object_id, mask=mask))
    for _ in session.propagate(np.int64(0), np.int64(5), objects=np.array([one, two])):
        pass
    session.approve(one, np.arange(3))
    session.approve(one, np.int64(3))
    session.unapprove(one, np.uint8(3))
    session.style(two, name="second")
    session.end(two, np.int16(4))
    assert session.masklets.frame(np.int64(1)).masks.keys() == {one, two}
    log = session.log
    session.close()
    again = load_session(tmp_path / "kept", SCENE.images)
    assert len(again.log) == len(log)
    assert again.approved_frames(1) == [0, 1, 2]
    with pytest.raises(InputError, match="whole number"):
        session.add(PointPrompt(frame=0, object_id=2.5, yx=(1, 1)))
    with pytest.raises(InputError, match="whole number"):
        session.propagate(0.5)


def test_settings_may_be_numbers_of_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    masklets = track(
        SCENE.images,
        SCENE.truth[0],
        model="threshold",
        stop=np.int64(3),
        cell_size=np.float32(9),
        out=tmp_path / "out",
        progress=False,
    )
    assert len(masklets.scores.frame.unique()) == 3


def test_a_mask_may_be_changed_after_it_was_given() -> None:
    session, mask = new_session(), SCENE.truth[0] == 1
    expected = mask.copy()
    session.add(MaskPrompt(frame=0, object_id=1, mask=mask))
    mask[:] = False
    [prompt] = session.prompts()
    assert prompt.mask.sum() == expected.sum()
    for _ in session.propagate():
        pass
    np.testing.assert_array_equal(np.asarray(session.masklets.labels[0]) == 1, expected)


def test_a_run_that_begins_after_its_object_has_gone() -> None:
    session = new_session()
    session.add_all(SCENE.first_masks)
    late = session.propagate()
    session.remove(2)
    with pytest.raises(InputError, match="no object 2"):
        next(late)
    assert len(session.log) == 2


def test_what_is_not_there_cannot_be_all_that_is_left() -> None:
    session = new_session()
    session.add(SCENE.mask_prompt(1, 0))
    session.add(PointPrompt(frame=2, object_id=1, yx=(1, 1), positive=False))
    with pytest.raises(InputError, match="only negative points"):
        session.clear(0, 1)
    session.clear_all([(0, 1), (2, 1)])
    assert session.object_ids == []
