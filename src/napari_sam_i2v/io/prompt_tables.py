"""Points and boxes as rows of a table: CSV files and data frames."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("frame", "object_id", "kind", "y", "x", "y2", "x2", "positive")

_POSITIVE = {"": True, "1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundPrompt:
    """A prompt and where it stands, for errors that a user can find."""

    prompt: Prompt
    where: str


def read_csv(path: Path) -> list[FoundPrompt]:
    """Read prompts from a CSV file with the columns of ``COLUMNS``, in any order."""
    found = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            names = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = names
            _check_columns(names, path.name)
            for number, row in enumerate(reader, start=1):
                where = f"{path.name} row {number} (line {reader.line_num})"
                if None in row:
                    raise InputError(f"{where} has more values than there are columns")
                if any(value and value.strip() for value in row.values()):
                    prompt = prompt_of_row(row, where)
                    found.append(FoundPrompt(prompt=prompt, where=where))
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file: {error}") from None
    return found


def prompts_of_frame(table: pd.DataFrame, name: str) -> list[FoundPrompt]:
    """Read prompts from a data frame with the columns of ``COLUMNS``."""
    import pandas as pd  # takes a second, and only tables call for it

    _check_columns([str(column) for column in table.columns], name)
    found = []
    for number, row in enumerate(table.to_dict("records"), start=1):
        where = f"{name} row {number}"
        values = {
            str(key): None if pd.isna(value) else value for key, value in row.items()
        }
        found.append(FoundPrompt(prompt=prompt_of_row(values, where), where=where))
    return found


def prompt_of_row(row: Mapping[str, Any], where: str) -> PointPrompt | BoxPrompt:
    """Turn one row into a prompt.

    Parameters
    ----------
    row
        Values by column; numbers may be text.
    where
        What to call the row in errors.

    Returns
    -------
    PointPrompt or BoxPrompt
        Its types are checked, its place in the movie is not.
    """
    frame = _whole_number(row, "frame", where)
    object_id = _whole_number(row, "object_id", where)
    positive = _flag(row, where)
    kind = _text(row, "kind").lower()
    if kind == "point":
        return PointPrompt(
            frame=frame,
            object_id=object_id,
            yx=(_number(row, "y", where), _number(row, "x", where)),
            positive=positive,
        )
    if kind != "box":
        raise InputError(
            f"{where}, column kind: '{_text(row, 'kind')}' is unknown; "
            "expected point or box"
        )
    if not positive:
        raise InputError(f"{where}, column positive: a box cannot be negative; give 1")
    return BoxPrompt(
        frame=frame,
        object_id=object_id,
        yx_min=(_number(row, "y", where), _number(row, "x", where)),
        yx_max=(_number(row, "y2", where), _number(row, "x2", where)),
    )


def row_of_prompt(prompt: PointPrompt | BoxPrompt) -> dict[str, Any]:
    """Turn a prompt into values by column, without those its kind does not have."""
    row: dict[str, Any] = {
        "frame": int(prompt.frame),
        "object_id": int(prompt.object_id),
    }
    if isinstance(prompt, PointPrompt):
        y, x = map(float, prompt.yx)
        return row | {"kind": "point", "y": y, "x": x, "positive": prompt.positive}
    (y, x), (y2, x2) = map(float, prompt.yx_min), map(float, prompt.yx_max)
    return row | {"kind": "box", "y": y, "x": x, "y2": y2, "x2": x2}


def write_csv(prompts: Iterable[Prompt], path: Path) -> None:
    """Write points and boxes as a CSV file."""
    rows = []
    for prompt in prompts:
        if isinstance(prompt, MaskPrompt):
            raise InputError(
                f"{path.name}: a CSV holds points and boxes, and object "
                f"{prompt.object_id} on frame {prompt.frame} has a mask; write .json"
            )
        row = row_of_prompt(prompt)
        if "positive" in row:
            row["positive"] = int(row["positive"])
        rows.append(row)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _check_columns(names: list[str], where: str) -> None:
    if not names:
        raise InputError(f"{where} is empty; expected the columns {','.join(COLUMNS)}")
    missing = [name for name in COLUMNS if name not in names]
    if not missing:
        return
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        raise InputError(f"{where}: separate the columns by commas")
    noun = "column" if len(missing) == 1 else "columns"
    raise InputError(
        f"{where} lacks the {noun} {', '.join(missing)}; expected {','.join(COLUMNS)}"
    )


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()


def _number(row: Mapping[str, Any], column: str, where: str) -> float:
    text = _text(row, column)
    if not text:
        raise InputError(f"{where}, column {column}: empty; expected a number")
    try:
        number = float(text)
    except ValueError:
        raise InputError(f"{where}, column {column}: '{text}' is no number") from None
    if not math.isfinite(number):
        raise InputError(f"{where}, column {column}: '{text}' is not finite")
    return number


def _whole_number(row: Mapping[str, Any], column: str, where: str) -> int:
    number = _number(row, column, where)
    if not number.is_integer():
        raise InputError(
            f"{where}, column {column}: '{_text(row, column)}' is no whole number"
        )
    return int(number)


def _flag(row: Mapping[str, Any], where: str) -> bool:
    text = _text(row, "positive").lower()
    # Data frames turn 1 into 1.0 where other rows are empty.
    flag = _POSITIVE.get(text.removesuffix(".0"))
    if flag is None:
        raise InputError(f"{where}, column positive: '{text}' is neither 1 nor 0")
    return flag
