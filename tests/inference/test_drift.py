"""Stage drift: views go along where the whole picture jumps."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from scipy import ndimage

import napari_sam_i2v
from napari_sam_i2v.evaluation.prompting import first_frame_prompts
from napari_sam_i2v.evaluation.scores import prompted_frames, score_masklets
from napari_sam_i2v.inference.drift import StageDrift, jump_between, moved
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.video import open_video

CPU = torch.device("cpu")
JUMPS = [(0, 30), (-25, 0), (14, -33), (6, 5)]


def scene(discs: list[tuple[int, int]], seed: int = 0, size: int = 160) -> np.ndarray:
    """Discs on a noisy ground in uneven light."""
    y, x = np.indices((size, size))
    picture = np.random.default_rng(seed).normal(0, 0.05, (size, size)) + x / size
    for number, (cy, cx) in enumerate(discs):
        radius = 6 + number % 4
        picture += (y - cy) ** 2 + (x - cx) ** 2 < radius**2
    return picture.astype(np.float32)


def places(n: int = 9, seed: int = 1) -> list[tuple[int, int]]:
    at = np.random.default_rng(seed).permutation(16)[:n]
    return [(25 + 35 * int(i // 4), 25 + 35 * int(i % 4)) for i in at]


def shifted(discs: list[tuple[int, int]], by: tuple[int, int]) -> list[tuple[int, int]]:
    return [(y + by[0], x + by[1]) for y, x in discs]


@pytest.mark.parametrize("by", JUMPS)
def test_a_jump_of_all_cells_is_found(by: tuple[int, int]) -> None:
    before, after = scene(places()), scene(shifted(places(), by), seed=2)
    assert jump_between(before, after, least=4) == by
    assert jump_between(after, before, least=4) == (-by[0], -by[1])


def test_cells_that_go_different_ways_are_no_jump() -> None:
    discs, rng = places(), np.random.default_rng(3)
    for _ in range(10):
        steps = rng.integers(-9, 10, (len(discs), 2)).tolist()
        gone = [(y + dy, x + dx) for (y, x), (dy, dx) in zip(discs, steps, strict=True)]
        assert jump_between(scene(discs), scene(gone, seed=4), least=4) == (0, 0)


def test_one_bright_cell_that_runs_is_no_jump() -> None:
    discs = places()
    before, after = scene(discs), scene(discs, seed=5)
    y, x = np.indices(before.shape)
    for picture, column in ((before, 60), (after, 85)):
        picture += 9 * ((y - 80) ** 2 + (x - column) ** 2 < 12**2)
    assert jump_between(before, after, least=4) == (0, 0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(scene(places()), scene(places(), seed=6), id="still"),
        pytest.param(
            scene(places()), scene(shifted(places(), (2, -2)), seed=7), id="a little"
        ),
        pytest.param(scene([]), scene([], seed=8), id="noise"),
        pytest.param(scene(places()), np.zeros((160, 160), np.float32), id="blank"),
        pytest.param(
            scene(list(zip(range(20, 140, 17), [30, 120, 70] * 3))),  # noqa: B905
            scene(list(zip(range(25, 140, 23), [90, 40, 130] * 2))),  # noqa: B905
            id="other cells",
        ),
    ],
)
def test_else_there_is_none(before: np.ndarray, after: np.ndarray) -> None:
    assert jump_between(before, after, least=4) == (0, 0)


@pytest.mark.parametrize("by", [*JUMPS, (0, 0)])
def test_what_is_moved_lies_where_it_was_moved_to(by: tuple[int, int]) -> None:
    frame = torch.from_numpy(scene(places()))[None].repeat(2, 1, 1)
    there = moved(frame, by)
    back = moved(there, (-by[0], -by[1]))
    inner = slice(40, 120)
    assert back[:, inner, inner].equal(frame[:, inner, inner])
    expected = ndimage.shift(frame[0].numpy(), by, order=0, mode="nearest")
    np.testing.assert_array_equal(there[0].numpy(), expected)


def drift_of(by_frame: list[tuple[int, int]], zoom: int = 1) -> StageDrift:
    """Drift of a movie whose picture lies elsewhere on each frame."""
    frames = [
        np.kron(scene(shifted(places(), by), seed=t), np.ones((zoom, zoom)))
        for t, by in enumerate(by_frame)
    ]
    video = open_video(np.stack(frames).astype(np.float32), axes="TYX")
    return StageDrift(FrameStore(video, 3, 128, CPU), reach=3)


def test_jumps_add_up_both_ways() -> None:
    drift = drift_of([(0, 0), (0, 0), (9, 20), (9, 20), (-6, 12)])
    assert drift.between(0, 1) == (0, 0)
    assert drift.between(1, 2) == drift.between(0, 3) == (9, 20)
    assert drift.between(1, 4) == (-6, 12)
    assert drift.between(4, 1) == (6, -12)
    assert drift.between(2, 2) == (0, 0)
    assert drift.between(0, 4) == (0, 0)  # too far apart to be looked through


def test_large_frames_are_measured_in_their_own_pixels() -> None:
    dy, dx = drift_of([(0, 0), (10, -14)], zoom=4).between(0, 1)
    assert (dy, dx) == pytest.approx((40, -56), abs=3)


@cache
def jumping() -> tuple[np.ndarray, np.ndarray]:
    """Nuclei on a dish that is put back elsewhere before frame 4."""
    movie = simulate(
        SimulationSettings(
            modality="nuclei", frames=8, height=256, width=256, cells=12, seed=5,
            division_rate=0, death_rate=0, drift=0,
        )
    )  # fmt: skip
    cut = [(30, 30)] * 4 + [(0, 62)] * 4
    images, labels = (
        np.stack([frame[y : y + 190, x : x + 190] for frame, (y, x) in zip(a, cut)])  # noqa: B905
        for a in (movie.images, movie.labels)
    )
    return images, labels


def always_whole(labels: np.ndarray) -> list[int]:
    """Cells that are there on all frames, and never touch the border."""
    border = labels.copy()
    border[:, 2:-2, 2:-2] = 0
    there = set.intersection(*(set(np.unique(frame)) for frame in labels))
    return sorted(there - set(np.unique(border)))


@pytest.mark.parametrize("reverse", [False, True])
def test_cells_are_followed_through_a_jump(reverse: bool) -> None:
    images, labels = (a[::-1] if reverse else a for a in jumping())
    labels = np.where(np.isin(labels, always_whole(labels)), labels, 0)
    prompts = first_frame_prompts(labels, "label")
    masklets = napari_sam_i2v.track(images, prompts, axes="TYX", divisions="ignore")
    scores = score_masklets(
        np.asarray(masklets.labels), labels, prompted=prompted_frames(prompts)
    )
    assert len(prompts) >= 3
    assert scores.lost == 0
    assert scores.j > 0.8
