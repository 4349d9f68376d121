"""Results of a protocol as one picture: J per movie, and over the frames of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_sam_i2v.evaluation.baselines import Baseline
from napari_sam_i2v.evaluation.charts import (
    FAINT,
    Box,
    Canvas,
    Colour,
    Series,
    draw_bars,
    draw_curves,
    draw_legend,
)
from napari_sam_i2v.evaluation.prompting import PromptKind
from napari_sam_i2v.evaluation.protocol import MovieResult, ProtocolConfig
from napari_sam_i2v.evaluation.scores import Scores

WIDTH = 2000
_MARGIN = 70
_BARS_TOP, _BARS_BOTTOM = 200, 620
_CURVES_TOP, _CURVES_HEIGHT, _CURVES_PITCH = 760, 250, 370
_COLUMNS, _GUTTER = 3, 80

# Told apart by the colour-blind too.
_KIND_COLOURS: dict[PromptKind, Colour] = {
    "label": (0, 114, 178),
    "box": (0, 158, 115),
    "click": (230, 159, 0),
    "clicks": (204, 80, 20),
}
_BASELINE_COLOURS: dict[Baseline, Colour] = {
    "copy": (196, 200, 207),
    "watershed": (122, 128, 140),
}


def draw_results(
    results: Sequence[MovieResult], config: ProtocolConfig, path: str | Path
) -> None:
    """Draw J of the model and of the baselines.

    Parameters
    ----------
    results
        What the protocol gave; at least one.
    config
        The protocol.
    path
        PNG file to write.
    """
    movies = list(dict.fromkeys(result.movie for result in results))
    found = _found(results)
    n_columns = min(_COLUMNS, len(movies))
    n_rows = math.ceil(len(movies) / n_columns)
    canvas = Canvas(WIDTH, _CURVES_TOP + n_rows * _CURVES_PITCH - 40)
    _write_titles(canvas, config, len(movies))
    draw_legend(canvas, (_MARGIN, 130), list(found))
    groups = [
        (movie, [_j(scores.get(movie)) for scores in found.values()])
        for movie in movies
    ]
    means = [_mean([_j(s.get(movie)) for movie in movies]) for s in found.values()]
    if len(movies) > 1:
        groups.append(("mean", means))
    box = (_MARGIN, _BARS_TOP, WIDTH - _MARGIN, _BARS_BOTTOM)
    draw_bars(canvas, box, groups, list(found))
    canvas.text((_MARGIN, 694), "J over the frames of each movie", size=22)
    for number, movie in enumerate(movies):
        curves = [
            (series, *_over_frames(scores[movie]))
            for series, scores in found.items()
            if movie in scores
        ]
        draw_curves(canvas, _place(number, n_columns), movie, curves)
    canvas.finish().save(path, format="PNG", optimize=True)


def _found(results: Sequence[MovieResult]) -> dict[Series, dict[str, Scores]]:
    """Gather scores by series and movie, the model's series first."""
    found: dict[Series, dict[str, Scores]] = {}
    # Every round clicks on bad frames, which are scored no more: only the pairs that
    # the last round has left say what corrections are worth.
    last = {(result.movie, result.prompts): result.scores for result in results}
    for result in results:
        scores = result.scores.restricted_to(last[result.movie, result.prompts])
        found.setdefault(_model_series(result), {})[result.movie] = scores
    for result in results:
        for name, scores in result.baselines.items():
            series = Series(
                name=f"{name} (no network)",
                colour=_BASELINE_COLOURS[name],
                dashed=True,
            )
            found.setdefault(series, {})[result.movie] = scores
    return found


def _model_series(result: MovieResult) -> Series:
    names = {"label": "true mask", "click": "1 click", "clicks": "3 clicks"}
    name = names.get(result.prompts, result.prompts)
    red, green, blue = _KIND_COLOURS[result.prompts]
    if not result.corrections:
        return Series(name=name, colour=(red, green, blue))
    darker = 0.6**result.corrections
    plural = "s" if result.corrections > 1 else ""
    return Series(
        name=f"{name}, {result.corrections} correction{plural}",
        colour=(round(red * darker), round(green * darker), round(blue * darker)),
    )


def _write_titles(canvas: Canvas, config: ProtocolConfig, n_movies: int) -> None:
    model = config.checkpoint.name if config.checkpoint else config.model
    plural = "s" if n_movies > 1 else ""
    title = f"J of {model} on {n_movies} movie{plural}, by prompts on the first frame"
    canvas.text((_MARGIN, 36), title, size=34)
    subtitle = (
        "mean IoU with the true masks over all objects and frames but those prompted "
        "or corrected; higher is better"
    )
    canvas.text((_MARGIN, 84), subtitle, size=19, colour=FAINT)


def _place(number: int, n_columns: int) -> Box:
    row, column = divmod(number, n_columns)
    width = (WIDTH - 2 * _MARGIN - (n_columns - 1) * _GUTTER) / n_columns
    left = _MARGIN + column * (width + _GUTTER)
    top = _CURVES_TOP + 20 + row * _CURVES_PITCH
    return left, top, left + width, top + _CURVES_HEIGHT


def _over_frames(scores: Scores) -> tuple[np.ndarray, np.ndarray]:
    per_frame = scores.per_frame()["j"]
    return per_frame.index.to_numpy(), per_frame.to_numpy()


def _j(scores: Scores | None) -> float:
    return float("nan") if scores is None else scores.j


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
