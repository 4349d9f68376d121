"""What frames leave behind, and how it is laid out for attention."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class MemoryEntry:
    """What one frame leaves behind of one object, or of a batch of objects.

    Attributes
    ----------
    features
        Memory features, ``(B, N, D)``; kept in bfloat16 by the engine.
    pointer
        Object pointer, ``(B, C)``.
    foreground
        Whether a token lies in the object, bool, ``(B, N)``.
    """

    features: Tensor
    pointer: Tensor
    foreground: Tensor

    def row(self, row: int) -> MemoryEntry:
        """Give one object's entry, rounded as the released model keeps it."""
        here = slice(row, row + 1)
        return MemoryEntry(
            self.features[here].to(torch.bfloat16).clone(),
            self.pointer[here].clone(),
            self.foreground[here].clone(),
        )


@dataclass
class MemoryBank:
    """The entries of one object, or of one batch of objects in training.

    Attributes
    ----------
    conditioning
        Entries of frames a person vouched for, by frame.
    tracked
        Entries of all other frames, by frame.
    """

    conditioning: dict[int, MemoryEntry] = field(default_factory=dict)
    tracked: dict[int, MemoryEntry] = field(default_factory=dict)

    def __getitem__(self, frame: int) -> MemoryEntry:
        entry = self.conditioning.get(frame)
        return self.tracked[frame] if entry is None else entry

    def drop(self, frame: int) -> None:
        """Forget a frame, if it is there."""
        self.conditioning.pop(frame, None)
        self.tracked.pop(frame, None)

    def keep_near(self, frame: int, reach: int) -> None:
        """Drop tracked frames that no frame from here on can select."""
        for other in [t for t in self.tracked if abs(t - frame) > reach]:
            del self.tracked[other]


@dataclass(frozen=True)
class MemoryTokens:
    """Selected memory as attention wants it: B objects, K entries, N + P tokens each.

    Attributes
    ----------
    spatial, spatial_position
        Memory features and their positions, ``(B, K, N, D)``.
    pointers, pointer_position
        Object pointers cut into P tokens, ``(B, K, P, D)``, and their positions.
    bias
        Logarithm of how often a token counts, ``(B, 1, K * N + K * P)``, minus
        infinity where an object has fewer entries; ``None`` if all count once.
    foreground
        ``(B, K, N)``, bool.
    """

    spatial: Tensor
    spatial_position: Tensor
    pointers: Tensor
    pointer_position: Tensor
    bias: Tensor | None
    foreground: Tensor

    @property
    def values(self) -> Tensor:
        """All tokens, ``(B, K * N + K * P, D)``: spatial ones, then pointers."""
        return torch.cat([self.spatial.flatten(1, 2), self.pointers.flatten(1, 2)], 1)

    @property
    def foreground_bias(self) -> Tensor:
        """:attr:`bias` with background tokens shut out; pointers always count."""
        count, tokens = self.pointers.shape[0], self.pointers.shape[1:3].numel()
        shut = torch.zeros(
            (count, self.foreground.shape[1:].numel() + tokens),
            device=self.foreground.device,
        )
        shut[:, : -tokens or None].masked_fill_(
            ~self.foreground.flatten(1), float("-inf")
        )
        return shut[:, None] if self.bias is None else shut[:, None] + self.bias
