"""Movies of cells with exact labels and lineage, from a seed."""

from napari_sam_i2v.simulation.modalities import MODALITIES
from napari_sam_i2v.simulation.settings import (
    SimulatedMovie,
    SimulationSettings,
    Track,
)
from napari_sam_i2v.simulation.simulate import simulate
from napari_sam_i2v.simulation.write import write_movie

__all__ = [
    "MODALITIES",
    "SimulatedMovie",
    "SimulationSettings",
    "Track",
    "simulate",
    "write_movie",
]
