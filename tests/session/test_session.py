"""A session: prompts in, masks out, every step undoable."""

from __future__ import annotations

import numpy as np
import pytest

import scenes
from fakes import ThresholdPredictor
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.masklets import FrameResult, ObjectMask
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.replay import replay
from scenes import SCENES, Scene


def new_session(scene: Scene) -> TrackingSession:
    return TrackingSession(scene.video, ThresholdPredictor(scene.video))


def whole(mask: ObjectMask, shape: tuple[int, ...]) -> np.ndarray:
    image = np.zeros(shape, bool)
    (top, left), (height, width) = mask.offset, mask.logits.shape
    image[top : top + height, left : left + width] = mask.mask
    return image


def finish(session: TrackingSession, *args: int, **options) -> list[FrameResult]:
    return list(session.propagate(*args, **options))


def labels(session: TrackingSession) -> np.ndarray:
    return np.asarray(session.masklets.labels)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("kind", ["first_clicks", "first_masks"])
def test_propagate_recovers_every_object(scene: Scene, kind: str) -> None:
    session = new_session(scene)
    for prompt in getattr(scene, kind):
        session.add(prompt)
    for result in session.propagate(0, scene.n_frames):
        for object_id, mask in result.masks.items():
            expected = scene.mask(object_id, result.frame)
            np.testing.assert_array_equal(whole(mask, scenes.SIZE), expected)
    np.testing.assert_array_equal(labels(session), scene.truth)


def test_a_frame_is_tracked_once_for_all_objects_due() -> None:
    scene = scenes.late_arrival
    predictor = ThresholdPredictor(scene.video)
    session = TrackingSession(scene.video, predictor)
    session.add_all(scene.first_masks)
    results = finish(session)
    tracks = [call for call in predictor.calls if call[0] == "track"]
    assert tracks == [
        ("track", t, (1, 2) if t > 4 else (1,), False) for t in range(1, 8)
    ]
    assert [sorted(r.masks) for r in results] == [[1]] * 4 + [[1, 2]] * 4


@pytest.mark.parametrize(
    ("direction", "frames"),
    [
        ("forward", [3, 4, 5, 6]),
        ("backward", [5, 4, 3, 2]),
        ("both", [3, 2, 4, 5, 6]),
    ],
)
def test_directions_start_at_the_right_prompt(direction: str, frames: list) -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all([scene.mask_prompt(1, 5), scene.mask_prompt(1, 3)])
    results = finish(session, 2, 7, direction=direction)
    assert [result.frame for result in results] == frames
    visited = np.zeros(8, bool)
    visited[[3, 5, *frames]] = True
    np.testing.assert_array_equal(labels(session).any(axis=(1, 2)), visited)


def test_both_ways_yields_what_the_first_pass_found() -> None:
    scene = scenes.late_arrival
    session = new_session(scene)
    session.add_all([scene.mask_prompt(1, 2), scene.mask_prompt(2, 6)])
    results = finish(session, direction="both")
    assert [r.frame for r in results] == [6, 5, 4, 3, 2, 1, 0, 3, 4, 5, 6, 7]
    assert [sorted(r.masks) for r in results[-5:]] == [[1, 2]] * 5
    np.testing.assert_array_equal(labels(session), scene.truth)


def test_prompted_frames_are_yielded_but_not_tracked() -> None:
    scene = scenes.moving_disc
    predictor = ThresholdPredictor(scene.video)
    session = TrackingSession(scene.video, predictor)
    wrong = MaskPrompt(frame=3, object_id=1, mask=np.ones((2, 2), bool))
    session.add_all([scene.mask_prompt(1, 0), wrong])
    results = finish(session)
    assert not [c for c in predictor.calls if c[0] == "track" and c[1] in (0, 3)]
    assert results[3].masks[1].area == 4


def test_the_range_bounds_what_is_visited() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all(scene.first_masks)
    assert [result.frame for result in session.propagate(3, 5)] == [3, 4]
    inside = session.masklets_in(3, 5)
    assert sorted(set(inside.scores["frame"])) == [3, 4]
    assert not inside.labels[0].any()
    assert session.masklets.labels[0].any()


def test_an_object_prompted_after_the_range_is_not_visited() -> None:
    scene = scenes.late_arrival
    session = new_session(scene)
    session.add_all(scene.first_masks)
    results = finish(session, 0, 3)
    assert {i for result in results for i in result.masks} == {1}


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_cancelling_keeps_what_was_yielded(seen: int) -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all(scene.first_masks)
    results = session.propagate()
    for _ in range(seen):
        next(results)
    results.close()
    frames = np.flatnonzero(labels(session).any(axis=(1, 2)))
    assert frames.tolist() == list(range(max(seen, 1)))


