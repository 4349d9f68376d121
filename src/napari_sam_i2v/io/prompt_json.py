"""Prompts of all kinds as JSON; masks as run lengths."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.prompt_tables import FoundPrompt, prompt_of_row, row_of_prompt
from napari_sam_i2v.prompts import MaskPrompt, Prompt


def prompt_to_json(prompt: Prompt) -> dict[str, Any]:
    """Turn a prompt into plain values.

    Parameters
    ----------
    prompt
        The prompt.

    Returns
    -------
    dict
        Points and boxes: the columns of the CSV form. Masks: ``offset`` (``[y, x]``),
        ``shape`` (``[h, w]``) and ``runs``, the lengths of alternating runs of outside
        and inside, row by row, outside first.
    """
    if not isinstance(prompt, MaskPrompt):
        return row_of_prompt(prompt)
    return {
        "frame": int(prompt.frame),
        "object_id": int(prompt.object_id),
        "kind": "mask",
        "offset": [int(place) for place in prompt.offset],
        "shape": list(prompt.mask.shape),
        "runs": _runs(np.asarray(prompt.mask, bool)),
    }


def prompt_from_json(entry: Mapping[str, Any], where: str = "prompt") -> Prompt:
    """Turn plain values back into a prompt.

    Parameters
    ----------
    entry
        What ``prompt_to_json`` gives.
    where
        What to call the entry in errors.

    Returns
    -------
    Prompt
        Its types are checked, its place in the movie is not.
    """
    kind = str(entry.get("kind", "")).lower()
    if kind not in ("point", "box", "mask"):
        raise InputError(
            f"{where}: the kind '{kind}' is unknown; expected point, box or mask"
        )
    if kind != "mask":
        return prompt_of_row(entry, where)
    frame, object_id = _integers([entry.get("frame"), entry.get("object_id")], where)
    height, width = _integers(entry.get("shape"), where, length=2)
    top, left = _integers(entry.get("offset"), where, length=2)
    runs = _integers(entry.get("runs"), where)
    if min(height, width, *runs, 0) < 0 or sum(runs) != height * width:
        raise InputError(
            f"{where}: the runs of a mask of {height} x {width} pixels must add up to "
            f"{height * width}"
        )
    return MaskPrompt(
        frame=frame,
        object_id=object_id,
        mask=_mask(runs, (height, width)),
        offset=(top, left),
    )


def read_json(path: Path) -> list[FoundPrompt]:
    """Read prompts from a JSON file: ``{"prompts": [...]}``, or the list alone."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not valid JSON: {error}") from None
    entries = content.get("prompts") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise InputError(f'{path} holds no prompts; expected {{"prompts": [...]}}')
    found = []
    for number, entry in enumerate(entries, start=1):
        where = f"{path.name} prompt {number}"
        if not isinstance(entry, dict):
            raise InputError(f"{where} is no object with named values")
        prompt = prompt_from_json(entry, where)
        found.append(FoundPrompt(prompt=prompt, where=where))
    return found


def write_json(prompts: Iterable[Prompt], path: Path) -> None:
    """Write prompts as a JSON file, one prompt a line."""
    lines = [json.dumps(prompt_to_json(prompt)) for prompt in prompts]
    content = '{"prompts": [\n' + ",\n".join(lines) + "\n]}\n"
    path.write_text(content, encoding="utf-8")


def _runs(mask: np.ndarray) -> list[int]:
    flat = np.concatenate([[False], mask.ravel(), [not mask.ravel()[-1:].any()]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    runs: list[int] = np.diff(changes, prepend=0).tolist()
    return runs


def _mask(runs: list[int], shape: tuple[int, int]) -> np.ndarray:
    inside = list(itertools.islice(itertools.cycle((False, True)), len(runs)))
    return np.repeat(np.array(inside, bool), runs).reshape(shape)


def _integers(values: Any, where: str, length: int | None = None) -> list[int]:
    good = isinstance(values, list) and all(type(value) is int for value in values)
    if not good or (length is not None and len(values) != length):
        raise InputError(
            f"{where}: a mask needs frame, object_id, offset [y, x], shape [h, w] and "
            "runs, all whole numbers"
        )
    return list(values)
