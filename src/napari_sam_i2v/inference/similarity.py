"""How alike frames look: once per frame, not once per object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


class FrameLikeness:
    """Cosine similarity between the feature maps of frames (SAM-I2V section 3.3).

    Maps are kept under a key: one for all objects that share whole-frame views, or
    one for each object that is followed.
    """

    def __init__(self) -> None:
        self.maps: dict[int, dict[int, Tensor]] = {}
        self._compared: tuple[tuple[int, int] | None, dict[int, float]] = None, {}

    def note(self, key: int, frame: int, tokens: Tensor, reach: int) -> None:
        """Keep a frame's features, ``(C, h, w)``; drop those out of reach."""
        own = self.maps.setdefault(key, {})
        own[frame] = F.normalize(tokens.float().flatten(), dim=0)
        if frame in self._compared[1] or self._compared[0] == (key, frame):
            self._compared = None, {}
        for old in [t for t in own if abs(t - frame) > reach]:
            del own[old]

    def missing(self, key: int, frames: Sequence[int]) -> list[int]:
        """Tell which frames are not known, or not any more."""
        return [t for t in frames if t not in self.maps.get(key, {})]

    def of(self, key: int, frame: int, others: Sequence[int]) -> NDArray[np.float64]:
        """Similarity of a frame to others, all of them known."""
        if self._compared[0] != (key, frame):
            self._compared = (key, frame), {}
        own, values = self.maps[key], self._compared[1]
        for t in others:
            if t not in values:
                values[t] = float(torch.dot(own[t], own[frame]))
        return np.array([values[t] for t in others])

    def forget(self, key: int, frame: int | None = None) -> None:
        """Forget an object's maps, or one of them."""
        if frame is None:
            self.maps.pop(key, None)
        else:
            self.maps.get(key, {}).pop(frame, None)
