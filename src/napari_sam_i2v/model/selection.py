"""Which memory entries a frame attends to (SAM-I2V section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from napari_sam_i2v.model.config import MemoryConfig


@dataclass(frozen=True)
class Slot:
    """One memory entry that a frame attends to.

    Attributes
    ----------
    position
        Position of the entry's frame along the direction of travel.
    place
        Row of the temporal position table: 0 for conditioning frames, then tracked
        ones from the furthest to the nearest.
    count, pointer_count
        How often its spatial tokens and its pointer count. The released model fills
        a short bank up with copies of its first entry; one entry that counts
        several times is the same sum.
    pointer_turn
        Temporal position of the pointer, in units of the bank's length.
    """

    position: int
    place: int
    count: int = 1
    pointer_count: int = 1
    pointer_turn: float = 1.0


class Policy(Protocol):
    """How memory frames are chosen among candidates."""

    def select(
        self, candidates: Sequence[int], similarity: np.ndarray, count: int, frame: int
    ) -> list[int]:
        """Choose ``count`` of the candidates, given their similarity to ``frame``."""
        ...


@dataclass(frozen=True)
class TopK:
    """The frames most similar to the current one."""

    def select(
        self, candidates: Sequence[int], similarity: np.ndarray, count: int, frame: int
    ) -> list[int]:
        """Choose the ``count`` most similar; equal ones in order of travel."""
        order = np.argsort(-similarity, kind="stable")[:count]
        return [candidates[i] for i in order]


@dataclass(frozen=True)
class SimilaritySampling:
    """Frames drawn with the softmax of their similarity, as the released code does.

    A draw depends on ``seed``, the frame and the candidates, on nothing that ran
    before.
    """

    seed: int = 0

    def select(
        self, candidates: Sequence[int], similarity: np.ndarray, count: int, frame: int
    ) -> list[int]:
        """Draw ``count`` without replacement."""
        weight = np.exp(similarity - similarity.max())
        rng = np.random.default_rng([self.seed, frame, candidates[0] + 1])
        chosen = rng.choice(
            len(candidates), size=count, replace=False, p=weight / weight.sum()
        )
        return [candidates[i] for i in chosen]


def candidates_of(
    tracked: Sequence[int], position: int, config: MemoryConfig
) -> tuple[list[int], list[int]]:
    """Tracked frames that may be attended to: the global and the local ones.

    Positions are counted along the direction of travel.
    """
    near = position - config.local_reach
    far = position - config.global_reach
    everywhere = sorted(tracked)
    return (
        [p for p in everywhere if far <= p < near],
        [p for p in everywhere if near <= p < position],
    )


def nearest_conditioning(
    conditioning: Sequence[int], position: int, limit: int
) -> list[int]:
    """Give the first conditioning frame and the nearest others, in order of travel."""
    ordered = sorted(conditioning)
    if len(ordered) <= limit:
        return ordered
    nearest = sorted(ordered[1:], key=lambda p: abs(p - position))[: limit - 1]
    return [ordered[0], *sorted(nearest)]


def select_memory(
    position: int,
    conditioning: Sequence[int],
    tracked: Sequence[int],
    similarity: Callable[[Sequence[int]], np.ndarray],
    policy: Policy,
    config: MemoryConfig,
) -> list[Slot]:
    """Choose what a frame attends to.

    Parameters
    ----------
    position
        The frame's position along the direction of travel.
    conditioning, tracked
        Positions of the object's memory entries; at least one conditioning one.
    similarity
        Cosine similarity of the current frame's features to those at positions.
    policy
        Chooses where there are more candidates than room.
    config
        How many of either kind there is room for, and how far back they may lie.

    Returns
    -------
    list of Slot
        Conditioning frames, then tracked ones in order of travel.
    """
    chosen = []
    rooms = (config.global_frames, config.local_frames)
    first_place = 1
    for candidates, room in zip(
        candidates_of(tracked, position, config), rooms, strict=True
    ):
        picked = list(candidates)
        if not room:
            continue
        if len(candidates) > room:
            scores = similarity(candidates)
            picked = sorted(policy.select(candidates, scores, room, position))
        chosen += [(p, first_place + i) for i, p in enumerate(picked)]
        first_place += room

    length = min(position - 1, config.tracked_frames)
    bank = max(length + 1, 1)  # at position 0 the released code divides by zero
    anchors = nearest_conditioning(conditioning, position, config.conditioning_frames)
    behind = sum(p <= position for p in anchors)
    padding = max(0, length - len(chosen))
    pointers = behind + len(chosen)
    missing = len(anchors) + len(chosen) + padding - pointers

    slots = [
        Slot(p, 0, 1 + padding * (i == 0), int(p <= position))
        for i, p in enumerate(anchors)
    ]
    slots += [Slot(p, place, 1, 1, (bank - place) / bank) for p, place in chosen]
    return _repeat_first_pointer(slots, missing)


def _repeat_first_pointer(slots: list[Slot], missing: int) -> list[Slot]:
    """Let the first pointer count for those that are missing."""
    first = next((i for i, slot in enumerate(slots) if slot.pointer_count), 0)
    slot = slots[first]
    count = max(1, slot.pointer_count + missing)
    slots[first] = Slot(slot.position, slot.place, slot.count, count, slot.pointer_turn)
    return slots
