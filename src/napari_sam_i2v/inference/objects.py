"""What the engine knows of one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from napari_sam_i2v.model.memory import MemoryBank, MemoryEntry
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.prompts import MaskPrompt, Prompt
from napari_sam_i2v.views import Extent, View


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
    """

    view: View
    seen: Extent | None
    reverse: bool | None = None


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
    """

    bank: MemoryBank = field(default_factory=MemoryBank)
    vouched: dict[int, Vouched] = field(default_factory=dict)
    sightings: dict[int, Sighting] = field(default_factory=dict)
    logits: dict[int, Tensor] = field(default_factory=dict)

    def forget(self, frame: int) -> None:
        """Forget one frame."""
        self.bank.drop(frame)
        self.vouched.pop(frame, None)
        self.sightings.pop(frame, None)
        self.logits.pop(frame, None)

    def note(self, frame: int, entry: MemoryEntry, logits: Tensor, reach: int) -> None:
        """Keep what a tracked frame left behind, and drop what is out of reach."""
        self.bank.tracked[frame] = entry
        self.bank.keep_near(frame, reach)
        self.logits = {
            t: older.half()
            for t, older in self.logits.items()
            if abs(t - frame) <= reach
        }
        self.logits[frame] = logits.clone()

    def tracked_mask(self, frame: int) -> Tracked | None:
        """Give what tracking says on a frame, or said before it was prompted."""
        if frame in self.vouched:
            return self.vouched[frame].corrects
        sighting, logits = self.sightings.get(frame), self.logits.get(frame)
        if sighting is None or logits is None:
            return None
        return Tracked(sighting, logits)

    def waiting(self) -> list[int]:
        """Prompted frames that are not memory yet."""
        return [t for t in sorted(self.vouched) if t not in self.bank.conditioning]

    def before(self, frame: int, *, reverse: bool) -> Sighting | None:
        """Give the nearest sighting behind a frame in the direction of travel."""
        behind: Sequence[int] = [
            t for t in self.sightings if (t > frame if reverse else t < frame)
        ]
        if not behind:
            behind = list(self.sightings)
        if not behind:
            return None
        return self.sightings[min(behind, key=lambda t: abs(t - frame))]
