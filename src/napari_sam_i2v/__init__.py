"""Click a cell once, get its masklet through the whole movie.

The names below are the public ones; each is loaded when it is first used, so that
importing the package costs nothing and needs neither torch nor napari.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam_i2v.errors import InputError
    from napari_sam_i2v.inference.compat import build_video_predictor
    from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt
    from napari_sam_i2v.tracking import load_session, open_session, track
    from napari_sam_i2v.video import open_video
    from napari_sam_i2v.widgets.opening import annotate

__version__ = "0.1.0"

# OpenMP reads these when torch is first imported. Threads that spin while they wait for
# each other make tracking many times slower where something else uses the same cores,
# as napari does when it draws; threads that sleep at once make a click on an idle
# machine a third slower. GNU's OpenMP can spin for a few microseconds, then sleep.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

__all__ = [
    "BoxPrompt",
    "InputError",
    "MaskPrompt",
    "PointPrompt",
    "__version__",
    "annotate",
    "build_video_predictor",
    "load_session",
    "open_session",
    "open_video",
    "track",
]

_HOMES = {
    "BoxPrompt": "napari_sam_i2v.prompts",
    "InputError": "napari_sam_i2v.errors",
    "MaskPrompt": "napari_sam_i2v.prompts",
    "PointPrompt": "napari_sam_i2v.prompts",
    "annotate": "napari_sam_i2v.widgets.opening",
    "build_video_predictor": "napari_sam_i2v.inference.compat",
    "load_session": "napari_sam_i2v.tracking",
    "open_session": "napari_sam_i2v.tracking",
    "open_video": "napari_sam_i2v.video",
    "track": "napari_sam_i2v.tracking",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
