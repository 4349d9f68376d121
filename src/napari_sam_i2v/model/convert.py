"""Released weights in, safetensors out."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors.torch import save

from napari_sam_i2v.model import build_model, load_weights


def convert_weights(source: Path, name: str, destination: Path) -> None:
    """Check weights against a model and store them as safetensors.

    Parameters
    ----------
    source
        A released ``.pt``, a plain state dict or a ``.safetensors``; nothing that was
        pickled into it is run.
    name
        The model they are for; a key or shape that differs is an error.
    destination
        The ``.safetensors`` to write. It is replaced in one step, so that no reader
        ever sees half of it.
    """
    model = build_model(name)
    load_weights(model, source)
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()}
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(f"{destination.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(save(tensors, metadata={"model": name}))
        partial.replace(destination)
    finally:
        partial.unlink(missing_ok=True)
