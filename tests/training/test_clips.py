"""Clips: what the network sees of a cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_sam_i2v.model.build import load_model_config
from napari_sam_i2v.model.image_encoder import window_frames
from napari_sam_i2v.training.clips import (
    Clips,
    ClipSettings,
    carry,
    draw_clips,
    follow,
    look,
    window_numbers,
)
from napari_sam_i2v.training.dice import Dice
from napari_sam_i2v.training.losses import mask_iou
from napari_sam_i2v.training.pool import MoviePool
from napari_sam_i2v.views import Extent, FollowObjects, View, extent_of_mask

CONFIG = load_model_config("sam-i2v-cell")
DIAMETERS = CONFIG.view.diameters
COUNT = 12
STEADY = ClipSettings(vanishing=0, away=0)


def draw(
    pool: MoviePool, frames: int, settings: ClipSettings = STEADY, seed: int = 0
) -> Clips:
    """Draw a dozen clips."""
    rng = np.random.default_rng(seed)
    return draw_clips(pool.tracks, COUNT, frames, DIAMETERS, settings, rng)


def are_whole(pool: MoviePool, clips: Clips, step: int) -> list[bool]:
    """Whether the border of the frame leaves the cells alone."""
    tables = [pool.tracks[slot] for slot in clips.slot]
    cells = zip(tables, clips.object_id, clips.frames[:, step], strict=True)
    return [bool(t.whole[t.ids == int(i), frame][0]) for t, i, frame in cells]


def follow_all(
    clips: Clips, logits: torch.Tensor, *, score: float = 1.0, trust: float = 1.0
) -> None:
    """Move the squares after the first step."""
    scores, dice = torch.full((COUNT, 1), score), Dice(0, COUNT)
    follow(clips, 0, logits, scores, (96, 96), DIAMETERS, trust, dice)


def test_a_clip_shows_its_cell_in_the_middle(pool: MoviePool) -> None:
    window, target = look(pool, draw(pool, 3), 0, CONFIG, Dice(0, COUNT))
    assert window.shape == (COUNT, CONFIG.temporal.window, 3, 128, 128)
    assert target.shape == (COUNT, 1, 64, 64)
    assert target[:, 0, 12:52, 12:52].flatten(1).any(1).all()
    assert window.mean().abs() < 0.1 and 0.8 < window.std() < 1.2


def test_runs_stay_in_the_movie_and_start_with_the_cell(pool: MoviePool) -> None:
    for seed in range(10):
        clips = draw(pool, 3, ClipSettings(), seed)
        assert clips.frames.min() >= 0 and clips.frames.max() < 6
        steps = clips.frames.diff(dim=1).abs()
        assert (steps == clips.stride[:, None]).all()
        assert not clips.truth[:, 0].isnan().any()


def test_masks_are_carried_to_where_the_squares_went(pool: MoviePool) -> None:
    clips = draw(pool, 3)
    _, before = look(pool, clips, 0, CONFIG, Dice(0, COUNT))
    square = clips.square(0)
    moves = torch.randn(COUNT, 2, generator=torch.Generator().manual_seed(0))
    clips.centre = clips.centre + 0.08 * clips.side[:, None] * moves
    clips.side = 1.1 * clips.side
    _, now = look(pool, clips, 0, CONFIG, Dice(0, COUNT))
    carried = carry(clips, before * 20.0 - 10, square, clips.square(0)) > 0
    assert mask_iou(carried.float(), now.float()).median() > 0.9
    assert mask_iou(before.float(), now.float()).mean() < 0.75


def test_nothing_is_carried_from_where_nobody_looked(pool: MoviePool) -> None:
    clips = draw(pool, 3)
    square = clips.square(0)
    clips.centre = clips.centre + 2 * clips.side[:, None]
    everywhere = torch.full((COUNT, 1, 64, 64), 10.0)
    assert (carry(clips, everywhere, square, clips.square(0)) == -10).all()


def test_cells_begin_whole_unless_the_border_may_cut_them_off(
    pool: MoviePool,
) -> None:
    assert all(are_whole(pool, draw(pool, 3, replace(STEADY, border=0.0)), 0))
    assert not all(are_whole(pool, draw(pool, 3, replace(STEADY, border=1.0)), 0))


def test_vanishing_cells_are_gone_at_the_end(pool: MoviePool) -> None:
    clips = draw(pool, 4, ClipSettings(vanishing=1.0))
    gone = clips.truth[:, -1].isnan().any(1)
    assert gone.float().mean() > 0.7


def test_a_look_aside_sees_no_cell(pool: MoviePool) -> None:
    clips = draw(pool, 2, ClipSettings(vanishing=0, away=1.0))
    assert (clips.away_step == 1).all()
    clips.away = clips.away * 3
    _, target = look(pool, clips, 1, CONFIG, Dice(0, COUNT))
    # Past the frame's border its pixels go on, and so do the cells on it.
    inside = torch.tensor(are_whole(pool, clips, 1))
    assert inside.sum() > COUNT / 2 and not target[inside].any()


@pytest.mark.parametrize("frame", [0, 1, 2, 5])
def test_windows_are_those_of_use(frame: int) -> None:
    numbers = window_numbers(torch.tensor([frame]), torch.tensor([1]), 3)
    assert numbers[0].tolist() == window_frames(frame, 3)


def test_with_a_stride_windows_have_it_too() -> None:
    numbers = window_numbers(torch.tensor([5, 2, 1]), torch.tensor([2, 2, 2]), 3)
    assert numbers.tolist() == [[1, 3, 5], [0, 2, 2], [1, 1, 1]]


def test_squares_follow_predictions_as_in_use(pool: MoviePool) -> None:
    """The batched rule is :class:`FollowObjects`' own, on masks of any size."""
    clips = draw(pool, 2)
    clips.turn = torch.eye(2).expand(COUNT, 2, 2)
    masks = torch.zeros(COUNT, 1, 64, 64)
    rng = np.random.default_rng(0)
    for row in range(COUNT):
        top, left = rng.integers(0, 40, 2)
        height, width = rng.integers(2, 24, 2)
        masks[row, 0, top : top + height, left : left + width] = 1
    policy = FollowObjects((96, 96), DIAMETERS)
    expected = []
    for row in range(COUNT):
        side = float(clips.side[row])
        view = View.square(tuple(clips.centre[row].tolist()), side)
        # Beyond the frame nothing is seen.
        y, x = view.to_frame(np.indices((64, 64)), 64)
        inside = (y > -0.5) & (y < 95.5) & (x > -0.5) & (x < 95.5)
        seen = extent_of_mask((masks[row, 0].numpy() > 0) & inside)
        if seen is not None:  # from pixels of the view to pixels of the frame
            seen = Extent(view.to_frame(seen.centre, 64), seen.diameter * side / 64)
        after = policy.after(view, seen)
        expected.append((*after.centre, after.extent[0]))
    follow_all(clips, masks * 2 - 1)
    found = torch.cat([clips.centre, clips.side[:, None]], dim=1)
    torch.testing.assert_close(
        found, torch.tensor(expected, dtype=torch.float32), atol=2e-3, rtol=1e-4
    )


