"""Masklets as a graph: an object on a frame is a node, its way to the next an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sam_i2v.masklets import Masklets

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackGraph:
    """Where objects are, and what follows what.

    Attributes
    ----------
    nodes
        Rows of ``scores.csv`` in which the object is present, sorted by frame, then
        id; the index counts them.
    edges
        Pairs of nodes of one object, ``(E, 2)``, sorted; between them it is absent.
    """

    nodes: pd.DataFrame
    edges: np.ndarray


def track_graph(masklets: Masklets) -> TrackGraph:
    """Find the nodes and edges of masklets."""
    scores = masklets.scores
    nodes = scores[scores["area"] > 0].reset_index(drop=True)
    order = nodes.sort_values(["object_id", "frame"], kind="stable")
    sources, targets = order.index.to_numpy()[:-1], order.index.to_numpy()[1:]
    ids = order["object_id"].to_numpy()
    same = ids[:-1] == ids[1:]
    edges = np.stack([sources[same], targets[same]], axis=1)
    return TrackGraph(nodes=nodes, edges=edges[np.lexsort(edges.T[::-1])])
