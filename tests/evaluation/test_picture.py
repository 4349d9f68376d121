"""The picture of a protocol shows every figure, at its height."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from napari_sam_i2v.evaluation.annotation import Correction
from napari_sam_i2v.evaluation.charts import Canvas, Series, draw_bars, draw_curves
from napari_sam_i2v.evaluation.picture import draw_results
from napari_sam_i2v.evaluation.protocol import MovieResult, ProtocolConfig
from napari_sam_i2v.evaluation.scores import Scores

RED, BLUE = (
    Series(name="red", colour=(200, 0, 0)),
    Series(name="blue", colour=(0, 0, 200)),
)
LABEL, COPY, WATERSHED = (0, 114, 178), (196, 200, 207), (122, 128, 140)


def scores(j: float, n_frames: int = 9) -> Scores:
    pairs = pd.DataFrame(
        {"frame": range(1, n_frames), "object_id": 1, "present": True, "j": j}
    )
    return Scores(pairs=pairs.assign(f=np.nan, truth_area=9, area=9))


def result(movie: str, j: float) -> MovieResult:
    return MovieResult(
        movie=movie,
        prompts="label",
        n_objects=1,
        prompt_iou=1.0,
        scores=scores(j),
        baselines={"copy": scores(0.2), "watershed": scores(0.5)},
        seconds=1.0,
        n_object_frames=9,
    )


def drawn(results: list[MovieResult], path: Path) -> np.ndarray:
    config = ProtocolConfig(movies=(Path("movie"),))
    draw_results(results, config, path)
    return np.asarray(Image.open(path))


def pixels_of(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((picture == colour).all(axis=-1).sum())


@pytest.mark.parametrize("n_movies", [1, 2, 7])
def test_every_series_is_there(tmp_path: Path, n_movies: int) -> None:
    results = [result(f"movie {n}", 0.9) for n in range(n_movies)]
    picture = drawn(results, tmp_path / "picture.png")
    assert picture.shape[1] == 2000
    areas = [pixels_of(picture, colour) for colour in (COPY, WATERSHED, LABEL)]
    assert areas[0] > 1000
    assert areas == sorted(areas)
    # Bars of 0.2 and 0.9 in legend and plot alike: nearly 4.5 times the area.
    assert 3.5 < areas[2] / areas[0] < 4.6


def test_the_same_results_give_the_same_file(tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        drawn([result("a", 0.9), result("b", float("nan"))], tmp_path / name)
    first, second = (tmp_path / name for name in ("first.png", "second.png"))
    assert first.read_bytes() == second.read_bytes()


def test_corrections_are_shown_on_pairs_that_no_click_fell_on(tmp_path: Path) -> None:
    """A bad frame that was clicked must not make the correction look good."""
    plain = result("movie", 0.9)
    plain.scores.pairs.loc[3, "j"] = 0.0
    corrected = dataclasses.replace(
        plain,
        corrections=1,
        correction=Correction(n_clicks=1, before=0.0, after=1.0, n_object_frames=5),
        scores=Scores(pairs=plain.scores.pairs.drop(index=3)),
    )
    picture = drawn([plain, corrected], tmp_path / "both.png")
    darker = tuple(round(0.6 * value) for value in LABEL)
    bars = picture[200:620]
    heights = [
        int((bars == colour).all(axis=-1).any(axis=1).sum())
        for colour in (LABEL, darker)
    ]
    assert heights[0] == heights[1] == pytest.approx(0.9 * 420, abs=1)


def test_bars_are_as_high_as_their_figures() -> None:
    canvas = Canvas(200, 160)
    groups = [("one", [0.5, float("nan")]), ("mean", [1.0, 0.25])]
    draw_bars(canvas, (50, 20, 190, 120), groups, [RED, BLUE])
    picture = np.asarray(canvas.finish())
    heights = [
        (picture == series.colour).all(axis=-1).sum(axis=0) for series in (RED, BLUE)
    ]
    # The axis covers the lowest pixel.
    assert set(np.unique(heights[0])) == {0, 49, 99}
    assert set(np.unique(heights[1])) == {0, 24}


@pytest.mark.parametrize("dashed", [False, True])
def test_curves_leave_gaps(dashed: bool) -> None:
    canvas = Canvas(260, 160)
    frames, values = np.arange(1, 11), np.full(10, 0.5)
    values[4:7] = np.nan
    series = dataclasses.replace(RED, dashed=dashed)
    draw_curves(canvas, (40, 30, 240, 130), "title", [(series, frames, values)])
    red = (np.asarray(canvas.finish()) == RED.colour).all(axis=-1)
    rows, columns = np.nonzero(red)
    assert set(rows) <= {79, 80}
    frame_of = (columns - 40) / 20
    assert not ((frame_of > 4.1) & (frame_of < 7.9)).any()
    assert frame_of.min() == pytest.approx(1, abs=0.1)
    assert frame_of.max() == pytest.approx(10, abs=0.6)


def test_a_single_frame_is_a_dot() -> None:
    canvas = Canvas(260, 160)
    series = [(RED, np.array([1]), np.array([0.5]))]
    draw_curves(canvas, (40, 30, 240, 130), "title", series)
    red = (np.asarray(canvas.finish()) == RED.colour).all(axis=-1)
    assert 20 <= red.sum() <= 50
