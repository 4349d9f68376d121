"""Results of a protocol as a table to read and as JSON to keep."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v import __version__
from napari_sam_i2v.evaluation.protocol import MovieResult, ProtocolConfig

_COLUMNS = (
    "movie",
    "prompts",
    "objects",
    "J",
    "copy J",
    "F",
    "absence",
    "lost",
    "ghosts",
    "s/object-frame",
)


def format_table(results: Sequence[MovieResult]) -> str:
    """Lay results out as a plain table.

    Parameters
    ----------
    results
        One row each; below them the mean over movies of every kind of prompts.

    Returns
    -------
    str
        Lines of equal width; a dash where there is nothing to score.
    """
    rows = [_row(result) for result in results]
    rows += [
        _mean_row([result for result in results if result.prompts == kind])
        for kind in dict.fromkeys(result.prompts for result in results)
    ]
    return _aligned([list(_COLUMNS), *rows], n_text=2)


def as_mapping(
    results: Iterable[MovieResult], config: ProtocolConfig
) -> dict[str, Any]:
    """Gather results with the settings that produced them, ready for JSON.

    Parameters
    ----------
    results
        What the protocol gave.
    config
        The protocol.

    Returns
    -------
    dict
        ``version``, ``settings`` and ``movies``; what cannot be scored is ``None``.
    """
    settings = dataclasses.asdict(config)
    settings["movies"] = [str(folder) for folder in config.movies]
    settings["checkpoint"] = config.checkpoint and str(config.checkpoint)
    movies = [
        {
            "movie": result.movie,
            "prompts": result.prompts,
            "n_objects": result.n_objects,
            "copy_j": _known(result.copy_j),
            **{name: _known(value) for name, value in result.scores.summary().items()},
            "seconds": result.seconds,
            "seconds_per_object_frame": result.seconds_per_object_frame,
        }
        for result in results
    ]
    return {"version": __version__, "settings": settings, "movies": movies}


def write_json(
    results: Iterable[MovieResult], config: ProtocolConfig, path: str | Path
) -> None:
    """Write results with the settings that produced them as a JSON file."""
    content = json.dumps(as_mapping(results, config), indent=2, allow_nan=False)
    Path(path).write_text(content + "\n", encoding="utf-8")


def _row(result: MovieResult) -> list[str]:
    scores = result.scores
    return [
        result.movie,
        result.prompts,
        str(result.n_objects),
        _figure(scores.j),
        _figure(result.copy_j),
        _figure(scores.f),
        _figure(scores.absence_accuracy),
        _figure(scores.lost),
        f"{scores.ghosts}/{scores.n_absent}",
        _figure(result.seconds_per_object_frame, digits=4),
    ]


def _mean_row(results: Sequence[MovieResult]) -> list[str]:
    scores = [result.scores for result in results]
    ghosts = sum(movie.ghosts for movie in scores)
    n_absent = sum(movie.n_absent for movie in scores)
    n_object_frames = sum(result.n_object_frames for result in results)
    seconds = sum(result.seconds for result in results)
    return [
        "mean",
        results[0].prompts,
        str(sum(result.n_objects for result in results)),
        _figure(_mean([movie.j for movie in scores])),
        _figure(_mean([result.copy_j for result in results])),
        _figure(_mean([movie.f for movie in scores])),
        _figure(_mean([movie.absence_accuracy for movie in scores])),
        _figure(_mean([movie.lost for movie in scores])),
        f"{ghosts}/{n_absent}",
        _figure(seconds / n_object_frames, digits=4),
    ]


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _figure(value: float, digits: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _aligned(rows: Sequence[Sequence[str]], *, n_text: int) -> str:
    """Pad cells to columns; the first ``n_text`` hold text, the others numbers."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if index < n_text else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
