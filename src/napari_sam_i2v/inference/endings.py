"""Objects that end: cells that have divided are gone from there on."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from napari_sam_i2v.inference.division import DivisionFinder, Scout
from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.session.predictor import Interrupted
from napari_sam_i2v.views import View


def end_divided(
    finder: DivisionFinder,
    engine: Scout,
    prediction: Prediction,
    masks: Sequence[ObjectMask],
    views: Sequence[View],
    states: Sequence[ObjectState],
) -> tuple[Prediction, list[bool]]:
    """Say of cells that have divided that they are not there any more.

    Parameters
    ----------
    finder
        Tells whether a cell has divided.
    engine
        Helps it; its ``interrupted`` is asked before every closer look.
    prediction
        What the network says of B objects on a frame.
    masks, views, states
        Their masks there, where it looked, and what is known of them: B each.

    Returns
    -------
    tuple of Prediction and list of bool
        What it says now, and which objects have divided.

    Raises
    ------
    Interrupted
        If the engine is told to stop.
    """
    divided = []
    for mask, view, state in zip(masks, views, states, strict=True):
        closer = finder.looks_twice(mask)
        if closer and engine.interrupted():
            raise Interrupted
        divided.append(closer and finder.divided(engine, mask, view, state))
    if not any(divided):
        return prediction, divided
    gone = torch.tensor(divided, device=prediction.iou.device)
    return finder.model.absent(prediction).where(gone, prediction), divided
