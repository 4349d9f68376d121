"""Tracks in the Graph Exchange File Format, which the ``geff`` package writes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import replacing_folder
from napari_sam_i2v.io.track_graph import track_graph
from napari_sam_i2v.masklets import Masklets

GEFF_FOLDER = "tracks.geff"

_UNITS = {
    "m": "meter",
    "cm": "centimeter",
    "mm": "millimeter",
    "um": "micrometer",
    "µm": "micrometer",
    "μm": "micrometer",
    "micron": "micrometer",
    "microns": "micrometer",
    "nm": "nanometer",
}


def check_geff() -> None:
    """Refuse the format where the package that writes it is missing."""
    if find_spec("geff") is None:
        raise InputError(
            "the format geff needs the extra 'tracking': "
            "pip install 'napari-sam-i2v[tracking]'"
        )


def write_geff(masklets: Masklets, folder: Path) -> None:
    """Write ``tracks.geff``, a Zarr group.

    Nodes are objects on frames, with their ``object_id`` (the value in
    ``masklets.tif``), area and scores; edges lead to where the object is next present.
    Positions are in pixels and frames; the axes know the size of a pixel.
    """
    from geff.core_io import write_arrays

    graph = track_graph(masklets)
    nodes = graph.nodes
    columns = {
        "t": nodes["frame"].to_numpy(np.int64),
        "y": nodes["y"].to_numpy(np.float64),
        "x": nodes["x"].to_numpy(np.float64),
        "object_id": nodes["object_id"].to_numpy(np.int64),
        "area": nodes["area"].to_numpy(np.int64),
        "predicted_iou": nodes["predicted_iou"].to_numpy(np.float64),
        "object_score": nodes["object_score"].to_numpy(np.float64),
    }
    with replacing_folder(folder / GEFF_FOLDER) as part:
        write_arrays(
            part,
            node_ids=np.arange(len(nodes), dtype=np.uint64),
            node_props={
                name: {"values": values, "missing": None}
                for name, values in columns.items()
            },
            edge_ids=graph.edges.astype(np.uint64),
            edge_props={},
            metadata=_metadata(masklets),
        )


def _metadata(masklets: Masklets) -> Any:
    from geff import GeffMetadata
    from geff_spec import Axis

    unit = _UNITS.get(masklets.unit or "")
    axes = [Axis(name="t", type="time", unit="frame")]
    for index, name in enumerate("yx"):
        size = None if masklets.pixel_size is None else masklets.pixel_size[index]
        axes.append(
            Axis(
                name=name,
                type="space",
                unit="pixel",
                scale=size,
                scaled_unit=None if size is None else unit,
            )
        )
    return GeffMetadata(
        directed=True,
        axes=axes,
        node_props_metadata={},
        edge_props_metadata={},
        # An object never divides: its track is one tracklet and one lineage.
        track_node_props={"tracklet": "object_id", "lineage": "object_id"},
    )
