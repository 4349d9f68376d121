"""Which frames are visited, in which order, for which objects."""

from __future__ import annotations

import itertools

import pytest

from napari_sam_i2v.session.actions import DIRECTIONS
from napari_sam_i2v.session.schedule import Pass, count, plan, visits

PROMPTED = [{1: [3]}, {1: [0, 5], 2: [2]}, {1: [7], 2: [4, 4], 3: [0]}, {}]
RANGES = [(0, 8), (2, 6), (3, 4), (7, 8)]
CASES = list(itertools.product(PROMPTED, RANGES, DIRECTIONS))


def expected(frames: list, start: int, stop: int, direction: str) -> set[int]:
    first, last = min(frames), max(frames)
    reach = {
        "forward": range(first, stop),
        "backward": range(start, last + 1),
        "both": range(start, stop),
    }[direction]
    return set(reach) & set(range(start, stop))


@pytest.mark.parametrize(("prompted", "bounds", "direction"), CASES)
def test_every_object_is_visited_once_on_each_of_its_frames(
    prompted: dict, bounds: tuple[int, int], direction: str
) -> None:
    passes = plan(prompted, *bounds, direction, {})
    seen: dict[int, list[int]] = {object_id: [] for object_id in prompted}
    for visit in visits(passes):
        for object_id in visit.run.visited(visit.frame):
            seen[object_id].append(visit.frame)
    for object_id, frames in prompted.items():
        wanted = expected(frames, *bounds, direction)
        assert sorted(seen[object_id]) == sorted(wanted)


@pytest.mark.parametrize(("prompted", "bounds", "direction"), CASES)
def test_no_visit_is_for_nothing(prompted, bounds, direction) -> None:
    passes = plan(prompted, *bounds, direction, {})
    listed = list(visits(passes))
    assert all(visit.run.visited(visit.frame) for visit in listed)
    assert len(listed) == count(passes)


@pytest.mark.parametrize(("prompted", "bounds", "direction"), CASES)
def test_what_was_visited_before_is_known(prompted, bounds, direction) -> None:
    seen: dict[int, set[int]] = {}
    for visit in visits(plan(prompted, *bounds, direction, {})):
        before = visit.run.visited_before(visit.frame)
        if visit.run.seen:
            assert set(before) == seen.get(visit.frame, set())
        seen.setdefault(visit.frame, set()).update(visit.run.visited(visit.frame))


@pytest.mark.parametrize(
    ("bounds", "direction", "needing"),
    [
        ((0, 8), "forward", []),
        ((4, 8), "forward", [1]),
        ((0, 8), "backward", []),
        ((0, 2), "backward", [1]),
        ((0, 8), "both", []),
        ((4, 8), "both", []),
        ((5, 8), "both", [1]),
        ((0, 2), "both", [1]),
        ((3, 8), "both", []),
    ],
)
def test_a_pass_away_from_its_prompt_needs_history(bounds, direction, needing) -> None:
    passes = plan({1: [3]}, *bounds, direction, {})
    assert sorted({i for run in passes for i in run.needing_history()}) == needing


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_nobody_is_visited_where_it_has_ended(direction) -> None:
    prompted, ends = {1: [0, 2], 2: [1], 3: [3]}, {1: 4, 2: 6}
    passes = plan(prompted, 0, 8, direction, ends)
    free = plan(prompted, 0, 8, direction, {})
    assert _visited(passes) == {
        (frame, i) for frame, i in _visited(free) if frame < ends.get(i, 8)
    }
    only = plan({1: [0], 2: [1]}, 0, 8, direction, ends)
    assert all(visit.run.visited(visit.frame) for visit in visits(only))


def _visited(passes: list[Pass]) -> set[tuple[int, int]]:
    return {(v.frame, i) for v in visits(passes) for i in v.run.visited(v.frame)}