def test_another_action_ends_a_propagation() -> None:
    scene = scenes.two_crossing
    session = new_session(scene)
    session.add(scene.mask_prompt(1, 0))
    results = session.propagate()
    next(results), next(results)
    session.add(scene.mask_prompt(2, 0))
    assert list(results) == []
    assert session.log[1].steps == 2


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_undo_and_redo_restore(scene: Scene) -> None:
    session = new_session(scene)
    states = [labels(session)]
    for prompt in scene.first_masks:
        session.add(prompt)
        states.append(labels(session))
    finish(session)
    states.append(labels(session))
    first = scene.ids[0]
    session.approve(first, scene.first[first])
    states.append(labels(session))
    session.remove(first)
    states.append(labels(session))
    for expected in states[-2::-1]:
        assert session.undo()
        np.testing.assert_array_equal(labels(session), expected)
    assert not session.undo()
    for expected in states[1:]:
        assert session.redo()
        np.testing.assert_array_equal(labels(session), expected)
    assert not session.redo()


def scores_after(session: TrackingSession, *args: int):
    finish(session, *args)
    return session.masklets.scores


def test_after_an_undo_the_engine_remembers_what_the_log_says() -> None:
    scene = scenes.two_crossing
    plain, undone = new_session(scene), new_session(scene)
    for session in (plain, undone):
        session.add_all(scene.first_masks)
        finish(session, 0, 3)
    finish(undone, 3, 6)
    undone.undo()
    undone.add(scene.click(1, 2))
    undone.undo()
    undone.remove(2)
    undone.undo()
    undone.approve(1, [1, 2])
    undone.undo()
    # The fake's object score counts the tracked frames behind: memory shows.
    expected, got = scores_after(plain, 3), scores_after(undone, 3)
    assert expected.equals(got)


def test_undoing_the_last_prompt_removes_the_object() -> None:
    scene = scenes.two_crossing
    predictor = ThresholdPredictor(scene.video)
    session = TrackingSession(scene.video, predictor)
    session.add(scene.mask_prompt(1, 0))
    session.add(scene.mask_prompt(2, 0))
    session.undo()
    assert session.object_ids == session.masklets.ids == [1]
    assert set(predictor.memories) == {1}
    assert set(np.unique(labels(session))) == {0, 1}


def test_a_cleared_prompt_leaves_no_trace() -> None:
    scene = scenes.moving_disc
    plain, cleared = new_session(scene), new_session(scene)
    wrong = MaskPrompt(frame=5, object_id=1, mask=np.ones((2, 2), bool))
    for session in (plain, cleared):
        session.add_all(scene.first_masks)
    cleared.add(wrong)
    cleared.clear(5, 1)
    assert scores_after(plain).equals(scores_after(cleared))
    np.testing.assert_array_equal(labels(plain), labels(cleared))


def test_clearing_shows_the_tracked_mask_beneath() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all(scene.first_masks)
    finish(session)
    session.add(MaskPrompt(frame=5, object_id=1, mask=np.ones((2, 2), bool)))
    assert session.masklets.labels[5].sum() == 4
    session.clear(5, 1)
    np.testing.assert_array_equal(labels(session), scene.truth)


def test_clearing_the_last_prompt_removes_the_object() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all(scene.first_masks)
    finish(session)
    session.clear(0, 1)
    assert session.object_ids == []
    assert not labels(session).any()
    session.undo()
    np.testing.assert_array_equal(labels(session), scene.truth)


def test_a_removed_id_can_be_used_again() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all(scene.first_masks)
    finish(session)
    session.remove(1)
    session.add(scene.mask_prompt(1, 6))
    finish(session)
    assert np.flatnonzero(labels(session).any(axis=(1, 2))).tolist() == [6, 7]


def test_objects_are_independent() -> None:
    scene = scenes.two_crossing
    alone, together = new_session(scene), new_session(scene)
    alone.add(scene.mask_prompt(1, 0))
    finish(alone)
    together.add(scene.mask_prompt(1, 0))
    finish(together, 0, 4)
    together.add(scene.mask_prompt(2, 0))
    finish(together)
    together.remove(2)
    np.testing.assert_array_equal(labels(alone), labels(together))


def test_propagating_some_objects_leaves_the_others() -> None:
    scene = scenes.two_crossing
    session = new_session(scene)
    session.add_all(scene.first_masks)
    results = finish(session, objects=[2])
    assert {i for result in results for i in result.masks} == {2}
    assert not (labels(session)[1:] == 1).any()


