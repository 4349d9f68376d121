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

    def note(self, key: int, frame: int, tokens: Tensor, reach: int) -> None:
        """Keep a frame's features, ``(C, h, w)``; drop those out of reach."""
        own = self.maps.setdefault(key, {})
        own[frame] = F.normalize(tokens.float().flatten(), dim=0)
        for old in [t for t in own if abs(t - frame) > reach]:
            del own[old]

    def of(self, key: int, frame: int, others: Sequence[int]) -> NDArray[np.float64]:
        """Similarity of a frame to others; 0 where one is not known any more."""
        own = self.maps.get(key, {})
        here = own.get(frame)
        if here is None:
            return np.zeros(len(others))
        values = [torch.dot(own[t], here) if t in own else 0.0 for t in others]
        return np.array([float(value) for value in values])

    def forget(self, key: int, frame: int | None = None) -> None:
        """Forget an object's maps, or one of them."""
        if frame is None:
            self.maps.pop(key, None)
        else:
            self.maps.get(key, {}).pop(frame, None)
