"""Which engine runs which model. Torch is imported only when one is built."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from napari_sam_i2v.checkpoints import (
    find_weights,
    fine_tuned_config,
    fine_tuned_names,
)
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.predictor import Predictor
from napari_sam_i2v.session.settings import Divisions, Neighbours, Views
from napari_sam_i2v.video import VideoSource
from napari_sam_i2v.views import Extent, extent_of_prompts

_log = logging.getLogger(__name__)

MODEL_FOLDER = Path(__file__).with_name("configs") / "models"
_SUFFIXES = (".yaml", ".yml")

Builder = Callable[..., Predictor]


def _sam_i2v(name: str, video: VideoSource, **options: Any) -> Predictor:
    from napari_sam_i2v.inference.build import build_predictor

    return cast(Predictor, build_predictor(name, video, **options))


BACKENDS: dict[str, Builder] = {"sam-i2v": _sam_i2v, "sam-i2v-cell": _sam_i2v}
"""Model name to the function that builds its engine."""


def bundled_names() -> list[str]:
    """List the models that come with the package."""
    return sorted({*BACKENDS, *(path.stem for path in MODEL_FOLDER.glob("*.yaml"))})


def model_names() -> list[str]:
    """List the models that can be asked for by name: bundled, then fine-tuned ones.

    Read anew at every call: a model that was just fine-tuned is among them.
    """
    return list(dict.fromkeys([*bundled_names(), *fine_tuned_names()]))


def model_file(name: str) -> Path:
    """Find the YAML file that describes a model.

    Parameters
    ----------
    name
        Name of a model, or path of its YAML file.

    Raises
    ------
    InputError
        As `check_model`, and if a model is described by no file.
    """
    check_model(name)
    if name not in model_names():
        return Path(name)
    own = None if name in bundled_names() else fine_tuned_config(name)
    path = own or MODEL_FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise InputError(f"the model {name} is described by no YAML file")
    return path


def check_model(name: str) -> None:
    """Refuse a model that there is not.

    Raises
    ------
    InputError
        If it is neither a known name nor a YAML file.
    """
    if name in model_names():
        return
    if name.lower().endswith(_SUFFIXES):
        if Path(name).is_file():
            return
        raise InputError(f"no such model file: {name}")
    raise InputError(
        f"unknown model {name!r}; known: {', '.join(model_names())}, or the path of a "
        "model's YAML file"
    )


def usable_device(device: str) -> str:
    """Give ``auto`` in place of a device that there was elsewhere, but is not here."""
    if device in ("auto", "cpu"):
        return device
    from napari_sam_i2v.model.devices import find_device

    try:
        find_device(device)
    except InputError as error:
        _log.warning("%s; going on with auto", str(error).partition(";")[0])
        return "auto"
    return device


def build(  # noqa: PLR0913  one call for all there is to choose
    name: str,
    video: VideoSource,
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    views: Views = "auto",
    cell_size: float | None = None,
    divisions: Divisions = "end",
    neighbours: Neighbours = "contend",
    prompts: Sequence[Prompt] = (),
) -> Predictor:
    """Build the engine of a model.

    Parameters
    ----------
    name
        Name of a model, or path of its YAML file.
    video
        The movie it will look at.
    checkpoint
        Weights; by default those known by the model's name.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    seed
        For what is drawn at random.
    views
        How it looks at a frame.
    cell_size
        Diameter of a typical object in pixels, as a hint.
    divisions
        Whether cells end where they divide, or are doubtful for a while.
    neighbours
        Whether objects that are followed together contend for pixels.
    prompts
        Those known beforehand, from which ``auto`` learns how large objects are.

    Returns
    -------
    Predictor
        The engine, with no objects yet.
    """
    check_model(name)
    builder: Builder = BACKENDS.get(name, _sam_i2v)
    fine_tuned = None if name in bundled_names() else fine_tuned_config(name)
    if fine_tuned is not None:
        checkpoint = checkpoint or find_weights(name)
    return builder(
        str(fine_tuned or name),
        video,
        checkpoint=None if checkpoint is None else Path(checkpoint),
        device=device,
        seed=seed,
        views=views,
        cell_size=cell_size,
        divisions=divisions,
        neighbours=neighbours,
        extents=_extents(prompts),
    )


def _extents(prompts: Sequence[Prompt]) -> list[Extent]:
    found = (extent_of_prompts([prompt]) for prompt in prompts)
    return [extent for extent in found if extent is not None]