def test_turned_squares_follow_too(pool: MoviePool) -> None:
    clips = draw(pool, 2)
    clips.centre = clips.truth[:, 0] + 0.15 * clips.side[:, None]
    _, target = look(pool, clips, 0, CONFIG, Dice(0, COUNT))
    whole = target[:, 0, 1:-1, 1:-1].flatten(1).sum(1) == target.flatten(1).sum(1)
    follow_all(clips, target.float() * 2 - 1)
    inside = ((clips.truth[:, 0] > 12) & (clips.truth[:, 0] < 84)).all(1) & whole
    distance = (clips.centre - clips.truth[:, 0]).norm(dim=1) / clips.side
    assert inside.any() and distance[inside].max() < 0.05


def test_squares_stay_where_nothing_is_seen(pool: MoviePool) -> None:
    clips = draw(pool, 2)
    before = clips.centre.clone()
    logits = torch.ones(COUNT, 1, 64, 64)
    follow_all(clips, logits, score=-1.0)
    assert torch.equal(clips.centre, before)


def test_untrusted_squares_go_near_the_truth(pool: MoviePool) -> None:
    clips = draw(pool, 2)
    clips.centre = clips.centre + 40
    logits = torch.ones(COUNT, 1, 64, 64)
    follow_all(clips, logits, trust=0.0)
    distance = (clips.centre - clips.truth[:, 0]).norm(dim=1) / clips.side
    assert distance.max() < 0.3
