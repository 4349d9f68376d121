"""Results of a protocol as a table to read and as JSON to keep."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v import __version__
from napari_sam_i2v.evaluation.annotation import Correction
from napari_sam_i2v.evaluation.baselines import Baseline
from napari_sam_i2v.evaluation.protocol import MovieResult, ProtocolConfig

Cell = Callable[[Sequence[MovieResult]], str]
"""Sums up some results, one or a mean's, in a table's cell."""


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
    columns = _columns(results)
    rows = [
        [result.movie, *(cell([result]) for cell in columns.values())]
        for result in results
    ]
    for series in dict.fromkeys(result.series for result in results):
        alike = [result for result in results if result.series == series]
        rows.append(["mean", *(cell(alike) for cell in columns.values())])
    return _aligned([["movie", *columns], *rows], n_text=2)


def progress_line(results: Sequence[MovieResult]) -> str:
    """Say in a line how the last movie went, and how all so far of its kind."""
    last = results[-1]
    alike = [result for result in results if result.series == last.series]
    so_far = _figure(_mean([result.scores.j for result in alike]))
    return (
        f"{last.movie}, {last.series}: J {_figure(last.scores.j)}, "
        f"so far J {so_far} over {len(alike)} of its kind"
    )


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
    settings = asdict(config)
    settings["movies"] = [str(folder) for folder in config.movies]
    settings["checkpoint"] = config.checkpoint and str(config.checkpoint)
    movies = [_movie_mapping(result) for result in results]
    return {"version": __version__, "settings": settings, "movies": movies}


def write_json(
    results: Iterable[MovieResult], config: ProtocolConfig, path: str | Path
) -> None:
    """Write results with the settings that produced them as a JSON file."""
    content = json.dumps(as_mapping(results, config), indent=2, allow_nan=False)
    Path(path).write_text(content + "\n", encoding="utf-8")


def _movie_mapping(result: MovieResult) -> dict[str, Any]:
    before = result.uncorrected
    return {
        "movie": result.movie,
        "prompts": result.prompts,
        "corrections": result.corrections,
        "n_objects": result.n_objects,
        "prompt_iou": result.prompt_iou,
        **_known_values(result.scores.summary()),
        "correction": result.correction and _known_values(asdict(result.correction)),
        "uncorrected": before and _known_values(before.summary()),
        **{f"{name}_j": _known(s.j) for name, s in result.baselines.items()},
        "seconds": result.seconds,
        "seconds_per_object_frame": _known(result.seconds_per_object_frame),
    }


def _known_values(figures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _known(value) for name, value in figures.items()}


def _columns(results: Sequence[MovieResult]) -> dict[str, Cell]:
    """Choose the columns after the movie's name; the first holds text."""
    columns: dict[str, Cell] = {
        "prompts": lambda some: some[0].series,
        "objects": lambda some: str(sum(result.n_objects for result in some)),
        "prompt IoU": lambda some: _figure(_mean([r.prompt_iou for r in some])),
    }
    if any(result.correction for result in results):
        columns["clicks"] = lambda some: str(
            sum(c.n_clicks for c in _corrections(some))
        )
        columns["clicked IoU"] = _click_cell
        columns["J before"] = lambda some: _figure(
            _mean([r.uncorrected.j for r in some if r.uncorrected is not None])
        )
    columns["J"] = lambda some: _figure(_mean([r.scores.j for r in some]))
    for name in dict.fromkeys(name for r in results for name in r.baselines):
        columns[f"{name} J"] = partial(_baseline_cell, name)
    return columns | {
        "F": lambda some: _figure(_mean([r.scores.f for r in some])),
        "absence": lambda some: _figure(
            _mean([r.scores.absence_accuracy for r in some])
        ),
        "lost": lambda some: _figure(_mean([r.scores.lost for r in some])),
        "ghosts": _ghost_cell,
        "s/object-frame": _pace_cell,
    }


def _corrections(some: Sequence[MovieResult]) -> list[Correction]:
    return [r.correction for r in some if r.correction is not None]


def _click_cell(some: Sequence[MovieResult]) -> str:
    """Say what clicks made of the masks on the clicked frames."""
    corrections = _corrections(some)
    if not corrections:
        return "-"
    before = _figure(_mean([correction.before for correction in corrections]))
    after = _figure(_mean([correction.after for correction in corrections]))
    return f"{before} > {after}"


def _baseline_cell(name: Baseline, some: Sequence[MovieResult]) -> str:
    return _figure(_mean([r.baselines[name].j for r in some if name in r.baselines]))


def _ghost_cell(some: Sequence[MovieResult]) -> str:
    ghosts = sum(result.scores.ghosts for result in some)
    return f"{ghosts}/{sum(result.scores.n_absent for result in some)}"


def _pace_cell(some: Sequence[MovieResult]) -> str:
    n_object_frames = sum(result.n_object_frames for result in some)
    seconds = sum(result.seconds for result in some)
    return f"{seconds / n_object_frames:.4f}" if n_object_frames else "-"


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


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
