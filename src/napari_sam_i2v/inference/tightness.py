"""Masks of objects that a tight box was drawn around."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.inference.transforms import paste
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.prompts import BoxPrompt
from napari_sam_i2v.views import View

SLACK = 0.05
"""How far a tight box's sides may be from the mask's, as a part of the box, ..."""
PIXELS = 1.0
"""... and how far in any case."""
THRESHOLDS = np.arange(-3.0, 3.01, 0.25)
"""By how much logits may be lowered."""
COST = 0.05
"""Parts of the box that one unit of the threshold has to gain."""


def filled(
    prediction: Prediction, view: View, box: BoxPrompt, shape: tuple[int, int]
) -> Prediction:
    """Move the threshold of a mask until it fills the box that it nearly fills.

    A box that is tight tells where a mask ends on four sides (the tightness prior of
    Lempitsky et al. 2009). One that was drawn with room around the object tells
    nothing, so a mask that ends elsewhere stays as it is. The predicted IoU stays, too.

    Parameters
    ----------
    prediction
        Of one object.
    view
        Where the network looked.
    box
        What it was asked.
    shape
        ``(Y, X)`` of the frame.

    Returns
    -------
    Prediction
        With its logits shifted, or the same object where the box is not tight.
    """
    offset, logits = paste(prediction.logits[0, 0], view, shape, cropped=False)
    low, high = np.subtract(box.yx_min, offset), np.subtract(box.yx_max, offset)
    sides = high - low + 1
    profiles = [logits.max(axis=1 - axis, initial=-np.inf) for axis in (0, 1)]

    def gaps(threshold: float) -> NDArray[np.float64]:
        """Distances of the mask's sides from the box's, ``(2, 2)``."""
        seen = [np.flatnonzero(profile > threshold) for profile in profiles]
        if not all(len(places) for places in seen):
            return np.full((2, 2), np.inf)
        first, last = np.array([(places[0], places[-1]) for places in seen]).T
        return np.abs([first - low, last - high])

    if (gaps(0.0) > np.maximum(SLACK * sides, PIXELS)).any():
        return prediction
    costs = [(gaps(t) / sides).sum() + COST * abs(t) for t in THRESHOLDS]
    moved = float(THRESHOLDS[int(np.argmin(costs))])
    return replace(prediction, logits=prediction.logits - moved)
