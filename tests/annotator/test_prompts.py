"""What is drawn reaches the session, and what the session holds is drawn."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from annotator.bench import Bench
from napari_sam_i2v.annotator.messages import Pending
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt
from napari_sam_i2v.session.actions import AddPrompts
from scenes import late_arrival, moving_disc, touching, two_crossing

Make = Callable[..., Bench]


def test_a_click_is_answered_with_a_mask(bench: Make) -> None:
    at = bench(two_crossing)
    at.click(2, 0)
    np.testing.assert_array_equal(at.stack[0], 2 * at.scene.mask(2, 0))
    [prompt] = at.session.prompts()
    assert prompt == at.scene.click(2, 0)
    assert [one.object_id for one in at.annotator.objects] == [2]


def test_prompts_given_while_the_model_loads_are_answered(bench: Make) -> None:
    at = bench(two_crossing)
    at.annotator.close()
    from napari_sam_i2v.annotator.annotator import Annotator
    from napari_sam_i2v.annotator.status import Options

    at.annotator = Annotator(
        at.viewer, at.image, Options(model="threshold"), post=at.pump
    )
    assert at.annotator.status.phase == "loading"
    at.click_all()
    assert [one.object_id for one in at.annotator.objects] == [1, 2]


def test_a_box_a_mask_and_a_negative_click(bench: Make) -> None:
    at = bench(two_crossing)
    layers, truth = at.annotator.layers, at.scene.truth
    rows, columns = at.scene.mask(1, 0).nonzero()
    low, high = (rows.min(), columns.min()), (rows.max(), columns.max())
    corners = [low, (low[0], high[1]), high, (high[0], low[1])]
    layers.shapes.add_rectangles(np.array([[0, *c] for c in corners], float))
    at.settle()
    [box] = at.session.prompts()
    assert isinstance(box, BoxPrompt)
    np.testing.assert_array_equal(at.stack[0] == 1, truth[0] == 1)
    y, x = (int(n) for n in at.scene.click(1, 0).yx)
    at.annotator.choose(1, positive=False)
    layers.points.add((0, y, x))
    at.settle()
    assert [type(p) for p in at.session.prompts()] == [BoxPrompt, PointPrompt]
    assert at.stack[0, y, x] == 0
    layers.masks.paint((0, 20, 28), 7)
    at.settle()
    assert isinstance(at.session.prompts()[-1], MaskPrompt)
    np.testing.assert_array_equal(at.stack[0] == 7, layers.painted[0] == 7)


def test_moving_and_deleting_a_point(bench: Make) -> None:
    at = bench(two_crossing)
    at.click(1, 0)
    points = at.annotator.layers.points
    points.data = np.array([[0, *at.scene.click(2, 0).yx]])
    at.settle()
    np.testing.assert_array_equal(at.stack[0], at.scene.mask(2, 0))
    points.selected_data = {0}
    points.remove_selected()
    at.settle()
    assert not at.stack.any() and at.session.object_ids == []
    at.annotator.undo()
    at.settle()
    np.testing.assert_array_equal(at.stack[0], at.scene.mask(2, 0))
    assert len(points.data) == 1


def test_the_object_of_a_point_may_be_changed(bench: Make) -> None:
    at = bench(two_crossing)
    at.click(1, 0)
    points = at.annotator.layers.points
    features = points.features.copy()
    features["object_id"] = [5]
    points.features = features
    at.settle()
    assert at.session.object_ids == [5]
    np.testing.assert_array_equal(at.stack[0], 5 * at.scene.mask(1, 0))


def test_no_click_is_lost_or_overtaken(bench: Make) -> None:
    at = bench(late_arrival)
    points = at.annotator.layers.points
    for frame in range(8):
        for object_id in (1, 2):
            if at.scene.mask(object_id, frame).any():
                at.add(object_id, frame)
    at.annotator.rename(2, "late")
    at.add(1, 2, at=1)
    at.settle()
    prompts = at.session.prompts()
    assert len(prompts) == len(points.data) == 8 + 4 + 1
    assert at.session.styles[2].name == "late"
    kinds = [type(action).__name__ for action in at.log]
    # The click after the renaming is not answered together with those before.
    assert kinds.index("Restyle") == len(kinds) - 2


def test_clicks_on_one_place_are_answered_together() -> None:
    pending = Pending()
    click = PointPrompt(frame=0, object_id=1, yx=(1, 1))
    pending.put((0, 1), (click,))
    pending.put((3, 1), (click,))
    pending.put((0, 1), (click, click))
    assert pending.take() == ((0, 1), (click, click))
    assert pending.take() == ((3, 1), (click,))
    assert pending.take() is None


def test_painting_on_the_result_corrects_that_frame(bench: Make) -> None:
    at = bench(moving_disc)
    at.click(1, 0)
    at.run()
    masklets = at.annotator.layers.masklets
    before = at.stack.copy()
    at.go_to(4)
    masklets.brush_size = 3
    masklets.paint((4, 2, 2), 1)
    at.settle()
    painted = [p for p in at.session.prompts() if p.frame == 4]
    assert [type(p) for p in painted] == [MaskPrompt]
    assert at.stack[4, 2, 2] == 1
    np.testing.assert_array_equal(np.delete(at.stack, 4, 0), np.delete(before, 4, 0))
    assert (at.annotator.layers.painted[4] == at.stack[4]).all()
    at.annotator.undo()
    at.settle()
    np.testing.assert_array_equal(at.stack, before)
    assert not at.annotator.layers.painted.any()


def test_painting_over_a_neighbour_corrects_both(bench: Make) -> None:
    at = bench(touching)
    at.click_all()
    at.run()
    at.go_to(3)
    y, x = (int(n) for n in at.scene.click(2, 3).yx)
    at.annotator.layers.masklets.brush_size = 3
    at.annotator.layers.masklets.paint((3, y, x), 1)
    at.settle()
    assert {(p.frame, p.object_id) for p in at.session.prompts()} >= {(3, 1), (3, 2)}
    assert at.stack[3, y, x] == 1


def test_erasing_an_object_wholly_is_no_prompt(bench: Make, notes: list[str]) -> None:
    at = bench(moving_disc)
    at.click(1, 0)
    at.run()
    before, log = at.stack.copy(), at.log
    at.go_to(4)
    at.annotator.layers.masklets.fill(
        (4, *(int(n) for n in at.scene.click(1, 4).yx)), 0
    )
    assert not at.stack[4].any()
    at.settle()
    np.testing.assert_array_equal(at.stack, before)
    assert at.log == log
    assert len(notes) == 1 and "End here" in notes[0]


def test_taking_a_painted_mask_back_takes_the_object_back(bench: Make) -> None:
    at = bench(moving_disc)
    masks = at.annotator.layers.masks
    masks.brush_size = 4
    masks.paint((0, 10, 10), 1)
    at.settle()
    assert at.session.object_ids == [1]
    masks.fill((0, 10, 10), 0)
    at.settle()
    assert at.session.object_ids == [] and not at.stack.any()


def test_all_cells_of_a_label_image_at_once(bench: Make, notes: list[str]) -> None:
    at = bench(two_crossing)
    labels = np.zeros(at.scene.truth.shape[1:], np.int32)
    ids = [3 * n + 1 for n in range(30)]
    for n, object_id in enumerate(ids):
        row, column = divmod(n, 6)
        labels[4 * row : 4 * row + 3, 5 * column : 5 * column + 4] = object_id
    layer = at.viewer.add_labels(labels)
    at.go_to(2)
    at.annotator.seed(layer)
    at.settle()
    assert at.session.object_ids == ids
    np.testing.assert_array_equal(at.stack[2], labels)
    assert len(at.log) == 1 and isinstance(at.log[0], AddPrompts)
    at.annotator.undo()
    at.settle()
    assert not at.stack.any() and not at.annotator.layers.painted.any()
    assert notes == []


def test_ids_beyond_sixteen_bits(bench: Make) -> None:
    at = bench(moving_disc)
    layer = at.viewer.add_labels(at.scene.truth[0].astype(np.int32) * 70_000)
    at.annotator.seed(layer)
    at.settle()
    assert at.session.object_ids == [70_000]
    np.testing.assert_array_equal(at.stack[0] == 70_000, at.scene.truth[0] == 1)
    np.testing.assert_array_equal(at.annotator.layers.masklets.data, at.stack)


def test_points_of_another_layer(bench: Make) -> None:
    at = bench(two_crossing)
    clicks = [(0, *at.scene.click(i, 0).yx) for i in (1, 2)]
    at.annotator.adopt(at.viewer.add_points(clicks))
    at.settle()
    assert at.session.object_ids == [1, 2]
    np.testing.assert_array_equal(at.stack[0], at.scene.truth[0])
    assert len(at.annotator.layers.points.data) == 2


def test_points_and_boxes_of_other_layers_are_new_objects(bench: Make) -> None:
    at = bench(two_crossing)
    at.click(1, 0)
    clicks = [(3, *at.scene.click(2, 3).yx)]
    at.annotator.adopt(at.viewer.add_points(clicks))
    y, x = at.scene.click(1, 5).yx
    corners = [(5, y + dy, x + dx) for dy, dx in ((-5, -5), (-5, 5), (5, 5), (5, -5))]
    shapes = at.viewer.add_shapes(ndim=3)
    shapes.add_rectangles(np.array(corners))
    at.annotator.adopt(shapes)
    at.settle()
    places = [(p.object_id, p.frame) for p in at.session.prompts()]
    assert places == [(1, 0), (2, 3), (3, 5)]
    for object_id, (cell, frame) in {2: (2, 3), 3: (1, 5)}.items():
        here = at.stack[frame] == object_id
        np.testing.assert_array_equal(here, at.scene.truth[frame] == cell)


def test_the_network_sees_what_a_person_sees(bench: Make) -> None:
    at = bench(two_crossing)
    seen: list[tuple] = []
    look = at.annotator.desk.look
    at.annotator.desk.look = lambda *how: (seen.append(how), look(*how))[1]
    held, go = threading.Event(), threading.Event()
    at.annotator.jobs.submit(lambda: (held.set(), go.wait(10)))
    assert held.wait(10)
    for high in range(500, 1500, 10):  # a slider is drawn while something is done
        at.image.contrast_limits = (100, high)
    at.image.gamma = 0.6
    go.set()
    at.settle()
    assert seen == [((100.0, 1490.0), 0.6)]
    video = at.session.video
    assert video.contrast == ((100.0, 1490.0),) and video.gamma == (0.6,)


def test_the_network_sees_its_own_way_if_told_so(bench: Make) -> None:
    at = bench(two_crossing, as_seen=False)
    before = at.session.video.contrast
    at.image.contrast_limits = (100, 1490)
    at.settle()
    assert at.session.video.contrast == before


@pytest.mark.parametrize("second", [1, 2])
def test_a_coloured_or_hidden_object_leaves_others_visible(
    bench: Make, second: int
) -> None:
    at = bench(two_crossing)
    at.click(1, 0)
    colours = [at.annotator.layers.colour(i) for i in (1, 2)]
    if second == 1:
        at.annotator.colour(1, "#ff0000")
    else:
        at.annotator.hide([1])
    at.settle()
    at.annotator.choose(2)
    layers = at.annotator.layers
    for layer in (layers.masklets, layers.masks):
        np.testing.assert_allclose(layer.get_color(2), colours[1], atol=1e-6)
    expected = [1, 0, 0, 1] if second == 1 else colours[0]
    np.testing.assert_allclose(layers.colour(1), expected, atol=1e-6)
    assert layers.points.shown.tolist() == [second == 1]
    shown = layers.masklets.get_color(1)
    assert (shown is not None and shown[3] > 0) == (second == 1)
