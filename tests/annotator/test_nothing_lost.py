"""What a person did is not lost: quick and odd orders, covered masks, layers kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

from annotator.bench import Bench, Pump
from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.annotator.carried import Carried
from napari_sam_i2v.annotator.ranges import Span
from napari_sam_i2v.annotator.status import Options
from napari_sam_i2v.tracking import load_session
from scenes import moving_disc, two_crossing

Make = Callable[..., Bench]


@contextmanager
def held_up(at: Bench) -> Iterator[None]:
    """Keep the worker at something else meanwhile."""
    gate = threading.Event()
    at.annotator.jobs.submit(gate.wait)
    try:
        yield
    finally:
        gate.set()


def masks_of(at: Bench) -> dict[tuple[int, int], int]:
    """Area of every mask prompt in force."""
    return {
        (one.frame, one.object_id): int(one.mask.sum())
        for one in at.session.prompts()
        if hasattr(one, "mask")
    }


def test_a_mask_prompt_under_another_stays(bench: Make) -> None:
    at = bench(two_crossing)
    at.annotator.give(two_crossing.first_masks)
    at.settle()
    before = masks_of(at)
    # Object 1 is painted over all of object 2.
    at.annotator.layers.painted[0][two_crossing.mask(2, 0)] = 1
    at.add(1, 3)
    at.settle()
    assert masks_of(at) == before
    assert at.session.object_ids == [1, 2]


def test_a_mask_goes_with_its_outline_and_comes_back_with_undo(bench: Make) -> None:
    at = bench(moving_disc)
    layers = at.annotator.layers
    corners = np.array([(0, 6, 4), (0, 6, 12), (0, 14, 12), (0, 14, 4)], float)
    layers.shapes.add_polygons(corners)
    at.settle()
    drawn = masks_of(at)
    assert drawn.keys() == {(0, 1)}
    layers.shapes.selected_data = {0}
    layers.shapes.remove_selected()
    at.settle()
    assert masks_of(at) == {}
    at.annotator.undo()
    at.settle()
    assert masks_of(at) == drawn
    at.add(1, 2)
    at.settle()
    assert masks_of(at) == drawn


def test_masklets_that_were_renamed_or_copied_are_left_alone(bench: Make) -> None:
    at = bench(moving_disc)
    at.click_all()
    at.run()
    masklets = at.annotator.layers.masklets
    data, state, kind = masklets.as_layer_data_tuple()
    copy = at.viewer.add_labels(data.copy(), **{**state, "name": "a copy"})
    masklets.name = "my cells"
    at.image.name = "another name"
    at.annotator.close()
    at.start()
    assert {"my cells", "a copy"} <= {layer.name for layer in at.viewer.layers}
    assert not masklets.visible and copy.visible
    assert len(at.viewer.layers) == 1 + 2 + 4


def test_clicks_that_wait_are_answered_after_stop(bench: Make) -> None:
    at = bench(two_crossing)
    folder = at.annotator.folder
    with held_up(at):
        at.add(1, 0)
        at.add(2, 3)
        at.annotator.close(wait=0)
    at.annotator.jobs.thread.join(20)
    found = load_session(folder, two_crossing.images)
    assert [(one.frame, one.object_id) for one in found.prompts()] == [(0, 1), (3, 2)]
    found.close()


@pytest.mark.parametrize("before", ["undo", "style"])
def test_cells_given_while_something_waits_stay(bench: Make, before: str) -> None:
    at = bench(two_crossing)
    at.click(1, 5)
    with held_up(at):
        if before == "undo":
            at.annotator.undo()
        else:
            at.annotator.rename(1, "mother")
        at.annotator.give(two_crossing.first_masks)
    at.settle()
    given = masks_of(at)
    assert given.keys() == {(0, 1), (0, 2)}
    at.add(1, 0)  # refines the mask, and does not take its place
    at.settle()
    assert masks_of(at) == given


def test_an_approved_absence_is_no_prompt_for_another_model(bench: Make) -> None:
    truth = moving_disc.truth.copy()
    truth[4:] = 0
    at = bench(replace(moving_disc, truth=truth))
    at.click_all()
    at.run()
    session = at.session
    session.approve(1, range(moving_disc.n_frames))
    assert len(session.approved_frames(1)) == moving_disc.n_frames
    carried = Carried.of((), at.annotator.desk)
    assert carried.approved == tuple((frame, 1) for frame in range(4))
    at.annotator.close()
    carried.give(at.start())
    at.settle()
    assert at.session.approved_frames(1) == [0, 1, 2, 3]


def test_a_split_that_waits_keeps_its_id(bench: Make) -> None:
    at = bench(moving_disc)
    at.click_all()
    at.run()
    with held_up(at):
        at.go_to(3)
        at.annotator.split_object()
        at.annotator.new_object()
        new = at.annotator.object_id
        at.add(new, 1, at=1)
    at.settle()
    assert at.session.object_ids == [1, 2, 3] and new == 3
    assert [p.object_id for p in at.session.prompts() if p.frame == 1] == [3]


def test_strokes_ahead_of_the_tracker_add_up(bench: Make) -> None:
    at = bench(moving_disc)
    at.click_all()
    at.run()
    masklets = at.annotator.layers.masklets
    masklets.brush_size = 3
    at.go_to(4)
    with held_up(at):
        masklets.paint((4, 1, 1), 1)
        # The tracker, which knows of no stroke yet, comes by.
        at.annotator._show_frame(4, moving_disc.truth[4].astype(np.uint16))
        masklets.paint((4, 1, 20), 1)
    at.settle()
    labels = np.asarray(at.session.masklets.labels[4])
    assert labels[1, 1] == labels[1, 20] == 1
    np.testing.assert_array_equal(labels, at.stack[4])


def test_one_command_is_one_undo(bench: Make) -> None:
    """Masklets that end at different frames are tracked by several actions."""
    at = bench(two_crossing)
    at.click_all()
    at.annotator.span = Span(until="frame", number=3)
    at.annotator.propagate_selected()
    at.settle()
    at.click(3, 2, at=1)
    before, known = at.stack.copy(), len(at.log)
    at.go_to(3)
    at.annotator.select(())
    at.annotator.span = Span(until="frame", number=6)
    at.annotator.propagate()
    at.settle()
    assert len(at.log) - known > 1, "the scene makes several actions of it"
    after = at.stack.copy()
    at.annotator.undo()
    at.settle()
    np.testing.assert_array_equal(at.stack, before)
    at.annotator.redo()
    at.settle()
    np.testing.assert_array_equal(at.stack, after)


def test_all_selected_objects_end(bench: Make) -> None:
    at = bench(two_crossing)
    at.click_all()
    at.run()
    before = at.stack.copy()
    at.go_to(4)
    at.annotator.select((1, 2))
    at.annotator.end_object()
    at.settle()
    assert not at.stack[4:].any() and at.stack[3].any()
    at.annotator.undo()
    at.settle()
    np.testing.assert_array_equal(at.stack, before)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_session_of_a_channel_opens_from_its_file(tmp_path, channel: int) -> None:
    other = np.flip(two_crossing.images, 2)
    both = [other, two_crossing.images][:: 1 if channel else -1]
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, np.stack(both, 1), metadata={"axes": "TCYX"}, imagej=True)
    viewer: Any = ViewerModel()
    [image] = viewer.open(str(path), plugin="napari", layer_type="image")
    pump = Pump()
    viewer.dims.set_current_step(1, channel)
    annotator = Annotator(viewer, image, Options(model="threshold"), post=pump)
    pump.until(lambda: annotator.status.phase != "loading")
    annotator.give(two_crossing.first_clicks)
    pump.until(lambda: not annotator.jobs.busy)
    folder = annotator.folder
    annotator.close()
    found = load_session(folder)
    np.testing.assert_array_equal(found.video.frame(0), two_crossing.images[0])
    assert found.object_ids == [1, 2]
    found.close()


def test_a_session_opened_after_a_failed_start_is_ready(bench: Make, notes) -> None:
    at = bench(moving_disc)
    at.click_all()
    folder = at.annotator.folder
    at.annotator.close()
    at.image.metadata.clear()
    at.start(model="no-such-model")
    assert at.annotator.status.phase == "failed"
    at.annotator.open(folder)
    at.settle()
    assert at.annotator.status.phase == "ready"
    assert at.session.object_ids == [1]
    assert len(notes) == 1


def test_folders_that_cannot_be_written_are_one_line(
    bench: Make, notes, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = bench(moving_disc)
    at.click_all()
    (tmp_path / "file").write_text("")
    at.annotator.export(tmp_path / "file" / "results")
    at.settle()
    assert len(notes) == 1 and "choose another" in notes.pop()
    at.annotator.close()
    at.image.metadata.clear()
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path / "file"))
    at.start()
    assert len(notes) == 1 and "name another in NAPARI_SAM_I2V_SESSIONS" in notes[0]
    assert at.annotator.status.phase == "failed"


def test_what_is_followed_once_more_is_told(bench: Make) -> None:
    at = bench(moving_disc)
    at.click_all()
    at.run()
    at.click(1, 4)
    at.annotator.correct_forward()
    at.annotator.undo()
    at.settle()
    told: list[str] = []
    at.annotator.status_changed.connect(lambda status: told.append(status.text))
    at.annotator.correct_forward()
    at.settle()
    assert "first going over frame 1 again" in told
    assert told[-1] == "tracked"


def test_an_outline_over_a_painted_mask_may_go_again(bench: Make) -> None:
    at = bench(moving_disc)
    at.annotator.give(moving_disc.first_masks)
    at.settle()
    before = masks_of(at)
    corners = np.array([(0, 6, 4), (0, 6, 12), (0, 20, 12), (0, 20, 4)], float)
    at.annotator.layers.shapes.add_polygons(corners)
    at.settle()
    assert masks_of(at) != before
    at.annotator.layers.shapes.selected_data = {0}
    at.annotator.layers.shapes.remove_selected()
    at.settle()
    assert masks_of(at) == before


def test_what_is_drawn_next_is_for_the_chosen_object(bench: Make) -> None:
    """Whatever the layers were told meanwhile."""
    at = bench(two_crossing)
    at.click(1, 0)
    at.click(2, 0)
    at.annotator.choose(1)
    at.annotator.delete_object()
    at.settle()
    at.annotator.choose(3)
    at.annotator.undo()
    at.settle()
    points = at.annotator.layers.points
    points.add((2, 3.0, 4.0))
    assert points.features.iloc[-1].tolist() == [3, True]
    np.testing.assert_allclose(
        points.face_color[-1], at.annotator.layers.colour(3), atol=1e-6
    )
    assert [int(one) for one in points.features["object_id"]] == [2, 1, 3]
    np.testing.assert_allclose(
        points.face_color[1], at.annotator.layers.colour(1), atol=1e-6
    )


def test_those_that_ended_are_left_when_others_end(bench: Make) -> None:
    at = bench(two_crossing)
    at.click_all()
    at.run()
    at.go_to(3)
    at.annotator.choose(2)
    at.annotator.end_object()
    at.settle()
    at.go_to(4)
    at.annotator.select((1, 2))
    at.annotator.end_object()
    at.settle()
    assert {one.object_id: one.ended for one in at.annotator.objects} == {1: 4, 2: 3}
    np.testing.assert_array_equal(at.stack, np.asarray(at.session.masklets.labels))


def test_a_session_that_waits_to_be_opened_gets_its_clicks(bench: Make) -> None:
    at = bench(two_crossing)
    at.click(1, 0)
    folder = at.annotator.folder
    at.annotator.close()
    at.image.metadata.clear()
    at.start()
    with held_up(at):
        at.annotator.open(folder)
        at.add(2, 3)
        at.annotator.close(wait=0)
    at.annotator.jobs.thread.join(20)
    found = load_session(folder, two_crossing.images)
    assert {one.object_id for one in found.prompts()} == {1, 2}
    found.close()
