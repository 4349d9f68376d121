"""Prompts from everything a user may have them in, and back to files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io import prompt_json, prompt_tables
from napari_sam_i2v.io.prompt_masks import (
    LABEL_SUFFIXES,
    prompts_of_labels,
    read_label_file,
)
from napari_sam_i2v.io.prompt_tables import FoundPrompt
from napari_sam_i2v.prompt_rules import (
    check_alone,
    check_objects,
    check_together,
    normal,
)
from napari_sam_i2v.prompts import PointPrompt, Prompt


def read_prompts(
    source: Any, *, shape: tuple[int, int, int], prompt_frame: int | None = None
) -> list[Prompt]:
    """Read prompts and make sure that they fit a movie.

    Parameters
    ----------
    source
        Path to a label image or stack (TIFF, PNG, npy), a CSV or JSON file or a session
        folder; a label array; a data frame with the CSV's columns; prompt objects.
    shape
        ``(T, Y, X)`` of the movie.
    prompt_frame
        Frame that a label image prompts, 0 by default; an error with anything else.

    Returns
    -------
    list of Prompt
        Sorted by frame, then id; per object and frame one mask or box first, then
        points in the order they were given. Masks are cropped to their pixels.

    Raises
    ------
    InputError
        If the prompts cannot be read, contradict each other or lie outside the movie.
    """
    if isinstance(source, str | Path):
        found = _read_path(Path(source), shape, prompt_frame)
    elif isinstance(source, pd.DataFrame):
        _refuse_frame(prompt_frame, "a table of prompts")
        found = prompt_tables.prompts_of_frame(source, "prompts")
    elif hasattr(source, "shape") and hasattr(source, "__getitem__"):
        found = _nowhere(
            prompts_of_labels(source, shape=shape, prompt_frame=prompt_frame)
        )
    else:
        _refuse_frame(prompt_frame, "a list of prompts")
        found = _nowhere(_prompt_objects(source))
    if not found:
        raise InputError("there are no prompts; give at least one point, box or mask")
    return _checked(found, shape)


def write_prompts(prompts: Iterable[Prompt], path: str | Path) -> None:
    """Write prompts to a file that ``read_prompts`` reads.

    Parameters
    ----------
    prompts
        The prompts.
    path
        ``.csv`` for points and boxes, ``.json`` for all kinds.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".csv":
            prompt_tables.write_csv(prompts, path)
        case ".json":
            prompt_json.write_json(prompts, path)
        case _:
            raise InputError(
                f"prompts are written as .csv or .json, not as {path.name}"
            )


def validate_prompts(
    prompts: Iterable[Prompt], shape: tuple[int, int, int]
) -> list[Prompt]:
    """Check prompts against a movie and against each other, and put them in order.

    Parameters
    ----------
    prompts
        The prompts.
    shape
        ``(T, Y, X)`` of the movie.

    Returns
    -------
    list of Prompt
        As ``read_prompts`` gives them.
    """
    return _checked(_nowhere(prompts), shape)


def _read_path(
    path: Path, shape: tuple[int, int, int], prompt_frame: int | None
) -> list[FoundPrompt]:
    if not path.exists():
        raise InputError(f"no such prompts: {path}")
    suffix = path.suffix.lower()
    if path.is_file() and suffix in LABEL_SUFFIXES:
        labels = read_label_file(path)
        return _nowhere(
            prompts_of_labels(
                labels, shape=shape, prompt_frame=prompt_frame, name=path.name
            )
        )
    _refuse_frame(prompt_frame, path.name)
    folder = path.parent if path.name == "session.json" else path
    if folder.is_dir() and (folder / "session.json").is_file():
        from napari_sam_i2v.io.session_folder import read_prompts_of_session

        return _nowhere(read_prompts_of_session(folder))
    if path.is_dir():
        raise InputError(f"{path} is no session folder: it holds no session.json")
    match suffix:
        case ".csv":
            return prompt_tables.read_csv(path)
        case ".json":
            return prompt_json.read_json(path)
    raise InputError(
        f"{path} is of no kind that holds prompts; expected a label image "
        f"({', '.join(LABEL_SUFFIXES)}), .csv, .json or a session folder"
    )


def _refuse_frame(prompt_frame: int | None, name: str) -> None:
    if prompt_frame is not None:
        raise InputError(
            f"a prompt frame ({prompt_frame}) goes with a label image only; "
            f"{name} says itself which frames it prompts"
        )


def _prompt_objects(source: Any) -> list[Prompt]:
    prompts = [source] if isinstance(source, get_args(Prompt)) else source
    if not isinstance(prompts, Iterable):
        raise InputError(
            f"prompts cannot be a {type(source).__name__}; give a path, a label array, "
            "a data frame or a list of prompts"
        )
    prompts = list(prompts)
    for prompt in prompts:
        if not isinstance(prompt, get_args(Prompt)):
            raise InputError(
                f"the list of prompts holds a {type(prompt).__name__}; expected "
                "PointPrompt, BoxPrompt or MaskPrompt"
            )
    return prompts


def _nowhere(prompts: Iterable[Prompt]) -> list[FoundPrompt]:
    return [FoundPrompt(prompt=prompt, where="") for prompt in prompts]


def _checked(found: Sequence[FoundPrompt], shape: tuple[int, int, int]) -> list[Prompt]:
    prompts = []
    for each in found:
        try:
            prompt = normal(each.prompt)
            check_alone(prompt, shape)
        except InputError as error:
            prefix = f"{each.where}: " if each.where else ""
            raise InputError(f"{prefix}{error}") from None
        prompts.append(prompt)
    prompts.sort(key=_place)
    _check_groups(prompts)
    return prompts


def _place(prompt: Prompt) -> tuple[int, int, bool]:
    return prompt.frame, prompt.object_id, isinstance(prompt, PointPrompt)


def _check_groups(prompts: Sequence[Prompt]) -> None:
    check_objects(prompts)
    by_place: dict[tuple[int, int], list[Prompt]] = {}
    for prompt in prompts:
        by_place.setdefault((prompt.object_id, prompt.frame), []).append(prompt)
    for group in by_place.values():
        # Negative points alone may correct an object that was prompted elsewhere.
        if not isinstance(group[0], PointPrompt):
            check_together(group)
