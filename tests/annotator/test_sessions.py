"""What a person does to objects, undone and done again; sessions found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from annotator.bench import Bench, tracked
from fakes import build_threshold
from napari_sam_i2v import annotator as annotators
from napari_sam_i2v import backends
from napari_sam_i2v.annotator.autosave import find_session
from napari_sam_i2v.annotator.names import SESSION_KEY
from napari_sam_i2v.annotator.ranges import Span
from scenes import late_arrival, moving_disc, two_crossing

Make = Callable[..., Bench]


def paint(at: Bench) -> None:
    at.annotator.layers.masklets.paint((3, 1, 1), 1)


def draw(at: Bench) -> None:
    corners = [(3, 6, 10), (3, 6, 18), (3, 14, 18), (3, 14, 10)]
    at.annotator.layers.shapes.add_rectangles(np.array(corners, float))


ACTIONS = {
    "click": lambda at: at.add(1, 3),
    "new cell": lambda at: at.add(9, 3, at=1),
    "box": draw,
    "paint": paint,
    "propagate": lambda at: at.annotator.propagate(),
    "correct": lambda at: at.annotator.correct_forward(),
    "delete": lambda at: at.annotator.delete_object(),
    "split": lambda at: at.annotator.split_object(),
    "end": lambda at: at.annotator.end_object(),
    "approve": lambda at: at.annotator.approve_frame(),
    "colour": lambda at: at.annotator.colour(1, "#123456"),
    "hide": lambda at: at.annotator.hide([1]),
    "merge": lambda at: at.annotator.merge_objects(),
}


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_undo_and_redo_restore_layers_and_session(bench: Make, action) -> None:
    at = tracked(bench)
    at.go_to(3)
    at.annotator.choose(1)
    at.annotator.selected = (1, 2) if action is ACTIONS["merge"] else ()
    before, log = at.state(), len(at.log)
    action(at)
    at.settle()
    after = at.state()
    assert len(at.log) == log + 1
    at.annotator.undo()
    at.settle()
    assert at.state() == before
    at.annotator.redo()
    at.settle()
    assert at.state() == after


def test_undoing_everything_and_nothing(bench: Make, notes: list[str]) -> None:
    at = tracked(bench)
    done = at.state()
    for _ in range(5):
        at.annotator.undo()
    at.settle()
    assert not at.stack.any() and len(at.annotator.layers.points.data) == 0
    assert at.annotator.status.text == "nothing to undo"
    for _ in range(5):
        at.annotator.redo()
    at.settle()
    assert at.state() == done
    assert notes == []


def test_only_the_corrected_object_is_tracked_again(bench: Make) -> None:
    at = tracked(bench, late_arrival)
    before = at.stack.copy()
    at.click(1, 6)
    at.annotator.layers.masklets.paint((3, 22, 30), 1)
    at.settle()
    at.go_to(3)
    at.annotator.choose(1)
    at.annotator.correct_forward()
    at.settle()
    [last] = [action for action in at.log if type(action).__name__ == "Propagate"][1:]
    assert (last.objects, last.start, last.stop) == ((1,), 3, 6)
    np.testing.assert_array_equal(at.stack == 2, before == 2)
    at.annotator.correct_backward()
    at.settle()
    assert (at.log[-1].start, at.log[-1].stop) == (1, 4)
    at.annotator.approve([1], [2])
    at.annotator.correct_backward()
    at.settle()
    assert (at.log[-1].start, at.log[-1].stop) == (3, 4)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(), range(8)),
        (Span(until="frames", number=2), [0, 1, 2, 3, 4]),
        (Span(until="frame", number=6), range(7)),
        (Span(direction="backward"), [0, 1, 2]),
        (Span(direction="both"), range(8)),
        (Span(direction="both", until="frames", number=1), [1, 2, 3]),
        (Span(direction="backward", until="frames", number=1), [1, 2]),
        (Span(direction="backward", until="frame", number=1), [1, 2]),
    ],
)
def test_how_far_to_track(bench: Make, span: Span, expected) -> None:
    at = bench(moving_disc)
    at.click(1, 2)
    at.annotator.span = span
    at.run()
    masks = at.session.frames_of(1)
    wanted = set(expected) - ({0, 1} if span.direction == "forward" else set())
    assert set(masks) == wanted | {2}


def test_tracking_goes_on_from_the_frame_shown(bench: Make) -> None:
    at = bench(moving_disc)
    at.click(1, 0)
    at.annotator.span = Span(until="frames", number=3)
    at.run()
    assert at.session.frames_of(1) == [0, 1, 2, 3]
    at.go_to(3)
    at.run()
    assert at.session.frames_of(1) == [0, 1, 2, 3, 4, 5, 6]


def test_nothing_to_track_is_said_once(bench: Make, notes: list[str]) -> None:
    at = bench(moving_disc)
    at.run()
    at.annotator.correct_forward()
    at.settle()
    assert len(notes) == 2
    assert all(note.startswith("warning: there is no") for note in notes[1:])
    assert at.annotator.status.phase == "ready"


def test_approved_masks_are_locked(bench: Make, notes: list[str]) -> None:
    at = tracked(bench)
    at.go_to(3)
    at.annotator.choose(1)
    at.annotator.approve_frame()
    at.settle()
    before = at.state()
    at.add(1, 3, at=2)
    at.settle()
    assert at.state() == before
    assert len(notes) == 1 and "Shift-Y" in notes[0]
    at.annotator.layers.masklets.paint((3, 1, 1), 1)
    at.settle()
    assert at.state() == before and len(notes) == 2
    at.run()
    np.testing.assert_array_equal(at.stack, before[0])
    at.annotator.unapprove_frame()
    at.settle()
    at.click(1, 3, at=2)
    assert at.state() != before and len(notes) == 2


@pytest.mark.parametrize("verb", ["end_object", "merge_objects"])
def test_approved_masks_are_locked_against_revisions(
    bench: Make, notes: list[str], verb: str
) -> None:
    at = tracked(bench)
    at.annotator.approve([2], [5])
    at.settle()
    at.go_to(4)
    at.annotator.choose(2)
    at.annotator.selected = (1, 2) if verb == "merge_objects" else ()
    before = at.state()
    getattr(at.annotator, verb)()
    at.settle()
    assert at.state() == before
    assert len(notes) == 1 and "approved on frame 5" in notes[0]
    at.annotator.unapprove_all([2])
    getattr(at.annotator, verb)()
    at.settle()
    assert at.state() != before and len(notes) == 1


def test_what_keeps_approved_masks_as_they_are_is_allowed(
    bench: Make, notes: list[str]
) -> None:
    at = tracked(bench)
    at.annotator.approve([2], [2, 5])
    at.go_to(3)
    at.annotator.choose(2)
    at.annotator.split_object()
    at.settle()
    assert at.session.approved_frames(3) == [5]
    at.annotator.selected = (2, 3)
    at.annotator.merge_objects()
    at.settle()
    assert at.session.approved_frames(2) == [2, 5]
    at.go_to(6)
    at.annotator.end_object()
    at.settle()
    assert at.session.approved_frames(2) == [2, 5]
    assert notes == []


def test_an_approved_object_keeps_its_last_prompt(
    bench: Make, notes: list[str]
) -> None:
    at = tracked(bench)
    at.annotator.approve([2], [5])
    at.settle()
    before = at.state()
    points = at.annotator.layers.points
    points.selected_data = {
        row for row, i in enumerate(points.features["object_id"]) if i == 2
    }
    points.remove_selected()
    at.settle()
    assert at.state() == before
    assert len(notes) == 1 and "no other prompt" in notes[0]


def test_ids_are_free_of_objects_that_wait_for_their_answer(bench: Make) -> None:
    at = tracked(bench)
    at.add(3, 0, at=1)
    at.go_to(4)
    at.annotator.choose(1)
    at.annotator.split_object()
    at.settle()
    assert at.session.object_ids == [1, 2, 3, 4]
    assert at.session.frames_of(4)[0] == 4


def test_approving_some_that_are_not_there(bench: Make, notes: list[str]) -> None:
    at = tracked(bench, late_arrival)
    at.go_to(1)
    at.annotator.selected = (1, 2)
    at.annotator.approve_frame()
    at.settle()
    assert at.session.approved_frames(1) == [1]
    assert [one.approved for one in at.annotator.objects] == [1, 0]
    assert notes == []


def test_verbs_without_an_object_give_advice(bench: Make, notes: list[str]) -> None:
    at = bench(moving_disc)
    for number, verb in enumerate(
        (
            "delete_object",
            "approve_frame",
            "unapprove_frame",
            "propagate_selected",
            "merge_objects",
            "end_object",
            "split_object",
            "correct_backward",
        ),
        start=1,
    ):
        getattr(at.annotator, verb)()
        at.settle()
        assert len(notes) == number, verb
        assert notes[-1].startswith("warning: ") and "\n" not in notes[-1]
    assert at.log == []


def test_turning_to_objects(bench: Make) -> None:
    at = tracked(bench, late_arrival)
    at.go_to(0)
    at.annotator.next_object()
    assert at.annotator.object_id == 1
    at.annotator.next_object()
    assert at.annotator.object_id == 2 and at.annotator.layers.frame_shown() == 4
    at.annotator.previous_object()
    assert at.annotator.object_id == 1
    at.annotator.new_object()
    assert at.annotator.object_id == 3


def test_the_session_of_a_movie_is_found_again(bench: Make, sessions: Path) -> None:
    at = tracked(bench)
    folder, done = at.annotator.folder, at.state()
    assert folder.parent == sessions
    at.annotator.close()
    found = find_session(at.scene.video.fingerprint())
    assert (found.folder, found.objects) == (folder, 2)
    assert 0 <= found.age < 60
    assert find_session(moving_disc.video.fingerprint()) is None
    again = bench(two_crossing)
    again.annotator.open(found.folder)
    again.settle()
    assert again.state() == done
    assert len(list(sessions.iterdir())) == 1, "the empty one is gone"


def test_an_empty_session_leaves_nothing(bench: Make, sessions: Path) -> None:
    at = bench(moving_disc)
    at.annotator.close()
    assert list(sessions.iterdir()) == []
    assert SESSION_KEY not in at.image.metadata


def test_closed_while_loading(bench: Make, sessions: Path, monkeypatch) -> None:
    import time

    def slow(name, video, **options):
        time.sleep(0.3)
        return build_threshold(name, video)

    at = bench(moving_disc)
    at.annotator.close()
    monkeypatch.setitem(backends.BACKENDS, "threshold", slow)
    from napari_sam_i2v.annotator.annotator import Annotator
    from napari_sam_i2v.annotator.status import Options

    loading = Annotator(at.viewer, at.image, Options(model="threshold"), post=at.pump)
    time.sleep(0.1)
    loading.jobs.close(timeout=0.01, last=loading.desk.close)
    loading.jobs.thread.join(5)
    loading.close()
    assert not loading.desk.is_open and list(sessions.iterdir()) == []


def test_a_closed_annotator_leaves_the_viewer_as_it_was(bench: Make) -> None:
    at = bench(moving_disc)
    at.annotator.close()
    layers, keymap = at.annotator.layers.all, dict(at.viewer.keymap)
    assert keymap == {}
    assert all(not layer.keymap for layer in layers)
    assert annotators.of(at.viewer) is None
    at.annotator.layers.points.add((0, 3, 3))
    assert at.annotator.jobs.waiting == 0
    at.annotator.close()
