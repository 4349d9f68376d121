"""Scores of masklets against the truth: J, F, absence.

A *pair* is one prompted object on one frame that was not prompted. In a *present* pair
the truth holds the object's id; in an *absent* pair it no longer does. A pair with a
marker but no mask is not annotated and counts as neither.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.boundary import boundary_radius
from napari_sam_i2v.evaluation.pairs import Pair, Scene, held_ids, index_image, pairs_of
from napari_sam_i2v.prompts import Prompt

LOST_BELOW = 0.1
"""A present pair whose IoU is below this is lost."""


class LabelStack(Protocol):
    """Labels ``(T, Y, X)``; only read frame by frame."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(T, Y, X)``."""
        ...

    def __getitem__(self, key: int, /) -> Any:
        """Labels of one frame, ``(Y, X)``."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Scores:
    """How well the masklets of one movie follow the truth.

    Attributes
    ----------
    pairs
        One row per pair, sorted by frame, then id: ``frame``, ``object_id``,
        ``present``, ``j`` and ``f`` (0 to 1; empty where absent, ``f`` also where it
        was not asked for), ``truth_area`` and ``area`` (pixels).
    """

    pairs: pd.DataFrame

    @property
    def j(self) -> float:
        """Mean IoU over the present pairs; NaN if there are none."""
        return float(self.pairs["j"].mean())

    @property
    def f(self) -> float:
        """Mean boundary F over the present pairs; NaN if there are none."""
        return float(self.pairs["f"].mean())

    @property
    def n_present(self) -> int:
        """Pairs in which the truth holds the object."""
        return int(self.pairs["present"].sum())

    @property
    def n_absent(self) -> int:
        """Pairs in which the truth no longer holds the object."""
        return len(self.pairs) - self.n_present

    @property
    def lost(self) -> float:
        """Share of the present pairs with an IoU below 0.1; NaN if there are none."""
        iou = self.pairs.loc[self.pairs["present"], "j"]
        return float((iou < LOST_BELOW).mean())

    @property
    def ghosts(self) -> int:
        """Absent pairs in which the masklet is not empty."""
        return int((~self.pairs["present"] & (self.pairs["area"] > 0)).sum())

    @property
    def absence_accuracy(self) -> float:
        """Share of the absent pairs with an empty masklet; NaN if there are none."""
        return 1 - self.ghosts / self.n_absent if self.n_absent else float("nan")

    def restricted_to(self, other: Scores) -> Scores:
        """Keep only the pairs that other scores of the movie have too."""
        key = ["frame", "object_id"]
        shared = pd.MultiIndex.from_frame(other.pairs[key])
        kept = pd.MultiIndex.from_frame(self.pairs[key]).isin(shared)
        return Scores(pairs=self.pairs[kept].reset_index(drop=True))

    def per_object(self) -> pd.DataFrame:
        """Mean J and F, and numbers of pairs, by object id."""
        return self._means("object_id")

    def per_frame(self) -> pd.DataFrame:
        """Mean J and F, and numbers of pairs, by frame."""
        return self._means("frame")

    def summary(self) -> dict[str, float]:
        """Return the figures of the movie by name."""
        return {
            "j": self.j,
            "f": self.f,
            "absence_accuracy": self.absence_accuracy,
            "lost": self.lost,
            "ghosts": self.ghosts,
            "n_present": self.n_present,
            "n_absent": self.n_absent,
        }

    def _means(self, key: str) -> pd.DataFrame:
        ghosts = ~self.pairs["present"] & (self.pairs["area"] > 0)
        groups = self.pairs.assign(ghost=ghosts).groupby(key)
        return pd.DataFrame(
            {
                "j": groups["j"].mean(),
                "f": groups["f"].mean(),
                "n_present": groups["present"].sum(),
                "n_absent": groups["present"].count() - groups["present"].sum(),
                "ghosts": groups["ghost"].sum(),
            }
        )


def prompted_frames(prompts: Iterable[Prompt]) -> dict[int, frozenset[int]]:
    """Frames on which each object was prompted, by object id."""
    frames: dict[int, set[int]] = {}
    for prompt in prompts:
        frames.setdefault(prompt.object_id, set()).add(prompt.frame)
    return {object_id: frozenset(held) for object_id, held in sorted(frames.items())}


def score_masklets(
    predicted: LabelStack,
    truth: LabelStack,
    *,
    prompted: Mapping[int, Collection[int]],
    markers: LabelStack | None = None,
    frames: range | None = None,
    boundary: bool = True,
) -> Scores:
    """Compare masklets with the truth, frame by frame.

    Parameters
    ----------
    predicted
        Masklets as labels, ``(T, Y, X)``.
    truth
        True labels with the same ids, ``(T, Y, X)``.
    prompted
        For every object to score, the frames on which it was prompted; these are left
        out. An object is absent only after the first of them.
    markers
        Blobs inside every object, ``(T, Y, X)``, same ids as the truth. A pair with a
        marker and no true mask is skipped.
    frames
        Frames to score; all by default.
    boundary
        Whether to compute F, which takes most of the time.

    Returns
    -------
    Scores
        The pairs and their means.
    """
    _check_shapes(predicted, truth, markers)
    if not prompted:
        raise InputError("no prompted objects to score; name at least one")
    ids = np.array(sorted(prompted), np.int64)
    radius = boundary_radius((truth.shape[1], truth.shape[2])) if boundary else None
    rows: list[Pair] = []
    for t in frames if frames is not None else range(truth.shape[0]):
        scene = Scene(
            frame=t,
            ids=ids,
            predicted=index_image(predicted[t], ids),
            truth=index_image(truth[t], ids),
            marked=held_ids(markers[t], ids) if markers is not None else None,
        )
        rows.extend(pairs_of(scene, prompted, radius))
    columns = [field.name for field in dataclasses.fields(Pair)]
    pairs = pd.DataFrame([dataclasses.astuple(row) for row in rows], columns=columns)
    return Scores(pairs=pairs.astype({"present": bool, "j": float, "f": float}))


def _check_shapes(
    predicted: LabelStack, truth: LabelStack, markers: LabelStack | None
) -> None:
    if len(truth.shape) != 3:
        raise InputError(
            f"the truth has shape {tuple(truth.shape)}; expected (T, Y, X)"
        )
    for name, stack in (("masklets", predicted), ("markers", markers)):
        if stack is not None and tuple(stack.shape) != tuple(truth.shape):
            raise InputError(
                f"the {name} have shape {tuple(stack.shape)}, the truth has "
                f"{tuple(truth.shape)}; both must be of the same movie"
            )
