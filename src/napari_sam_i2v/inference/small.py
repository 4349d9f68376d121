"""Small holes and specks in masks."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from skimage import morphology

from napari_sam_i2v.model.sam_i2v import Prediction

# What the released code writes into a filled hole.
_FILLED = 0.1


def clean_small(prediction: Prediction, area: int) -> Prediction:
    """Fill holes and remove specks of up to ``area`` pixels of the decoder's grid.

    Components are 8-connected, on any device; 0 changes nothing.
    """
    if area <= 0:
        return prediction
    logits = prediction.logits.clone()
    for row in logits[:, 0]:
        mask = (row > 0).cpu().numpy()
        filled = morphology.remove_small_holes(mask, max_size=area, connectivity=2)
        cleaned = morphology.remove_small_objects(filled, max_size=area, connectivity=2)
        for changed, value in (
            (filled & ~mask, _FILLED),
            (filled & ~cleaned, -_FILLED),
        ):
            if np.any(changed):
                row[torch.from_numpy(changed).to(row.device)] = value
    return dataclasses.replace(prediction, logits=logits)
