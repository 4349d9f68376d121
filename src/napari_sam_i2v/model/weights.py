"""Reading and writing weights; nothing here ever runs code from a file."""

from __future__ import annotations

import difflib
import json
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model.sam_i2v import SamI2V

# Where TinySAM's weights go, and what is new or unused there.
_FROM_TINYSAM = (
    "image_encoder.trunk_image.",
    "sam_prompt_encoder.",
    "sam_mask_decoder.",
)
_NOT_IN_TINYSAM = (
    "image_encoder.trunk_image.head.",
    "image_encoder.trunk_image.norm_head.",
    "sam_mask_decoder.obj_score_token.",
    "sam_mask_decoder.pred_obj_score_head.",
)


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read a state dict from ``.safetensors`` or from a torch file.

    Parameters
    ----------
    path
        A safetensors file, a plain state dict, or a dict with one under ``"model"``
        (the released layout).

    Raises
    ------
    InputError
        If the file is missing, cut short, not weights, or a pickle that would run
        code, which it does not get to do.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint file")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols a user knows nothing
            content = torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise InputError(
            f"{path}: not a whole safetensors file ({error}); get it again"
        ) from error
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: holds more than weights, or is no checkpoint; nothing in it was "
            "run. Expected a state dict or a dict with one under 'model'"
        ) from error
    except Exception as error:  # a torn pickle raises whatever it stumbles on
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"{path}: not a whole checkpoint ({first}); get it again"
        ) from error
    state = content.get("model", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor)
        for key, value in state.items()
    ):
        raise InputError(f"{path}: expected a state dict, or one under 'model'")
    return dict(state)


def check_state(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: str
) -> None:
    """Raise an error naming the first missing, extra or misshapen key."""
    missing = sorted(expected.keys() - state.keys())
    extra = sorted(state.keys() - expected.keys())
    counts = f"({len(missing)} missing, {len(extra)} unknown keys in all)"
    if missing:
        near = difflib.get_close_matches(missing[0], extra, n=1, cutoff=0.8)
        hint = f"; the file has {near[0]!r}" if near else ""
        raise InputError(
            f"{source}: weights are of another architecture: "
            f"{missing[0]!r} is missing{hint} {counts}"
        )
    if extra:
        raise InputError(
            f"{source}: weights are of another architecture: "
            f"{extra[0]!r} is not a key of this model {counts}"
        )
    for key, tensor in expected.items():
        if state[key].shape != tensor.shape:
            raise InputError(
                f"{source}: weights are of another architecture: {key!r} has shape "
                f"{tuple(state[key].shape)}, this model wants {tuple(tensor.shape)}"
            )


def load_weights(model: SamI2V, path: str | Path) -> SamI2V:
    """Fill a model with weights from a file.

    Parameters
    ----------
    model
        As made by :func:`build_model`.
    path
        ``.pt`` or ``.pth`` in the released layout, a plain state dict, or
        ``.safetensors``. Half-precision weights are widened.

    Raises
    ------
    InputError
        If the file cannot be read, or a key is missing, extra or misshapen.
    """
    state = read_state(path)
    check_state(state, model.state_dict(), str(path))
    model.load_state_dict(state)
    return model.eval()


def init_from_tinysam(model: SamI2V, path: str | Path) -> list[str]:
    """Start a model from TinySAM's weights, as SAM-I2V's training does.

    The image encoder goes under ``image_encoder.trunk_image``, prompt encoder and
    mask decoder under their ``sam_`` names, and the two layers of the two-way
    transformer's feed-forward nets are numbered instead of named.

    Parameters
    ----------
    model
        A member with the released architecture.
    path
        ``tinysam.pth``.

    Returns
    -------
    list of str
        Keys of the model that TinySAM has nothing for; they keep their values.

    Raises
    ------
    InputError
        If a key of TinySAM is missing, or does not fit the model.
    """
    own = model.state_dict()
    source = read_state(path)
    taken = {}
    for key, tensor in source.items():
        target = tinysam_key(key)
        if target not in own:
            continue
        if own[target].shape != tensor.shape:
            raise InputError(
                f"{path}: {key!r} has shape {tuple(tensor.shape)}, this model wants "
                f"{tuple(own[target].shape)}; TinySAM fits the released sizes only"
            )
        taken[target] = tensor
    if not taken:
        raise InputError(f"{path}: not TinySAM weights: no key of it fits the model")
    missing = [
        key
        for key in sorted(own.keys() - taken.keys())
        if key.startswith(_FROM_TINYSAM) and not key.startswith(_NOT_IN_TINYSAM)
    ]
    if missing:
        raise InputError(
            f"{path}: not all of TinySAM: nothing for {missing[0]!r} "
            f"({len(missing)} missing in all)"
        )
    model.load_state_dict(taken, strict=False)
    return sorted(own.keys() - taken.keys())


def tinysam_key(key: str) -> str:
    """Name a TinySAM parameter as SAM-I2V does."""
    for old, new in (
        ("image_encoder.", "image_encoder.trunk_image."),
        ("prompt_encoder.", "sam_prompt_encoder."),
        ("mask_decoder.", "sam_mask_decoder."),
    ):
        if key.startswith(old):
            key = new + key.removeprefix(old)
            break
    return key.replace("mlp.lin1.", "mlp.layers.0.").replace(
        "mlp.lin2.", "mlp.layers.1."
    )


def header_of(path: str | Path) -> dict[str, str]:
    """Read the metadata of a safetensors file, without its tensors."""
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return dict(header.get("__metadata__", {}))
