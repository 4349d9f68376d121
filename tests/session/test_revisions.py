"""Merging, splitting, ending: who has which masks and prompts afterwards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import scenes
from fakes import ThresholdPredictor
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.actions import Propagate, Remove, Restyle, Revise, Style
from napari_sam_i2v.session.replay import replay
from scenes import Scene


def new_session(scene: Scene) -> TrackingSession:
    return TrackingSession(scene.video, ThresholdPredictor(scene.video))


def tracked(scene: Scene, **options) -> TrackingSession:
    session = new_session(scene)
    session.add_all(scene.first_masks)
    for _ in session.propagate(**options):
        pass
    return session


def mask(session: TrackingSession, object_id: int, frame: int) -> np.ndarray:
    """Where an object is on a frame, overlaps not settled."""
    image = np.zeros(scenes.SIZE, bool)
    found = session.masklets.frame(frame).masks.get(object_id)
    if found is not None:
        (top, left), (height, width) = found.offset, found.logits.shape
        image[top : top + height, left : left + width] = found.mask
    return image


def masks(session: TrackingSession, object_id: int) -> np.ndarray:
    return np.stack([mask(session, object_id, t) for t in range(session.shape[0])])


def state(session: TrackingSession) -> tuple:
    """All that a person can see of a session."""
    ids = session.object_ids
    return (
        ids,
        [masks(session, i).tobytes() for i in ids],
        [(type(p), p.frame, p.object_id) for p in session.prompts()],
        [session.approved_frames(i) for i in ids],
        session.styles,
        session.summary(),
    )


EDITS: dict[str, Callable[[TrackingSession], object]] = {
    "merge": lambda s: s.merge(1, 2),
    "merge the other way": lambda s: s.merge(2, 1),
    "approve both": lambda s: s.approve_all([(3, 1), (3, 2), (4, 1)]),
    "unapprove both": lambda s: s.unapprove_all([(5, 2), (2, 1)]),
    "split": lambda s: s.split(2, 4, 9),
    "end": lambda s: s.end(2, 3),
    "end at once": lambda s: s.end(2, 0),
    "style": lambda s: s.style(2, name="left", colour="#FF0000"),
    "style both": lambda s: s.style([1, 2], colour="#00FF00"),
    "replace": lambda s: s.replace([scenes.two_crossing.click(1, 0)]),
    "clear_all": lambda s: s.clear_all([(0, 1), (0, 2)]),
    "remove_all": lambda s: s.remove_all([2, 1]),
    "end what is not tracked yet": lambda s: s.end(2, 7),
    "split and merge": lambda s: (s.split(1, 3, 5), s.merge(1, 5)),
    "merge and split": lambda s: (s.merge(1, 2), s.split(1, 5, 2)),
}
edits = pytest.mark.parametrize("name", EDITS)


def edited(name: str) -> TrackingSession:
    session = tracked(scenes.two_crossing)
    session.approve(1, [2])
    session.approve(2, [5])
    session.style(1, name="one")
    EDITS[name](session)
    return session


@edits
def test_undo_restores_and_redo_brings_back(name: str) -> None:
    session = tracked(scenes.two_crossing)
    session.approve(1, [2])
    session.approve(2, [5])
    session.style(1, name="one")
    before, length = state(session), len(session.log)
    EDITS[name](session)
    after, steps = state(session), len(session.log) - length
    assert after != before
    undone = [session.undo() for _ in range(steps)]
    assert state(session) == before
    assert [session.redo() for _ in range(steps)] == undone[::-1]
    assert state(session) == after


@edits
def test_a_replayed_log_gives_equal_masks(name: str) -> None:
    session = edited(name)
    session.undo()
    session.redo()
    for _ in session.propagate(2):
        pass
    again = new_session(scenes.two_crossing)
    replay(again, session.log)
    assert state(again) == state(session)
    assert session.masklets.scores.equals(again.masklets.scores)


@edits
@pytest.mark.parametrize("start", [0, 4])
def test_the_engine_remembers_what_the_log_says(name: str, start: int) -> None:
    straight, turned = edited(name), edited(name)
    steps = 2 if " and " in name else 1
    for _ in range(steps):
        turned.undo()
    for _ in range(steps):
        turned.redo()
    # The fake's object score counts what it remembers.
    for session in (straight, turned):
        for _ in session.propagate(start):
            pass
    assert straight.masklets.scores.equals(turned.masklets.scores)


def test_undo_says_what_it_undid() -> None:
    session = tracked(scenes.two_crossing)
    session.style(1, name="a")
    session.merge(1, 2)
    assert isinstance(session.undo(), Revise)
    assert isinstance(session.undo(), Restyle)
    assert isinstance(session.redo(), Restyle)
    new = new_session(scenes.two_crossing)
    assert new.undo() is None
    assert new.redo() is None


def test_a_merged_object_has_both_masks() -> None:
    session = tracked(scenes.two_crossing)
    both = masks(session, 1) | masks(session, 2)
    session.merge(2, 1)
    assert session.object_ids == [2]
    np.testing.assert_array_equal(masks(session, 2), both)
    (prompt,) = session.prompts()
    assert isinstance(prompt, MaskPrompt)
    assert prompt.mask.sum() == both[0].sum()


def test_tracking_after_a_merge_follows_the_union() -> None:
    session = tracked(scenes.two_crossing, stop=2)
    session.merge(1, 2)
    session.approve(1, [1])
    union = masks(session, 1)[:2]
    for _ in session.propagate():
        pass
    np.testing.assert_array_equal(masks(session, 1)[:2], union)
    assert masks(session, 1).any(axis=(1, 2)).all()


def test_a_click_stays_a_click_where_the_other_is_not() -> None:
    scene = scenes.late_arrival
    session = new_session(scene)
    session.add_all([scene.click(1, 0), scene.mask_prompt(2, 4)])
    session.merge(1, 2)
    kinds = [(type(p), p.frame, p.object_id) for p in session.prompts()]
    assert kinds == [(PointPrompt, 0, 1), (MaskPrompt, 4, 1)]


def test_a_correction_becomes_the_mask_that_it_made() -> None:
    scene = scenes.moving_disc
    session = tracked(scene)
    y, x = scene.click(1, 5).yx
    session.add(scene.click(1, 5))
    wrong = PointPrompt(frame=6, object_id=1, yx=(y, x), positive=False)
    session.add_all([scene.click(1, 6), wrong])
    before = masks(session, 1)
    session.split(1, 4, 7)
    np.testing.assert_array_equal(masks(session, 7)[4:], before[4:])
    moved = [p for p in session.prompts() if p.object_id == 7]
    assert [type(p) for p in moved] == [MaskPrompt] * 3
    assert moved[2].mask.sum() == before[6].sum()


@pytest.mark.parametrize("frame", range(1, 8))
def test_split_then_merge_gives_the_masks_back(frame: int) -> None:
    session = tracked(scenes.moving_disc)
    session.approve(1, [1, 5])
    session.style(1, name="cell")
    before = masks(session, 1)
    session.split(1, frame, 2)
    np.testing.assert_array_equal(masks(session, 1)[:frame], before[:frame])
    np.testing.assert_array_equal(masks(session, 2)[frame:], before[frame:])
    assert not masks(session, 1)[frame:].any()
    assert not masks(session, 2)[:frame].any()
    assert session.approved_frames(1) == [t for t in (1, 5) if t < frame]
    assert session.approved_frames(2) == [t for t in (1, 5) if t >= frame]
    assert list(session.styles) == [1]
    session.merge(1, 2)
    np.testing.assert_array_equal(masks(session, 1), before)
    assert session.approved_frames(1) == [1, 5]
    assert session.styles == {1: Style(name="cell")}


@edits
def test_approved_frames_are_kept_by_what_follows(name: str) -> None:
    session = edited(name)
    held = [(i, t) for i in session.object_ids for t in session.approved_frames(i)]
    before = {place: mask(session, *place) for place in held}
    for direction in ("forward", "backward", "both"):
        for _ in session.propagate(direction=direction):
            pass
    for place, was in before.items():
        np.testing.assert_array_equal(mask(session, *place), was)
    none = "clear_all", "remove_all", "unapprove both"
    assert bool(held) == (name not in none)


def test_an_object_tracked_backward_keeps_its_past() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add(scene.mask_prompt(1, 6))
    for _ in session.propagate(direction="backward"):
        pass
    session.split(1, 4, 2)
    assert [(p.object_id, p.frame) for p in session.prompts()] == [
        (1, 3),
        (2, 4),
        (2, 6),
    ]
    np.testing.assert_array_equal(masks(session, 1)[:4], scene.truth[:4] == 1)


def test_ending_takes_all_from_there_on() -> None:
    scene = scenes.moving_disc
    session = tracked(scene)
    session.add(scene.mask_prompt(1, 6))
    session.approve(1, [2, 5])
    session.end(1, 4)
    assert session.frames_of(1) == [0, 1, 2, 3]
    assert [p.frame for p in session.prompts()] == [0]
    assert session.approved_frames(1) == [2]
    session.end(1, 0)
    assert isinstance(session.undo(), Remove)


@pytest.mark.parametrize("direction", ["forward", "both"])
def test_an_ended_object_is_not_tracked_on_until_it_is_prompted(direction) -> None:
    scene = scenes.moving_disc
    session = tracked(scene)
    session.end(1, 4)
    for _ in session.propagate(direction=direction):
        pass
    assert session.frames_of(1) == [0, 1, 2, 3]
    assert session.summary()[0].ended == 4
    assert session.count_visits(4) == 0
    session.add(scene.mask_prompt(1, 6))
    assert session.summary()[0].ended is None
    for _ in session.propagate(direction=direction):
        pass
    assert session.frames_of(1) == list(range(8))
    session.undo()
    session.undo()
    assert session.summary()[0].ended == 4


def test_an_object_is_ended_before_it_is_tracked() -> None:
    session = new_session(scenes.two_crossing)
    session.add_all(scenes.two_crossing.first_masks)
    session.end(1, 5)
    results = list(session.propagate())
    assert [sorted(result.masks) for result in results[4:6]] == [[1, 2], [2]]


def test_three_are_merged_at_once() -> None:
    session = tracked(scenes.two_crossing)
    session.split(2, 4, 3)
    before, length = state(session), len(session.log)
    every = masks(session, 1) | masks(session, 2) | masks(session, 3)
    session.merge(1, 2, 3)
    assert session.object_ids == [1] and len(session.log) == length + 1
    np.testing.assert_array_equal(masks(session, 1), every)
    session.undo()
    assert state(session) == before


def test_replacing_takes_the_place_of_prompts() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all([scene.mask_prompt(1, 0), scene.click(1, 0), scene.click(1, 3)])
    (answer,) = session.replace([scene.click(1, 0)])
    assert answer.area == scene.mask(1, 0).sum()
    assert [type(p) for p in session.prompts()] == [PointPrompt, PointPrompt]
    session.undo()
    assert len(session.prompts()) == 3


def test_styles_change_one_by_one() -> None:
    session = tracked(scenes.two_crossing)
    session.style(2, name="b")
    session.style(2, colour="#ABCDEF")
    assert session.styles == {2: Style(name="b", colour="#abcdef")}
    length = len(session.log)
    session.style(2, name="b")
    assert len(session.log) == length
    session.style(2, name="")
    session.style([2], hidden=True)
    assert session.styles[2] == Style(colour="#abcdef", hidden=True)
    session.remove(2)
    assert session.styles == {}


def test_what_is_merged_is_seen() -> None:
    session = tracked(scenes.two_crossing)
    session.style(1, name="a", hidden=True)
    session.merge(1, 2)
    assert session.styles == {1: Style(name="a")}
    session.undo()
    assert session.styles == {1: Style(name="a", hidden=True)}


def test_what_makes_no_sense_is_refused() -> None:
    session = tracked(scenes.late_arrival)
    before = state(session)
    for call, wrong in [
        (lambda: session.merge(1, 1), "with other objects"),
        (lambda: session.merge(1, 7), "no object 7"),
        (lambda: session.split(7, 1, 8), "no object 7"),
        (lambda: session.split(1, 3, 2), "already"),
        (lambda: session.split(1, 3, 0), "ids are 1 to"),
        (lambda: session.split(2, 4, 8), "nothing before frame 4"),
        (lambda: session.split(1, 8, 3), "no mask from frame 8"),
        (lambda: session.merge(1), "with other objects"),
        (lambda: session.end(2, 8), "frames 0 to 7"),
        (lambda: session.style(1, colour="red"), "#rrggbb"),
        (lambda: session.style(9, name="x"), "no object 9"),
        (lambda: session.clear_all([]), "no frames of an object"),
        (lambda: session.clear_all([(0, 1), (1, 1)]), "no prompts on frame 1"),
        (lambda: session.remove_all([]), "no objects"),
        (lambda: session.remove_all([1, 9]), "no object 9"),
        (lambda: session.replace([]), "there are no prompts"),
    ]:
        with pytest.raises(InputError, match=wrong):
            call()
    assert state(session) == before


def test_replacing_may_not_leave_only_negative_points() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add(scene.click(1, 0))
    negative = PointPrompt(frame=0, object_id=1, yx=(1, 1), positive=False)
    with pytest.raises(InputError, match="only negative"):
        session.replace([negative])


def test_a_propagation_cut_off_at_once_is_replayed() -> None:
    scene = scenes.moving_disc
    session = new_session(scene)
    session.add_all(scene.first_masks)
    for _ in session.propagate(0, 4):
        pass
    session.begin(Propagate(start=4, stop=8, direction="forward", objects=(1,)))
    session.undo()
    again = new_session(scene)
    replay(again, session.log)
    assert len(again.log) == len(session.log)
    assert state(again) == state(session)
