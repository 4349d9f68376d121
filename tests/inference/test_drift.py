"""Stage drift: views go along where the whole picture jumps."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import napari_sam_i2v
from engines import cells, disc, engine, prompt, track
from napari_sam_i2v.evaluation.prompting import first_frame_prompts
from napari_sam_i2v.evaluation.scores import prompted_frames, score_masklets
from napari_sam_i2v.inference.drift import Shift, StageDrift
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.video import open_video
from napari_sam_i2v.views import View
from tiny import EXTRAS, tiny_model

CPU = torch.device("cpu")
JUMPS = [(0, 30), (-25, 0), (14, -33), (6, 5)]
Discs = list[tuple[int, int]]


def scene(
    discs: Discs, seed: int = 0, size: int = 160, noise: float = 0.05
) -> np.ndarray:
    """Discs on a noisy ground in uneven light."""
    y, x = np.indices((size, size))
    picture = np.random.default_rng(seed).normal(0, noise, (size, size)) + x / size
    for number, (cy, cx) in enumerate(discs):
        radius = 6 + number % 4
        picture += (y - cy) ** 2 + (x - cx) ** 2 < radius**2
    return picture.astype(np.float32)


def places(n: int = 9, seed: int = 1) -> Discs:
    at = np.random.default_rng(seed).permutation(16)[:n]
    return [(25 + 35 * int(i // 4), 25 + 35 * int(i % 4)) for i in at]


def shifted(discs: Discs, by: Shift) -> Discs:
    return [(y + by[0], x + by[1]) for y, x in discs]


def drift_of(frames: list[np.ndarray], reach: int = 3) -> StageDrift:
    video = open_video(np.stack(frames).astype(np.float32), axes="TYX")
    return StageDrift(FrameStore(video, 3, 128, CPU), reach=reach)


def jumps_seen(before: np.ndarray, after: np.ndarray, discs: Discs) -> set[Shift]:
    """How far each of some cells is said to have jumped."""
    drift = drift_of([before, after])
    return {drift.of(View.square(at, 30.0), 0, 1) for at in discs}


@pytest.mark.parametrize("by", JUMPS)
def test_a_jump_of_all_cells_is_found(by: Shift) -> None:
    before, after = scene(places()), scene(shifted(places(), by), seed=2)
    stay = [at for at in places() if np.min(np.add(at, by)) > 0]
    assert len(stay) >= 5
    assert jumps_seen(before, after, stay) == {by}
    back = (-by[0], -by[1])
    assert jumps_seen(after, before, shifted(stay, by)) == {back}
    backward = drift_of([before, after])
    assert backward.of(View.square(shifted(stay, by)[0], 30.0), 1, 0) == back


def test_cells_that_go_different_ways_are_no_jump() -> None:
    discs, rng = places(), np.random.default_rng(3)
    for _ in range(5):
        steps = rng.integers(-9, 10, (len(discs), 2)).tolist()
        gone = [(y + dy, x + dx) for (y, x), (dy, dx) in zip(discs, steps, strict=True)]
        seen = jumps_seen(scene(discs), scene(gone, seed=4), discs)
        assert seen <= {(0, 0), *map(tuple, steps)}


@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_a_bright_cell_that_runs_takes_nobody_along(noise: float) -> None:
    discs = places()
    before, after = scene(discs, noise=noise), scene(discs, seed=5, noise=noise)
    y, x = np.indices(before.shape)
    for picture, column in ((before, 60), (after, 84)):
        picture += 9 * ((y - 80) ** 2 + (x - column) ** 2 < 12**2)
    near = [at for at in discs if np.hypot(at[0] - 80, at[1] - 72) > 50]
    assert len(near) >= 4
    assert jumps_seen(before, after, near) == {(0, 0)}


def test_debris_that_floats_over_cells_takes_none_along() -> None:
    discs, rng = places(4), np.random.default_rng(6)
    specks = rng.integers(5, 130, (24, 2)).tolist()
    pictures = []
    for column in (0, 18):
        picture = scene(discs, seed=column)
        for y, x in specks:
            picture[y : y + 3, x + column : x + column + 3] += 4
        pictures.append(picture)
    assert jumps_seen(*pictures, discs) == {(0, 0)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(scene(places()), scene(places(), seed=6), id="still"),
        pytest.param(
            scene(places()), scene(shifted(places(), (2, -2)), seed=7), id="a little"
        ),
        pytest.param(scene([]), scene([], seed=8), id="noise"),
        pytest.param(scene(places()), np.zeros((160, 160), np.float32), id="blank"),
        pytest.param(scene(places())[:20, :], scene(places())[20:40, :], id="flat"),
        pytest.param(scene(places())[:1, :], scene(places())[1:2, :], id="a line"),
    ],
)
def test_else_there_is_none(before: np.ndarray, after: np.ndarray) -> None:
    for frames in ([before, after], [after, before]):
        assert drift_of(frames).between(0, 1) == (0, 0)


def lying(by_frame: list[Shift], zoom: int = 1) -> list[np.ndarray]:
    """A picture that lies elsewhere on each frame."""
    frames = [scene(shifted(places(), by), seed=t) for t, by in enumerate(by_frame)]
    return [np.kron(frame, np.ones((zoom, zoom))) for frame in frames]


def test_jumps_add_up_both_ways() -> None:
    drift = drift_of(lying([(0, 0), (0, 0), (9, 20), (9, 20), (-6, 12)]))
    assert drift.between(0, 1) == (0, 0)
    assert drift.between(1, 2) == drift.between(0, 3) == (9, 20)
    assert drift.between(1, 4) == (-6, 12)
    assert drift.between(4, 1) == (6, -12)
    assert drift.between(2, 2) == (0, 0)
    assert drift.between(0, 4) == (0, 0)  # too far apart to be looked through


def test_a_jump_is_found_across_frames_that_show_nothing() -> None:
    frames = lying([(0, 0), (0, 0), (0, 0), (9, 20)])
    frames[1:3] = [np.zeros_like(frames[0])] * 2
    drift = drift_of(frames)
    assert drift.between(0, 2) == (0, 0)
    assert drift.between(0, 3) == drift.between(2, 3) == (9, 20)
    assert drift.between(3, 0) == (-9, -20)


def test_large_frames_are_measured_in_their_own_pixels() -> None:
    dy, dx = drift_of(lying([(0, 0), (10, -14)], zoom=4)).between(0, 1)
    assert (dy, dx) == pytest.approx((40, -56), abs=3)


def test_the_mask_prompt_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    by, disc_at = (8, -11), (20.0, 30.0)
    ground = np.pad(cells(1)[0], 16, mode="reflect")
    movie = np.stack([ground[16:56, 16:68], ground[8:48, 27:79]])
    model, asked = tiny_model(EXTRAS), []

    def decode(*args: Any, decode: Any = model.decode, **options: Any) -> Any:
        asked.append(next(a for a in args if isinstance(a, PromptTensors)))
        return decode(*args, **options)

    monkeypatch.setattr(model, "decode", decode)
    predictor = engine(movie, model, views="objects")
    prompt(predictor, disc(centre=disc_at))
    given = predictor._follower.objects[1].sightings[0].view
    track(predictor, [1])
    view = predictor._follower.objects[1].sightings[1].view
    (mask,) = (prompts.mask for prompts in asked if prompts.mask is not None)
    assert np.subtract(view.centre, given.centre) == pytest.approx(by, abs=1)
    carried = predictor._viewing.fill_frame(mask[0, 0], view).numpy() > 0
    expected = np.add(disc_at, by)
    assert np.argwhere(carried).mean(axis=0) == pytest.approx(expected, abs=1.5)


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
