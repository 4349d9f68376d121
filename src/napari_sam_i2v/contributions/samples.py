"""Movies for napari's ``File > Open Sample`` menu that are made on the spot."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from napari_sam_i2v.annotator.names import OBJECT_ID, POSITIVE
from napari_sam_i2v.contributions.ctc_layers import Layer
from napari_sam_i2v.simulation import SimulationSettings, simulate

_CLICKS = 4


def simulated_nuclei() -> list[Layer]:
    """Simulate dividing nuclei; see `simulated`."""
    return simulated(
        SimulationSettings(modality="nuclei", frames=30, cells=30), "nuclei"
    )


def simulated_phase() -> list[Layer]:
    """Simulate crawling cells in phase contrast; see `simulated`."""
    settings = SimulationSettings(modality="phase", body="sheet", frames=30, cells=14)
    return simulated(settings, "phase contrast")


def simulated_yeast() -> list[Layer]:
    """Simulate budding yeast in transmitted light; see `simulated`."""
    return simulated(SimulationSettings(modality="yeast", frames=30, cells=12), "yeast")


def simulated(settings: SimulationSettings, name: str) -> list[Layer]:
    """Simulate a movie with prompts to try.

    Parameters
    ----------
    settings
        What to simulate.
    name
        What to call it.

    Returns
    -------
    list of tuple
        The movie; its true labels, hidden; the labels of the first frame alone, to be
        taken as mask prompts; a click on each of a few large cells of that frame, with
        the features ``object_id`` and ``positive``.
    """
    movie = simulate(settings)
    first = np.zeros_like(movie.labels)
    first[0] = movie.labels[0]
    clicks = _clicks(movie.labels[0])
    ids = list(clicks)
    points: dict[str, Any] = {
        "name": f"{name} clicks",
        "features": {OBJECT_ID: ids, POSITIVE: [True] * len(ids)},
        "face_color": "limegreen",
        "border_color": "white",
        "size": 6,
    }
    return [
        (movie.images, {"name": f"simulated {name}"}, "image"),
        (movie.labels, {"name": f"true {name}", "visible": False}, "labels"),
        (first, {"name": f"{name} of frame 0", "opacity": 0.4}, "labels"),
        ([(0, *yx) for yx in clicks.values()], points, "points"),
    ]


def _clicks(labels: np.ndarray) -> dict[int, tuple[float, float]]:
    """Choose the innermost pixels of the largest labels: ``yx`` by label."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    chosen = [int(i) for i in np.argsort(areas)[::-1][:_CLICKS] if areas[i]]
    clicks = {}
    for label in chosen:
        depth = ndimage.distance_transform_edt(labels == label)
        y, x = np.unravel_index(np.argmax(depth), labels.shape)
        clicks[label] = (float(y), float(x))
    return clicks
