"""What the engine knows of one object."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from napari_sam_i2v.masklets import Ending
from napari_sam_i2v.model.memory import MemoryBank, MemoryEntry
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.prompts import MaskPrompt, Prompt
from napari_sam_i2v.views import Extent, View

SURE = 6.0
"""Logit inside of a mask that was kept without its logits; outside it is negative."""
VOUCHED = 6.0
"""Object score of what a person says is there."""


@dataclass(frozen=True)
class Sighting:
    """Where an object was looked for on a frame, and where it was.

    Attributes
    ----------
    view
        Where the network looked.
    seen
        Where the object was; ``None`` if it was judged absent.
    reverse
        Direction of travel, ``None`` on prompted frames.
    ending
        Why it is absent from there on, if it is.
    area
        Pixels of its mask.
    score
        Its object score.
    """

    view: View
    seen: Extent | None
    reverse: bool | None = None
    ending: Ending | None = None
    area: int = 0
    score: float = VOUCHED


@dataclass(frozen=True)
class Tracked:
    """What tracking had said on a frame before it was prompted.

    Attributes
    ----------
    sighting
        Where the object was.
    logits
        Mask logits, ``(1, 1, 4h, 4w)``.
    """

    sighting: Sighting
    logits: Tensor


@dataclass(frozen=True)
class Vouched:
    """A prompted frame: the answer, waiting to become memory when tracking starts.

    Attributes
    ----------
    view
        Where the network looked.
    prediction
        Its answer, batch size 1; ``None`` for a mask given whole.
    mask
        The mask given, if one was.
    prompts
        What was asked.
    corrects
        The tracked mask that points on this frame correct, however many there come
        to be.
    """

    view: View
    prediction: Prediction | None
    mask: MaskPrompt | None
    prompts: tuple[Prompt, ...]
    corrects: Tracked | None = None


@dataclass
class ObjectState:
    """Memory, prompts and places of one object.

    Attributes
    ----------
    bank
        Its memory.
    vouched
        Its prompted frames.
    sightings
        Where it was, by frame.
    logits
        Mask logits of the frames tracked last, ``(1, 1, 4h, 4w)``, for
        corrections; half precision but for the last.
    masks
        Masks of the frames tracked before those, packed.
    """

    bank: MemoryBank = field(default_factory=MemoryBank)
    vouched: dict[int, Vouched] = field(default_factory=dict)
    sightings: dict[int, Sighting] = field(default_factory=dict)
    logits: dict[int, Tensor] = field(default_factory=dict)
    masks: dict[int, bytes] = field(default_factory=dict)

    def forget(self, frame: int) -> None:
        """Forget one frame."""
        self.bank.drop(frame)
        self.vouched.pop(frame, None)
        self.sightings.pop(frame, None)
        self.logits.pop(frame, None)
        self.masks.pop(frame, None)

    def ended_before(self, frame: int) -> Ending | None:
        """Say why it is not to be looked for on a frame, forward, if it is not."""
        if frame in self.vouched:
            return None
        last = max(self.all_behind(frame, reverse=False), default=None)
        return None if last is None else self.sightings[last].ending

    def note(self, frame: int, entry: MemoryEntry, logits: Tensor, reach: int) -> None:
        """Keep what a tracked frame left behind; of those out of reach, the mask."""
        self.bank.tracked[frame] = entry
        self.bank.keep_near(frame, reach)
        for t in [t for t in self.logits if abs(t - frame) > reach]:
            self.masks[t] = pack_mask(self.logits.pop(t))
        self.logits = {t: older.half() for t, older in self.logits.items()}
        self.logits[frame] = logits.clone()
        self.masks.pop(frame, None)

    def tracked_mask(self, frame: int) -> Tracked | None:
        """Give what tracking says on a frame, or said before it was prompted."""
        if frame in self.vouched:
            return self.vouched[frame].corrects
        sighting, logits = self.sightings.get(frame), self.logits.get(frame)
        if sighting is None:
            return None
        if logits is None and frame in self.masks:
            logits = unpack_mask(self.masks[frame])
        return None if logits is None else Tracked(sighting, logits)

    def waiting(self) -> list[int]:
        """Prompted frames that are not memory yet."""
        return [t for t in sorted(self.vouched) if t not in self.bank.conditioning]

    def all_behind(self, frame: int, *, reverse: bool) -> list[int]:
        """Give the frames behind one, in the direction of travel, that are known."""
        return [t for t in self.sightings if (t > frame if reverse else t < frame)]

    def behind(self, frame: int, *, reverse: bool) -> int:
        """Give the nearest frame behind one, in the direction of travel, that is known.

        Or one ahead, where there is none behind.
        """
        behind = self.all_behind(frame, reverse=reverse) or list(self.sightings)
        assert behind, "tracking starts at a prompted frame"
        return min(behind, key=lambda t: abs(t - frame))


def pack_mask(logits: Tensor) -> bytes:
    """Keep of ``(1, 1, S, S)`` logits where they are positive, in a hundred bytes."""
    bits = np.packbits((logits[0, 0] > 0).cpu().numpy())
    return zlib.compress(bits.tobytes())


def unpack_mask(packed: bytes) -> Tensor:
    """Make logits of :func:`pack_mask`'s bytes: as sure as those of a clear mask."""
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8))
    side = math.isqrt(len(bits))
    mask = torch.from_numpy(bits[: side * side].astype(np.float32))
    return mask.view(1, 1, side, side) * 2 * SURE - SURE
