"""The network: SAM-I2V and its smaller relatives."""

from napari_sam_i2v.model.build import build_model, load_model_config, model_names
from napari_sam_i2v.model.weights import init_from_tinysam, load_weights

__all__ = [
    "build_model",
    "init_from_tinysam",
    "load_model_config",
    "load_weights",
    "model_names",
]
