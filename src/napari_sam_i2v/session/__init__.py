"""What a person does to a movie's objects, written down as it is done.

The session and the protocol of its engine are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam_i2v.session.predictor import Predictor
    from napari_sam_i2v.session.session import TrackingSession

__all__ = ["Predictor", "TrackingSession"]

_HOMES = {
    "Predictor": "napari_sam_i2v.session.predictor",
    "TrackingSession": "napari_sam_i2v.session.session",
}


def __getattr__(name: str) -> object:
    """Load a name from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
