"""Tracks as TrackMate's XML: spots with outlines, edges, and the settings it wants.

The file opens in TrackMate on ``masklets.tif``, which lies beside it. TrackMate refuses
a file without settings, though nothing is detected or tracked with them any more.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

import numpy as np
from skimage import measure

from napari_sam_i2v.io.disk import replacing
from napari_sam_i2v.io.track_graph import TrackGraph, track_graph
from napari_sam_i2v.masklets import Masklets, ScoreRow

TRACKMATE_FILE = "trackmate.xml"

# The oldest version whose files have what this one has: outlines, display settings.
_VERSION = "7.0.0"

# Feature, name, short name, dimension, whether it is a whole number.
_Feature = tuple[str, str, str, str, bool]
_SPOT_FEATURES: tuple[_Feature, ...] = (
    ("QUALITY", "Quality", "Quality", "QUALITY", False),
    ("POSITION_X", "X", "X", "POSITION", False),
    ("POSITION_Y", "Y", "Y", "POSITION", False),
    ("POSITION_Z", "Z", "Z", "POSITION", False),
    ("POSITION_T", "T", "T", "TIME", False),
    ("FRAME", "Frame", "Frame", "NONE", True),
    ("RADIUS", "Radius", "R", "LENGTH", False),
    ("VISIBILITY", "Visibility", "Visibility", "NONE", True),
    ("AREA", "Area", "Area", "AREA", False),
    ("OBJECT_ID", "Object id", "Object", "NONE", True),
    ("OBJECT_SCORE", "Object score", "Score", "NONE", False),
)
_EDGE_FEATURES: tuple[_Feature, ...] = (
    ("SPOT_SOURCE_ID", "Source spot ID", "Source ID", "NONE", True),
    ("SPOT_TARGET_ID", "Target spot ID", "Target ID", "NONE", True),
    ("LINK_COST", "Edge cost", "Cost", "COST", False),
)
_TRACK_FEATURES: tuple[_Feature, ...] = (
    ("TRACK_INDEX", "Track index", "Index", "NONE", True),
    ("TRACK_ID", "Track ID", "ID", "NONE", True),
    ("NUMBER_SPOTS", "Number of spots in track", "N spots", "NONE", True),
)

if TYPE_CHECKING:
    import pandas as pd
# What is not named keeps TrackMate's defaults.
_DISPLAY = {
    "name": "napari-sam-i2v",
    "spotColorByType": "TRACKS",
    "spotColorByFeature": "TRACK_INDEX",
    "trackColorByType": "TRACKS",
    "trackColorByFeature": "TRACK_INDEX",
    "trackDisplayMode": "LOCAL_BACKWARD",
}


class _Xml:
    """Writes elements one below the other, whatever their number."""

    def __init__(self, stream: Any) -> None:
        self._generator = XMLGenerator(stream, "UTF-8", short_empty_elements=True)

    @contextmanager
    def element(self, name: str, /, **attributes: object) -> Iterator[None]:
        """Write an element around what the block writes."""
        self._generator.startElement(name, _as_text(attributes))
        self._generator.ignorableWhitespace("\n")
        yield
        self._generator.endElement(name)
        self._generator.ignorableWhitespace("\n")

    def leaf(self, name: str, text: str = "", /, **attributes: object) -> None:
        """Write an element that holds no others."""
        self._generator.startElement(name, _as_text(attributes))
        self._generator.characters(text)
        self._generator.endElement(name)
        self._generator.ignorableWhitespace("\n")

    def begin(self) -> None:
        """Write the XML declaration."""
        self._generator.startDocument()


def write_trackmate(masklets: Masklets, folder: Path) -> None:
    """Write ``trackmate.xml``.

    Spots are objects on frames, an outline each (the longest, where a mask is in
    pieces; holes are left out). Positions and outlines are in the movie's unit, or in
    pixels. An object that is there on one frame only is a spot without a track.
    """
    graph = track_graph(masklets)
    with replacing(folder / TRACKMATE_FILE) as part, part.open("wb") as stream:
        xml = _Xml(stream)
        xml.begin()
        with xml.element("TrackMate", version=_VERSION):
            xml.leaf("Log", "Masklets of napari-sam-i2v.")
            units = {"spatialunits": _unit(masklets), "timeunits": "frame"}
            with xml.element("Model", **units):
                _write_features(xml)
                _write_spots(xml, masklets, graph.nodes)
                _write_tracks(xml, graph)
            _write_settings(xml, masklets)
            xml.leaf("GUIState", state="ConfigureViews")
            xml.leaf("DisplaySettings", json.dumps(_DISPLAY))


def _write_features(xml: _Xml) -> None:
    with xml.element("FeatureDeclarations"):
        for group, features in (
            ("SpotFeatures", _SPOT_FEATURES),
            ("EdgeFeatures", _EDGE_FEATURES),
            ("TrackFeatures", _TRACK_FEATURES),
        ):
            with xml.element(group):
                for feature, name, short, dimension, is_whole in features:
                    xml.leaf(
                        "Feature",
                        feature=feature,
                        name=name,
                        shortname=short,
                        dimension=dimension,
                        isint=is_whole,
                    )


def _write_spots(xml: _Xml, masklets: Masklets, nodes: pd.DataFrame) -> None:
    with xml.element("AllSpots", nspots=len(nodes)):
        for _, spots in nodes.groupby("frame"):
            rows = [ScoreRow._make(row) for row in spots.itertuples(index=False)]
            frame = int(rows[0].frame)
            labels = masklets.labels[frame]
            with xml.element("SpotsInFrame", frame=frame):
                for node, row in zip(spots.index.tolist(), rows, strict=True):
                    outline = _outline(labels == row.object_id)
                    _write_spot(xml, node, row, outline, _pixel_size(masklets))


def _write_spot(
    xml: _Xml,
    node: int,
    row: ScoreRow,
    outline: np.ndarray,
    pixel_size: tuple[float, float],
) -> None:
    height, width = pixel_size
    corners = (outline - (row.y, row.x)) * pixel_size
    area = row.area * height * width
    xml.leaf(
        "Spot",
        " ".join(f"{x:.5g} {y:.5g}" for y, x in corners),
        ID=node,
        name=row.object_id,
        QUALITY=row.predicted_iou,
        POSITION_X=row.x * width,
        POSITION_Y=row.y * height,
        POSITION_Z=0.0,
        POSITION_T=float(row.frame),
        FRAME=row.frame,
        RADIUS=math.sqrt(area / math.pi),
        VISIBILITY=1,
        AREA=area,
        OBJECT_ID=row.object_id,
        OBJECT_SCORE=row.object_score,
        ROI_N_POINTS=len(corners),
    )


def _write_tracks(xml: _Xml, graph: TrackGraph) -> None:
    object_ids = graph.nodes["object_id"].to_numpy()
    followed = object_ids[graph.edges[:, 0]]
    tracked = np.unique(followed).tolist()
    with xml.element("AllTracks"):
        # Ids of ours may be larger than TrackMate's can be.
        for index, object_id in enumerate(tracked):
            edges = graph.edges[followed == object_id]
            with xml.element(
                "Track",
                name=f"Object {object_id}",
                TRACK_INDEX=index,
                TRACK_ID=index,
                NUMBER_SPOTS=len(edges) + 1,
            ):
                for source, target in edges.tolist():
                    xml.leaf(
                        "Edge",
                        SPOT_SOURCE_ID=source,
                        SPOT_TARGET_ID=target,
                        LINK_COST=0.0,
                    )
    with xml.element("FilteredTracks"):
        for index in range(len(tracked)):
            xml.leaf("TrackID", TRACK_ID=index)


def _write_settings(xml: _Xml, masklets: Masklets) -> None:
    n_frames, n_rows, n_columns = masklets.shape
    height, width = _pixel_size(masklets)
    with xml.element("Settings"):
        xml.leaf(
            "ImageData",
            filename="masklets.tif",
            folder="",
            width=n_columns,
            height=n_rows,
            nslices=1,
            nframes=n_frames,
            pixelwidth=width,
            pixelheight=height,
            voxeldepth=1.0,
            timeinterval=1.0,
        )
        xml.leaf(
            "BasicSettings",
            xstart=0,
            xend=n_columns - 1,
            ystart=0,
            yend=n_rows - 1,
            zstart=0,
            zend=0,
            tstart=0,
            tend=n_frames - 1,
        )
        xml.leaf("DetectorSettings", DETECTOR_NAME="MANUAL_DETECTOR", RADIUS=5.0)
        xml.leaf("InitialSpotFilter", feature="QUALITY", value=0.0, isabove=True)
        xml.leaf("SpotFilterCollection")
        xml.leaf("TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
        xml.leaf("TrackFilterCollection")
        with xml.element("AnalyzerCollection"):
            for kind in ("SpotAnalyzers", "EdgeAnalyzers", "TrackAnalyzers"):
                xml.leaf(kind)


def _outline(mask: np.ndarray) -> np.ndarray:
    """Trace a mask, which has pixels: ``(N, 2)`` corners in ``yx``, not closed."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    crop = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1)
    longest = max(measure.find_contours(crop, 0.5), key=len)
    return np.asarray(longest[:-1] + (top - 1, left - 1))


def _pixel_size(masklets: Masklets) -> tuple[float, float]:
    return masklets.pixel_size or (1.0, 1.0)


def _unit(masklets: Masklets) -> str:
    return "pixel" if masklets.pixel_size is None else masklets.unit or "pixel"


def _as_text(attributes: Mapping[str, object]) -> AttributesImpl[str]:
    """Write values as Java reads them."""
    return AttributesImpl(
        {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in attributes.items()
        }
    )
