"""How the network looks at a frame."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.views import (
    Extent,
    FollowObjects,
    View,
    WholeFrame,
    choose_policy,
    extent_of_mask,
    extent_of_prompts,
    object_diameter,
)

SHAPE = (300, 400)
POINT = PointPrompt(frame=0, object_id=1, yx=(100.0, 120.0))


def box(*corners: float) -> BoxPrompt:
    return BoxPrompt(frame=0, object_id=1, yx_min=corners[:2], yx_max=corners[2:])


def disc(radius: int) -> np.ndarray:
    y, x = np.indices((2 * radius + 1,) * 2) - radius
    return np.hypot(y, x) <= radius


VIEWS = [
    View((-0.5, -0.5), (300.0, 400.0)),
    View.square((20.0, 30.0), 64.0),
    View.square((-7.3, 512.1), 41.7),
]


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("size", [1, 128, 1024])
@pytest.mark.parametrize("yx", [(0.0, 0.0), (12.5, -3.0), (299.0, 399.0)])
def test_there_and_back_is_the_same_place(
    view: View, size: int, yx: tuple[float, float]
) -> None:
    assert view.to_frame(view.to_view(yx, size), size) == pytest.approx(yx)


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_middle_of_a_view_is_the_middle_of_its_pixels(view: View) -> None:
    assert view.to_view(view.centre, 128) == pytest.approx((63.5, 63.5))
    assert view.to_view(view.corner, 128) == pytest.approx((-0.5, -0.5))


def test_a_view_of_the_frames_own_size_has_its_pixels() -> None:
    view = View((-0.5, -0.5), (64.0, 64.0))
    assert view.to_view((3.0, 60.0), 64) == pytest.approx((3.0, 60.0))


@pytest.mark.parametrize("radius", [3, 10, 40])
def test_a_disc_is_as_wide_as_it_is(radius: int) -> None:
    extent = extent_of_mask(disc(radius), (5, 7))
    assert extent is not None
    assert extent.centre == pytest.approx((5 + radius, 7 + radius))
    assert extent.diameter == pytest.approx(2 * radius, rel=0.1)


def test_long_objects_are_measured_along() -> None:
    rod = np.ones((4, 100), bool)
    assert object_diameter(400, 4, 100) == 70
    assert extent_of_mask(rod).diameter == 70


def test_an_empty_mask_has_no_extent() -> None:
    assert extent_of_mask(np.zeros((5, 5), bool)) is None
    assert extent_of_mask(np.zeros((0, 0), bool)) is None


def test_prompts_tell_the_extent_if_they_enclose_something() -> None:
    mask = MaskPrompt(frame=0, object_id=1, mask=disc(10), offset=(30, 40))
    assert extent_of_prompts([mask, POINT]) == extent_of_mask(disc(10), (30, 40))
    boxed = extent_of_prompts([box(10, 20, 29, 39), POINT])
    assert boxed is not None
    assert boxed.centre == (19.5, 29.5)
    assert boxed.diameter == pytest.approx(20)
    assert extent_of_prompts([POINT, POINT]) is None
    assert extent_of_prompts([]) is None


def test_the_whole_frame_is_always_the_whole_frame() -> None:
    policy = WholeFrame(SHAPE)
    whole = View((-0.5, -0.5), (300.0, 400.0))
    assert policy.shared
    assert policy.around(Extent((3.0, 4.0), 20.0)) == whole
    assert policy.guesses((3.0, 4.0)) == [whole]
    for seen in (None, Extent((200.0, 300.0), 90.0)):
        assert policy.after(whole, seen) == whole


FOLLOW = FollowObjects(SHAPE, diameters=4.0)


def test_a_square_is_so_many_diameters_around_the_object() -> None:
    view = FOLLOW.around(Extent((100.0, 50.0), 20.0))
    assert view.extent == (80.0, 80.0)
    assert view.centre == (100.0, 50.0)


def test_tiny_objects_are_not_blown_up_without_end() -> None:
    sides = [FOLLOW.around(Extent((9.0, 9.0), d)).extent[0] for d in (1.0, 3.0, 6.0)]
    assert sides == [24.0] * 3


def test_a_click_alone_is_looked_at_in_several_sizes() -> None:
    views = FOLLOW.guesses((100.0, 120.0))
    sides = [FollowObjects.room["click"] * side for side in (56.0, 112.0, 224.0)]
    assert [view.extent[0] for view in views] == sides
    assert {view.centre for view in views} == {(100.0, 120.0)}
    (small,) = FollowObjects((30, 30), 4.0).guesses((3.0, 3.0))
    assert small.extent[0] == FollowObjects.room["click"] * 40.0


def test_the_users_cell_size_leaves_nothing_to_guess() -> None:
    (view,) = FollowObjects(SHAPE, 4.0, cell_size=25.0).guesses((100.0, 120.0))
    assert view.extent[0] == FollowObjects.room["click"] * 100.0


def test_a_view_stays_while_the_object_is_in_its_middle() -> None:
    view = FOLLOW.around(Extent((100.0, 100.0), 20.0))
    assert FOLLOW.after(view, Extent((101.0, 102.0), 22.0)) == view
    assert FOLLOW.after(view, None) == view


def test_a_view_follows_an_object_that_moves() -> None:
    view = FOLLOW.around(Extent((100.0, 100.0), 20.0))
    followed = FOLLOW.after(view, Extent((105.0, 97.0), 20.0))
    assert followed.centre == (105.0, 97.0)
    assert followed.extent == view.extent


@pytest.mark.parametrize("diameter", [8.0, 60.0])
def test_a_view_takes_on_the_size_of_an_object_that_changed(diameter: float) -> None:
    view = FOLLOW.around(Extent((100.0, 100.0), 20.0))
    sides = [view.extent[0]]
    for _ in range(40):
        view = FOLLOW.after(view, Extent((100.0, 100.0), diameter))
        sides.append(view.extent[0])
    assert view.centre == pytest.approx((100.0, 100.0))
    wanted = 4 * diameter
    assert wanted / FOLLOW.tolerance <= sides[-1] <= wanted * FOLLOW.tolerance
    assert sides[-1] == sides[-2]
    steps = [abs(math.log(b / a)) for a, b in zip(sides[:-1], sides[1:], strict=True)]
    assert max(steps) <= math.log(FOLLOW.growth) + 1e-9


def large(count: int, diameter: float = 120.0) -> list[Extent]:
    return [Extent((50.0, 50.0), diameter)] * count


CHOICES: dict[str, tuple[dict, str]] = {
    "asked for frames": ({"views": "frame", "default": "objects"}, "frame"),
    "asked for squares": ({"views": "objects", "extents": large(3)}, "objects"),
    "a model that follows": ({"extents": large(3), "default": "objects"}, "objects"),
    "a model of whole frames": ({"default": "frame"}, "frame"),
    "large objects": ({"extents": large(1)}, "frame"),
    "small objects": ({"extents": large(3, 20.0)}, "objects"),
    "the median is large": ({"extents": large(2) + large(1, 9.0)}, "frame"),
    "the median is small": ({"extents": large(1) + large(2, 9.0)}, "objects"),
    "a third is not more": ({"extents": large(1, 100.0)}, "objects"),
    "nothing known": ({}, "objects"),
    "a large hint": ({"cell_size": 150.0}, "frame"),
    "a small hint": ({"cell_size": 15.0}, "objects"),
    "objects beat a hint": (
        {"cell_size": 150.0, "extents": large(1, 9.0)},
        "objects",
    ),
}


@pytest.mark.parametrize(("options", "expected"), CHOICES.values(), ids=CHOICES)
def test_the_policy_chosen(options: dict, expected: str) -> None:
    given = {"views": "auto", "extents": [], "default": "auto"} | options
    policy = choose_policy(
        given.pop("views"), SHAPE, 4.0, given.pop("extents"), **given
    )
    assert policy.name == expected
    assert policy.shared == (expected == "frame")


def test_a_hint_reaches_the_policy() -> None:
    policy = choose_policy("objects", SHAPE, 4.0, [], cell_size=30.0)
    assert [view.extent[0] for view in policy.guesses((9.0, 9.0))] == [
        FollowObjects.room["click"] * 120.0
    ]


def test_prompts_of_any_kind_have_a_view() -> None:
    prompts: list[Prompt] = [POINT, box(1, 2, 30, 40)]
    extent = extent_of_prompts(prompts)
    assert extent is not None
    assert FOLLOW.around(extent).extent[0] > 100
