"""What a frame attends to, and that backward is forward mirrored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.inference.recall import recall
from napari_sam_i2v.inference.similarity import FrameLikeness
from napari_sam_i2v.model.config import MemoryConfig
from napari_sam_i2v.model.memory import MemoryBank, MemoryEntry
from napari_sam_i2v.model.selection import Policy, SimilaritySampling, TopK

MOVIE = range(60)


def entry(frame: int) -> MemoryEntry:
    value = torch.tensor([[float(frame)]])
    return MemoryEntry(value[None], value, value > 0)


def known(conditioning: Sequence[int], tracked: Sequence[int]) -> ObjectState:
    bank = MemoryBank(
        {t: entry(t) for t in conditioning}, {t: entry(t) for t in tracked}
    )
    return ObjectState(bank)


def recalled(
    state: ObjectState,
    frame: int,
    travel: range = MOVIE,
    policy: Policy | None = None,
) -> tuple[list, list[float]]:
    """Slots, and the frames whose entries come with them."""

    def alike(others: Sequence[int]) -> np.ndarray:
        middle = (MOVIE[-1] - MOVIE[0]) / 2  # the same, mirrored
        return np.cos(3 * np.abs(np.array(others) - middle))

    found = recall(state, frame, travel, alike, policy or TopK(), MemoryConfig())
    return [slot for slot, _ in found], [float(e.pointer) for _, e in found]


@pytest.mark.parametrize("policy", [TopK(), SimilaritySampling(4)], ids=str)
@pytest.mark.parametrize("frame", [12, 30, 41, 59])
def test_backward_is_forward_mirrored(policy: Policy, frame: int) -> None:
    last = MOVIE[-1]
    tracked = [t for t in range(3, frame) if t != 7]
    forward = recalled(known([2, 7], tracked), frame, policy=policy)
    mirrored = known([last - 2, last - 7], [last - t for t in tracked])
    backward = recalled(mirrored, last - frame, MOVIE[::-1], policy)
    assert backward[0] == forward[0]
    assert backward[1] == [last - t for t in forward[1]]


def test_a_slot_comes_with_its_own_entry() -> None:
    state = known([5], range(6, 20))
    slots, frames = recalled(state, 20)
    assert [slot.position for slot in slots] == frames
    slots, frames = recalled(known([40], range(21, 40)), 20, MOVIE[::-1])
    assert [MOVIE[::-1][slot.position] for slot in slots] == frames


def test_a_frame_does_not_attend_to_itself() -> None:
    state = known([5, 12], range(6, 20))
    assert 12.0 not in recalled(state, 12)[1]
    assert 9.0 not in recalled(state, 9)[1]


def test_without_conditioning_frames_there_is_nothing() -> None:
    assert recalled(known([], range(6, 20)), 20) == ([], [])
    assert recalled(known([20], range(6, 20)), 20) == ([], [])


def test_only_frames_behind_are_attended_to_but_for_conditioning_ones() -> None:
    state = known([5, 50], range(6, 40))
    assert max(t for t in recalled(state, 20)[1] if t != 50) == 19
    assert min(t for t in recalled(state, 20, MOVIE[::-1])[1] if t != 5) == 21


def test_likeness_is_the_cosine_of_feature_maps() -> None:
    torch.manual_seed(0)
    maps = {t: torch.randn(4, 3, 3) for t in range(5)}
    likeness = FrameLikeness()
    for t, tokens in maps.items():
        likeness.note(0, t, tokens * (t + 1), reach=20)
    expected = [
        float(torch.cosine_similarity(maps[t].flatten(), maps[4].flatten(), dim=0))
        for t in (3, 0, 2)
    ]
    np.testing.assert_allclose(likeness.of(0, 4, [3, 0, 2]), expected, atol=1e-6)
    np.testing.assert_allclose(likeness.of(0, 4, [0]), expected[1:2], atol=1e-6)


def test_frames_are_compared_once_however_many_objects_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    likeness, products = FrameLikeness(), []
    for t in range(6):
        likeness.note(0, t, torch.randn(4, 3, 3), reach=20)
    dot = torch.dot
    monkeypatch.setattr(torch, "dot", lambda *ab: products.append(1) or dot(*ab))
    for _ in range(10):
        likeness.of(0, 5, [1, 2, 3])
    assert len(products) == 3


def test_likeness_follows_new_features() -> None:
    likeness = FrameLikeness()
    ones = torch.ones(1, 1, 2)
    for t in (0, 1):
        likeness.note(0, t, ones, reach=20)
    assert likeness.of(0, 1, [0])[0] == pytest.approx(1)
    likeness.note(0, 1, torch.tensor([[[1.0, -1.0]]]), reach=20)
    assert likeness.of(0, 1, [0])[0] == pytest.approx(0)
    likeness.note(0, 0, torch.tensor([[[1.0, -1.0]]]), reach=20)
    assert likeness.of(0, 1, [0])[0] == pytest.approx(1)


def test_likeness_forgets_what_is_out_of_reach() -> None:
    likeness = FrameLikeness()
    for t in range(30):
        likeness.note(3, t, torch.ones(1, 1, 1), reach=8)
    assert likeness.missing(3, [20, 21, 29]) == [20]
    likeness.forget(3, 25)
    assert likeness.missing(3, [25, 26]) == [25]
    likeness.forget(3)
    assert likeness.missing(3, [26]) == [26]