def test_approved_frames_are_kept_and_followed() -> None:
    scene = scenes.leaves_and_returns
    predictor = ThresholdPredictor(scene.video)
    session = TrackingSession(scene.video, predictor)
    session.add_all(scene.first_masks)
    finish(session)
    before = session.masklets.frame(6).masks[1]
    session.approve(1, [6, 7])
    assert session.approved_frames(1) == [6, 7]
    assert set(predictor.memories[1].conditioning) == {0, 6, 7}
    predictor.calls.clear()
    finish(session)
    assert 6 not in [call[1] for call in predictor.calls if call[0] == "track"]
    after = session.masklets.frame(6).masks[1]
    np.testing.assert_array_equal(before.logits, after.logits)
    session.unapprove(1, 6)
    assert session.approved_frames(1) == [7]
    assert set(predictor.memories[1].conditioning) == {0, 7}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_replaying_the_log_gives_the_same(scene: Scene) -> None:
    session = new_session(scene)
    session.add_all(scene.first_clicks)
    results = session.propagate(0, max(1, scene.n_frames - 1))
    next(results)
    results.close()
    finish(session, direction="both")
    session.undo()
    finish(session)
    session.remove(scene.ids[-1])
    session.undo()
    session.redo()
    session.undo()
    again = new_session(scene)
    replay(again, session.log)
    np.testing.assert_array_equal(labels(session), labels(again))
    assert session.masklets.scores.equals(again.masklets.scores)


def test_points_join_the_mask_or_box_of_their_frame() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    y, x = scene.click(1, 0).yx
    session.add(PointPrompt(frame=0, object_id=1, yx=(y, x)))
    before = session.masklets.frame(0).masks[1].area
    session.add(PointPrompt(frame=0, object_id=1, yx=(y, x + 1), positive=False))
    assert session.masklets.frame(0).masks[1].area == before - 1
    session.add(scene.mask_prompt(1, 0))
    assert isinstance(session.prompts()[0], MaskPrompt)
    assert len(session.prompts()) == 3


def box(frame: int = 0) -> BoxPrompt:
    return BoxPrompt(frame=frame, object_id=1, yx_min=(8, 2), yx_max=(16, 10))


def negative(frame: int = 0, object_id: int = 1) -> PointPrompt:
    return PointPrompt(frame=frame, object_id=object_id, yx=(1, 1), positive=False)


@pytest.mark.parametrize(
    ("prompts", "wrong"),
    [
        ([box(), box()], "a box and a box"),
        ([box(), scenes.moving_disc.mask_prompt(1, 0)], "one mask or one box"),
        ([negative()], "only negative points"),
        ([PointPrompt(frame=0, object_id=0, yx=(1, 1))], "ids are 1 to"),
        ([PointPrompt(frame=8, object_id=1, yx=(1, 1))], "frames 0 to 7"),
        ([PointPrompt(frame=0, object_id=1, yx=(1, 32))], "outside the frame"),
        ([PointPrompt(frame=0, object_id=1, yx=(np.nan, 3))], "outside the frame"),
        ([], "there are no prompts"),
    ],
)
def test_prompts_that_make_no_sense_are_refused(prompts: list, wrong: str) -> None:
    session = new_session(scenes.moving_disc)
    with pytest.raises(InputError, match=wrong):
        session.add_all(prompts)
    assert not session.log


def test_a_negative_point_may_correct_an_object_known_elsewhere() -> None:
    session = new_session(scenes.moving_disc)
    session.add_all(scenes.moving_disc.first_masks)
    session.add(negative(frame=4))
    assert len(session.log) == 2


def test_what_is_not_there_is_refused() -> None:
    session = new_session(scenes.moving_disc)
    session.add_all(scenes.moving_disc.first_masks)
    for call, wrong in [
        (lambda: session.remove(7), "no object 7"),
        (lambda: session.clear(3, 1), "no prompts on frame 3"),
        (lambda: session.approve(1, 5), "no mask on frame 5"),
        (lambda: session.unapprove(1, 0), "not approved on frame 0"),
        (lambda: session.propagate(objects=[2]), "no object 2"),
        (lambda: session.propagate(5, 5), "must be after start"),
        (lambda: session.propagate(8), "frames 0 to 7"),
        (lambda: session.propagate(direction="up"), "is none of forward"),
    ]:
        with pytest.raises(InputError, match=wrong):
            call()
    assert len(session.log) == 1


def test_a_failing_engine_changes_nothing() -> None:
    scene = scenes.moving_disc
    predictor = ThresholdPredictor(scene.video)
    session = TrackingSession(scene.video, predictor)
    session.add_all(scene.first_masks)
    results = session.propagate()
    for _ in range(3):
        next(results)
    predictor.video = None
    with pytest.raises(AttributeError):
        next(results)
    with pytest.raises(AttributeError):
        session.add(scene.mask_prompt(1, 6))
    predictor.video = scene.video
    assert len(session.log) == 2
    finish(session, 3)
    plain = new_session(scene)
    plain.add_all(scene.first_masks)
    assert scores_after(plain).equals(session.masklets.scores)
