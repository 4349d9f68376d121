"""Which memory of an object a frame attends to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.model.config import MemoryConfig
from napari_sam_i2v.model.memory import MemoryEntry
from napari_sam_i2v.model.selection import Policy, Slot, select_memory

Recalled = list[tuple[Slot, MemoryEntry]]


def recall(
    state: ObjectState,
    frame: int,
    travel: range,
    alike: Callable[[Sequence[int]], NDArray[np.float64]],
    policy: Policy,
    config: MemoryConfig,
) -> Recalled:
    """Choose what a frame attends to.

    Parameters
    ----------
    state
        The object.
    frame
        Frame number; its own memory is left out.
    travel
        All frames of the movie in the direction of travel: backward, the distances
        that selection and positions are made of are mirrored.
    alike
        Similarity of the frame to others.
    policy, config
        How to choose, and among how many.
    """
    conditioning = [t for t in state.bank.conditioning if t != frame]
    if not conditioning:
        return []
    tracked = [t for t in state.bank.tracked if t != frame]

    def similarity(positions: Sequence[int]) -> NDArray[np.float64]:
        return alike([travel[p] for p in positions])

    slots = select_memory(
        travel.index(frame),
        [travel.index(t) for t in conditioning],
        [travel.index(t) for t in tracked],
        similarity,
        policy,
        config,
    )
    return [(slot, state.bank[travel[slot.position]]) for slot in slots]
