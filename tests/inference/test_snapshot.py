"""Snapshots: going on after one is as if nothing had happened."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from engines import (
    assert_identical,
    box,
    cells,
    click,
    disc,
    engine,
    prompt,
    track,
)
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from tiny import EXTRAS, tiny_model

VIEWS = pytest.mark.parametrize("views", ["frame", "objects"])


def build(views: str = "frame", **options) -> SamI2VPredictor:
    return engine(cells(14), tiny_model(EXTRAS), views=views, **options)


def begin(predictor: SamI2VPredictor) -> None:
    """Prompt objects in every way, track, correct one, and leave prompts waiting."""
    prompt(predictor, disc(), click(yx=(21.0, 25.0)))
    prompt(predictor, box(0, 2))
    prompt(predictor, disc(0, 3, (30.0, 30.0)))
    track(predictor, range(1, 8), (1, 2, 3))
    prompt(predictor, click(5, 2))
    prompt(predictor, disc(9, 3, (30.0, 12.0)))


def end(predictor: SamI2VPredictor) -> dict:
    """Go on: correct again, track forward, then backward."""
    second = prompt(predictor, click(5, 2), click(5, 2, (3.0, 3.0), positive=False))
    answers = track(predictor, range(8, 14), (1, 2))
    # On frame 9 the third object is prompted.
    answers |= track(predictor, (8, 10, 11), (3,))
    backward = track(predictor, range(7, 5, -1), (3,), reverse=True)
    return {(5, 2): second} | answers | {(-t, i): m for (t, i), m in backward.items()}


@VIEWS
def test_going_on_after_a_restart_is_going_on(views: str) -> None:
    uninterrupted, killed = build(views), build(views)
    for predictor in (uninterrupted, killed):
        begin(predictor)
    restarted = build(views)
    restarted.restore(killed.snapshot())
    assert_identical(end(uninterrupted), end(restarted))


@VIEWS
def test_a_snapshot_is_of_its_moment(views: str) -> None:
    predictor, expected = build(views), build(views)
    begin(predictor)
    taken = predictor.snapshot()
    first = end(predictor)
    predictor.restore(taken)
    assert_identical(first, end(predictor))
    begin(expected)
    assert_identical(first, end(expected))


@VIEWS
def test_restoring_forgets_what_came_after(views: str) -> None:
    predictor = build(views)
    prompt(predictor, disc())
    taken = predictor.snapshot()
    prompt(predictor, disc(0, 2))
    track(predictor, range(1, 4), (1, 2))
    predictor.restore(taken)
    never = build(views)
    prompt(never, disc())
    assert_identical(track(never, range(1, 6)), track(predictor, range(1, 6)))


def test_logits_survive() -> None:
    predictor, restarted = build(), build()
    begin(predictor)
    restarted.restore(predictor.snapshot())
    for frame in (0, 3, 5, 7, 9, 12):
        expected = predictor.video_logits(frame, (1, 2, 3))
        assert torch.equal(restarted.video_logits(frame, (1, 2, 3)), expected)


def test_an_open_choice_of_views_stays_open_and_a_made_one_made() -> None:
    untouched, settled = build("auto"), build("auto")
    large = disc(radius=18)
    prompt(settled, large)
    for predictor, name in ((untouched, "auto"), (settled, "frame")):
        restarted = build("auto")
        restarted.restore(predictor.snapshot())
        assert restarted.views_name == name


@VIEWS
def test_numbers_from_arrays_are_numbers(views: str) -> None:
    """Prompts from tables and arrays hold numpy's numbers, not Python's."""
    predictor = build(views)
    yx = tuple(np.array([20.5, 25.5]))
    corners = tuple(np.array([10.0, 12.0, 24.0, 30.0], np.float32))
    crop = np.ones((9, 8), bool)
    given = disc().__class__(
        frame=np.int64(0), object_id=np.int64(3), mask=crop, offset=tuple(np.arange(2))
    )
    predictor.segment(np.int64(0), np.int64(1), [click(yx=yx)])
    predictor.segment(np.int64(0), np.int64(2), [box(0, 2, corners), click(0, 2, yx)])
    predictor.segment(np.int64(0), np.int64(3), [given])
    for frame in np.arange(1, 4):
        predictor.track(frame, list(np.arange(1, 4)))
    restarted = build(views)
    restarted.restore(predictor.snapshot())
    assert_identical(
        track(predictor, range(4, 7), (1, 2, 3)),
        track(restarted, range(4, 7), (1, 2, 3)),
    )


def test_one_from_before_cells_could_fade_is_read() -> None:
    killed = build("objects")
    begin(killed)
    content = torch.load(io.BytesIO(killed.snapshot()), weights_only=True)
    for state in content["objects"].values():
        for frame, sighting in state["sightings"].items():
            view, seen, reverse, ending, area, _ = sighting
            old = (view, seen, reverse, ending == "divided", area)
            state["sightings"][frame] = old
    buffer = io.BytesIO()
    torch.save(content, buffer)
    restarted = build("objects")
    restarted.restore(buffer.getvalue())
    assert_identical(end(killed), end(restarted))
