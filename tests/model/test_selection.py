"""Selection: a function of frames, similarity and seed, and of nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from napari_sam_i2v.model.config import MemoryConfig
from napari_sam_i2v.model.selection import (
    SimilaritySampling,
    Slot,
    TopK,
    candidates_of,
    nearest_conditioning,
    select_memory,
)

CONFIG = MemoryConfig()


def alike(preferred: Sequence[int] = ()) -> Callable[[Sequence[int]], np.ndarray]:
    """Similarity that falls with the position, but for the preferred ones."""
    return lambda positions: np.array(
        [2.0 if p in preferred else -p / 1000 for p in positions]
    )


def select(
    position: int,
    conditioning: Sequence[int] = (0,),
    tracked: Sequence[int] | None = None,
    *,
    preferred: Sequence[int] = (),
    config: MemoryConfig = CONFIG,
) -> list[Slot]:
    if tracked is None:
        tracked = [p for p in range(position) if p not in conditioning]
    return select_memory(
        position, conditioning, tracked, alike(preferred), TopK(), config
    )


def released(
    position: int, conditioning: Sequence[int], chosen: dict[int, int]
) -> tuple[list[tuple[int, int]], list[tuple[int, float]]]:
    """Spatial entries (position, place) and pointers (position, turn), as released.

    Written after the reference README, section 6.3: the padding is copies.
    """
    length = position - 1 if position <= 6 else 6
    entries = [(p, 0) for p in conditioning] + list(chosen.items())
    while len(entries) < length + len(conditioning):
        entries.insert(0, entries[0])
    pointers = [(p, length + 1) for p in conditioning if p <= position]
    pointers += [(p, length + 1 - place) for p, place in chosen.items()]
    while len(pointers) < len(entries):
        pointers.insert(0, pointers[0])
    return entries, [(p, turn / (length + 1)) for p, turn in pointers]


def written_out(
    slots: list[Slot],
) -> tuple[list[tuple[int, int]], list[tuple[int, float]]]:
    entries = [(s.position, s.place) for s in slots for _ in range(s.count)]
    pointers = [
        (s.position, s.pointer_turn) for s in slots for _ in range(s.pointer_count)
    ]
    return entries, pointers


BANKS = [
    (position, conditioning)
    for conditioning in [(0,), (0, 3), (0, 3, 4), (3, 9), (0, 60)]
    for position in [*range(1, 13), 20, 30, 100]
    if position > conditioning[0] and position not in conditioning
]


@pytest.mark.parametrize(("position", "conditioning"), BANKS, ids=str)
def test_the_bank_is_the_released_one(
    position: int, conditioning: tuple[int, ...]
) -> None:
    tracked = [p for p in range(conditioning[0], position) if p not in conditioning]
    slots = select(position, conditioning, tracked)
    near = [p for p in tracked if position - 4 <= p][:2]
    far = [p for p in tracked if position - 20 <= p < position - 4][:4]
    chosen = {p: 1 + i for i, p in enumerate(far)}
    chosen |= {p: 5 + i for i, p in enumerate(near)}
    assert written_out(slots) == released(position, conditioning, chosen)


def test_candidates_are_behind_and_in_reach() -> None:
    everywhere = [*range(0, 30), *range(31, 60)]
    far, near = candidates_of(everywhere[::-1], 30, CONFIG)
    assert far == list(range(10, 26))
    assert near == [26, 27, 28, 29]


def test_the_most_similar_are_chosen_and_put_in_order_of_travel() -> None:
    slots = select(30, preferred=[25, 12, 18, 11, 29, 27])
    assert [(s.position, s.place) for s in slots] == [
        (0, 0), (11, 1), (12, 2), (18, 3), (25, 4), (27, 5), (29, 6)
    ]  # fmt: skip
    assert {s.count for s in slots} == {1}


def test_no_similarity_is_asked_for_where_all_fit() -> None:
    def unasked(positions: Sequence[int]) -> np.ndarray:
        raise AssertionError(positions)

    slots = select_memory(3, [0], [1, 2], unasked, TopK(), CONFIG)
    assert [s.position for s in slots] == [0, 1, 2]


@pytest.mark.parametrize("position", [0, 1, 5, 40])
def test_only_conditioning_frames_ahead_are_enough(position: int) -> None:
    slots = select(position, (50, 60), ())
    assert [(s.position, s.place) for s in slots] == [(50, 0), (60, 0)]
    entries, pointers = written_out(slots)
    assert len(pointers) == len(entries)
    assert {position for position, _ in pointers} == {50}


def test_a_model_without_far_memory_has_none() -> None:
    config = MemoryConfig(global_frames=0, local_frames=2, global_reach=4)
    slots = select(20, config=config, preferred=[17, 18])
    assert [(s.position, s.place) for s in slots] == [(0, 0), (17, 1), (18, 2)]


def test_conditioning_frames_are_the_first_and_the_nearest() -> None:
    many = list(range(0, 200, 10))
    assert nearest_conditioning(many[::-1], 101, 8) == [
        0, 70, 80, 90, 100, 110, 120, 130
    ]  # fmt: skip
    assert nearest_conditioning(many[:8], 101, 8) == many[:8]
    slots = select(101, many, ())
    assert [s.position for s in slots] == nearest_conditioning(many, 101, 8)


def test_top_k_takes_equal_ones_in_order_of_travel() -> None:
    assert TopK().select([3, 5, 7, 9], np.zeros(4), 2, 10) == [3, 5]


CANDIDATES = list(range(4, 16))
SIMILARITY = np.linspace(0.9, 1.0, len(CANDIDATES))


def draw(seed: int, frame: int) -> list[int]:
    return SimilaritySampling(seed).select(CANDIDATES, SIMILARITY, 4, frame)


def test_draws_depend_on_seed_and_frame_alone() -> None:
    draws = {(seed, t): draw(seed, t) for seed in range(4) for t in range(20, 25)}
    again = {key: draw(*key) for key in reversed(draws)}
    assert draws == again
    assert len({tuple(chosen) for chosen in draws.values()}) > len(draws) / 2
    assert all(len(set(chosen)) == 4 for chosen in draws.values())


def test_draws_follow_the_softmax_of_similarity() -> None:
    likely = np.array([0.0, 0.0, 2.0])
    policy = [SimilaritySampling(seed) for seed in range(600)]
    chosen = [p.select([1, 2, 3], likely, 1, 7)[0] for p in policy]
    share = chosen.count(3) / len(chosen)
    assert abs(share - np.exp(2) / (np.exp(2) + 2)) < 0.06


def test_no_global_random_state_is_read_or_written() -> None:
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    first = draw(1, 20)
    assert random.getstate() == before[0]
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert torch.equal(torch.get_rng_state(), before[2])
    random.random(), np.random.rand(), torch.rand(1)
    assert draw(1, 20) == first
