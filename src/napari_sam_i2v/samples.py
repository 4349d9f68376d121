"""Movies for napari's ``File > Open Sample`` menu."""

from __future__ import annotations

from typing import Any

from napari_sam_i2v.simulation import SimulationSettings, simulate


def simulated_nuclei() -> list[tuple[Any, dict[str, Any], str]]:
    """Simulate dividing nuclei, with their true labels.

    Returns
    -------
    list of tuple
        An image and a labels layer, as napari wants them: data, settings, kind.
    """
    movie = simulate(SimulationSettings(modality="nuclei", frames=30, cells=30))
    return [
        (movie.images, {"name": "simulated nuclei"}, "image"),
        (movie.labels, {"name": "true nuclei", "visible": False}, "labels"),
    ]
