"""The engine's state as bytes: plain values and tensors, no code."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import torch

from napari_sam_i2v.inference.objects import ObjectState, Sighting, Tracked, Vouched
from napari_sam_i2v.inference.similarity import FrameLikeness
from napari_sam_i2v.model.memory import MemoryBank, MemoryEntry
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.views import Extent, View

_KINDS = {kind.__name__: kind for kind in (PointPrompt, BoxPrompt, MaskPrompt)}


def pack(objects: dict[int, ObjectState], likeness: FrameLikeness, views: str) -> bytes:
    """Write down all tracking depends on."""
    content = {
        "objects": {i: _pack_object(state) for i, state in objects.items()},
        "maps": likeness.maps,
        "views": views,
    }
    buffer = io.BytesIO()
    torch.save(_plain(content), buffer)
    return buffer.getvalue()


def unpack(
    data: bytes, device: torch.device
) -> tuple[dict[int, ObjectState], FrameLikeness, str]:
    """Read :func:`pack`'s bytes back."""
    content = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    likeness = FrameLikeness()
    likeness.maps = content["maps"]
    objects = {i: _unpack_object(packed) for i, packed in content["objects"].items()}
    return objects, likeness, content["views"]


def _plain(value: Any) -> Any:
    """Turn numpy's numbers into Python's: prompts from tables and arrays hold them."""
    match value:
        case np.generic():
            return value.item()
        case dict():
            return {_plain(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return type(value)(_plain(item) for item in value)
        case _:
            return value


def _pack_object(state: ObjectState) -> dict:
    return {
        "conditioning": {t: vars(e) for t, e in state.bank.conditioning.items()},
        "tracked": {t: vars(e) for t, e in state.bank.tracked.items()},
        "vouched": {t: _pack_vouched(v) for t, v in state.vouched.items()},
        "sightings": {t: _pack_sighting(s) for t, s in state.sightings.items()},
        "logits": state.logits,
        "masks": {t: _as_tensor(packed) for t, packed in state.masks.items()},
    }


def _unpack_object(packed: dict) -> ObjectState:
    bank = MemoryBank(
        {t: MemoryEntry(**e) for t, e in packed["conditioning"].items()},
        {t: MemoryEntry(**e) for t, e in packed["tracked"].items()},
    )
    return ObjectState(
        bank,
        {t: _unpack_vouched(v) for t, v in packed["vouched"].items()},
        {t: _unpack_sighting(s) for t, s in packed["sightings"].items()},
        packed["logits"],
        {t: bytes(mask.cpu().numpy()) for t, mask in packed["masks"].items()},
    )


def _as_tensor(packed: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(packed), dtype=torch.uint8)


def _pack_sighting(sighting: Sighting) -> tuple:
    view, seen = sighting.view, sighting.seen
    extent = None if seen is None else (seen.centre, seen.diameter)
    others = sighting.reverse, sighting.ending, sighting.area, sighting.score
    return (view.corner, view.extent), extent, *others


def _unpack_sighting(packed: tuple) -> Sighting:
    (corner, size), extent, reverse, ending, *others = packed
    if isinstance(ending, bool):  # written when cells could but divide
        ending = "divided" if ending else None
    seen = None if extent is None else Extent(*extent)
    return Sighting(View(corner, size), seen, reverse, ending, *others)


def _pack_vouched(vouched: Vouched) -> dict:
    corrects = vouched.corrects
    return {
        "view": (vouched.view.corner, vouched.view.extent),
        "prediction": vouched.prediction and vars(vouched.prediction),
        "mask": vouched.mask and _pack_prompt(vouched.mask),
        "prompts": [_pack_prompt(prompt) for prompt in vouched.prompts],
        "corrects": corrects
        and {
            "sighting": _pack_sighting(corrects.sighting),
            "logits": corrects.logits,
        },
    }


def _unpack_vouched(packed: dict) -> Vouched:
    prediction, mask = packed["prediction"], packed["mask"]
    corrects = packed["corrects"]
    unpacked = None if mask is None else _unpack_prompt(mask)
    assert unpacked is None or isinstance(unpacked, MaskPrompt)
    return Vouched(
        View(*packed["view"]),
        None if prediction is None else Prediction(**prediction),
        unpacked,
        tuple(_unpack_prompt(prompt) for prompt in packed["prompts"]),
        corrects
        and Tracked(_unpack_sighting(corrects["sighting"]), corrects["logits"]),
    )


def _pack_prompt(prompt: Prompt) -> dict:
    fields = dict(vars(prompt))
    if isinstance(prompt, MaskPrompt):
        fields["mask"] = torch.from_numpy(prompt.mask.copy())
    return {"kind": type(prompt).__name__, **fields}


def _unpack_prompt(packed: dict) -> Prompt:
    fields = dict(packed)
    kind = _KINDS[fields.pop("kind")]
    if kind is MaskPrompt:
        fields["mask"] = fields["mask"].cpu().numpy()
    return kind(**fields)
