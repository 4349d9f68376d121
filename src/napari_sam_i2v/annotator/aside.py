"""Layers of an annotator that was closed before, and labels for those of a new one."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam_i2v.contributions.settings import plugin_settings

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

OF, ROLE, SELF = "sam_i2v_image", "sam_i2v_role", "sam_i2v_layer"
"""Keys of metadata: which image a layer accompanies, as what, and which layer it is."""


def mark(layer: Layer, image: Layer, role: str) -> None:
    """Note which image a layer accompanies, as what."""
    # A copy that a person makes has the same metadata, but is another layer.
    layer.metadata.update({OF: image.unique_id, ROLE: role, SELF: layer.unique_id})


def put_aside(viewer: napari.Viewer, image: Layer) -> None:
    """Remove the prompt layers of an annotator closed before; hide its masklets.

    What the prompts said is in its session; masklets may have been changed since.
    """
    for layer in list(viewer.layers):
        if layer.metadata.get(OF) != image.unique_id:
            continue
        is_ours = layer.metadata[SELF] == layer.unique_id
        if is_ours and layer.metadata[ROLE] != "masklets":
            viewer.layers.remove(layer)
            continue
        if is_ours:
            layer.visible = False
            if layer.name == f"{image.name} masklets":
                layer.name = f"{image.name} masklets, before"
        for key in (OF, ROLE, SELF):
            layer.metadata.pop(key)


def empty_labels(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Make labels that take up memory, or disk, only where they are written."""
    if plugin_settings().fits_memory(int(np.prod(shape)) * dtype.itemsize):
        return np.zeros(shape, dtype)
    with tempfile.NamedTemporaryFile(prefix="sam-i2v-", suffix=".labels") as file:
        # The mapping keeps the unnamed file alive; Windows keeps its name too.
        return np.memmap(file, dtype, "w+", shape=shape)
