"""Neighbours: objects that are followed side by side do not claim the same pixels.

A network that looks for one object at a time drifts from a cell to the next one where
they are alike and touch. What draws it there belongs to somebody who is followed too.
So objects of a frame contend for its pixels before anything is remembered, as in
methods that follow several objects at once (soft aggregation of Space-Time Memory
networks, Oh et al. 2019; SAM 2 can keep overlaps out of memory): where two claim a
pixel, each is left with what its logit has over the other's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_sam_i2v.inference.following import Found
from napari_sam_i2v.inference.transforms import squares_in
from napari_sam_i2v.inference.viewing import Viewing
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.model.sampling import sample_squares
from napari_sam_i2v.views import View

CONTESTED = 0.03
"""Share of an object that others must claim with more right before it gives way; at
twice as much it does so wholly."""


def contend(
    model: SamI2V, viewing: Viewing, found: Mapping[int, Found]
) -> dict[int, Found]:
    """Settle who owns what, among objects that were looked for one by one.

    Parameters
    ----------
    model, viewing
        The network and how it looks.
    found
        The objects of a frame.

    Returns
    -------
    dict of int to Found
        The objects; those that lost next to nothing are what they were. One that is
        left with nothing is absent.
    """
    if len(found) < 2:
        return dict(found)
    logits = torch.cat([each.prediction.logits for each in found.values()])
    rivals = strongest_rivals(logits, [each.view for each in found.values()])
    own, lost = logits > 0, (logits > 0) & (rivals > logits)
    share = lost.flatten(1).sum(1) / own.flatten(1).sum(1).clamp(min=1)
    # By and by, or a rounding error would decide whether an object gives way.
    gives = (share / CONTESTED - 1).clamp(0, 1)
    left = logits - gives[:, None, None, None] * rivals
    settled = {}
    for row, (object_id, each) in enumerate(found.items()):
        settled[object_id] = each
        if gives[row] == 0:
            continue
        prediction = replace(each.prediction, logits=left[row : row + 1])
        if not (prediction.logits > 0).any():
            prediction = model.absent(prediction)
        mask = viewing.mask(each.mask.frame, object_id, prediction, 0, each.view)
        settled[object_id] = replace(each, prediction=prediction, mask=mask)
    return settled


def strongest_rivals(logits: Tensor, views: Sequence[View]) -> Tensor:
    """Give the largest logit that any other object claims, on the grid of each.

    Parameters
    ----------
    logits
        ``(N, 1, S, S)``, in N views.
    views
        Where the network looked for each.

    Returns
    -------
    torch.Tensor
        ``(N, 1, S, S)``, float32; 0 where no other claims anything.
    """
    logits = logits.float()
    rivals = torch.zeros_like(logits)
    for row, near in enumerate(_near(logits, views)):
        if near.any():
            others = np.flatnonzero(near)
            theirs = _seen_by(views[row], logits[others], [views[o] for o in others])
            rivals[row] = theirs.amax(0).clamp(min=0)
    return rivals


def _near(logits: Tensor, views: Sequence[View]) -> NDArray[np.bool_]:
    """Tell who claims the same place as whom, ``(N, N)``, by their bounding boxes."""
    boxes = np.array(list(_boxes(logits, views)))
    low, high = boxes[:, None, 0], boxes[:, None, 1]
    before = (low < high.swapaxes(0, 1)).all(-1)
    meet = np.asarray(before & before.T)
    np.fill_diagonal(meet, val=False)
    return meet


def _boxes(logits: Tensor, views: Sequence[View]) -> Iterator[NDArray[np.float64]]:
    """Give first and last ``yx`` of what each claims; nothing meets what is NaN."""
    positive = logits[:, 0] > 0
    for rows, columns, view in zip(
        positive.any(2).cpu().numpy(), positive.any(1).cpu().numpy(), views, strict=True
    ):
        if not rows.any():
            yield np.full((2, 2), np.nan)
            continue
        ends = [np.flatnonzero(line)[[0, -1]] + (0, 1) for line in (rows, columns)]
        steps = np.transpose(ends) / len(rows)  # (2 ends, yx)
        yield view.corner + steps * view.extent


def _seen_by(view: View, logits: Tensor, views: Sequence[View]) -> Tensor:
    """Resample what is on the grids of other views to that of a view, 0 beyond."""
    centres, sides = squares_in(views, [view] * len(views), logits)
    return sample_squares(logits, centres, sides, logits.shape[-1], beyond="zeros")
