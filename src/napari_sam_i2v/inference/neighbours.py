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
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from napari_sam_i2v.inference.following import Found
from napari_sam_i2v.inference.viewing import Viewing
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.views import View

CONTESTED = 0.03
"""Share of an object that others must claim with more right before it gives way; at
twice as much it does so wholly."""

_PAIRS = 512  # compared at once: a few tens of megabytes


Claim = tuple[View, Tensor]
"""Where the network looked for an object, and its logits there, ``(1, 1, S, S)``."""


def contend(
    model: SamI2V,
    viewing: Viewing,
    found: Mapping[int, Found],
    prompted: Sequence[Claim],
) -> dict[int, Found]:
    """Settle who owns what, among objects that were looked for one by one.

    Parameters
    ----------
    model, viewing
        The network and how it looks.
    found
        The objects.
    prompted
        Others on that frame, which keep what a person gave them.

    Returns
    -------
    dict of int to Found
        The objects; those that lost next to nothing are what they were. One that is
        left with nothing is absent.
    """
    claims = [(each.view, each.prediction.logits) for each in found.values()]
    if not claims or len(claims) + len(prompted) < 2:
        return dict(found)
    logits = torch.cat([claimed for _, claimed in claims])
    rivals = strongest_rivals([*claims, *prompted])[: len(claims)]
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


def strongest_rivals(claims: Sequence[Claim]) -> Tensor:
    """Give the largest logit that any other claims, on the grid of each.

    Returns
    -------
    torch.Tensor
        ``(N, 1, S, S)``, 0 where no other claims anything.
    """
    logits = torch.cat([claimed.float() for _, claimed in claims])
    rivals = torch.zeros_like(logits)
    near = _near(claims, logits)
    for start in range(0, len(near), _PAIRS):
        pairs = near[start : start + _PAIRS]
        rows, others = (torch.from_numpy(each).to(logits.device) for each in pairs.T)
        grids = torch.stack(
            [_grid(claims[row][0], claims[other][0], logits) for row, other in pairs]
        )
        theirs = F.grid_sample(logits[others], grids, align_corners=False)
        index = rows[:, None, None, None].expand_as(theirs)
        rivals.scatter_reduce_(0, index, theirs, "amax")  # of 0 and theirs
    return rivals


def _near(claims: Sequence[Claim], logits: Tensor) -> NDArray[np.int64]:
    """Tell which pairs claim the same place, ``(P, 2)``, by their bounding boxes."""
    boxes = np.array(list(_boxes(claims, logits)))
    low, high = boxes[:, None, 0], boxes[:, None, 1]
    meet = (low < high.swapaxes(0, 1)).all(-1) & (low.swapaxes(0, 1) < high).all(-1)
    np.fill_diagonal(meet, val=False)
    return np.argwhere(meet)


def _boxes(claims: Sequence[Claim], logits: Tensor) -> Iterator[NDArray[np.float64]]:
    """Give first and last ``yx`` of what each claims; nothing meets what is NaN."""
    positive = logits[:, 0] > 0
    size = positive.shape[-1]
    for rows, columns, (view, _) in zip(
        positive.any(2).cpu().numpy(),
        positive.any(1).cpu().numpy(),
        claims,
        strict=True,
    ):
        if not rows.any():
            yield np.full((2, 2), np.nan)
            continue
        ends = [np.flatnonzero(line)[[0, -1]] + (0, 1) for line in (rows, columns)]
        steps = np.transpose(ends) / size  # (2 ends, yx)
        yield view.corner + steps * view.extent


def _grid(view: View, other: View, like: Tensor) -> Tensor:
    """Give places of a view's cells in another view, ``(S, S, 2)``, -1 to 1."""
    size = like.shape[-1]
    cells = (torch.arange(size, device=like.device, dtype=like.dtype) + 0.5) / size
    y, x = (
        (corner + cells * extent - other_corner) / other_extent * 2 - 1
        for corner, extent, other_corner, other_extent in zip(
            view.corner, view.extent, other.corner, other.extent, strict=True
        )
    )
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)
