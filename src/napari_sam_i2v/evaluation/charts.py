"""Bars and curves of figures between 0 and 1, drawn with Pillow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels of the finished picture."""

INK: Colour = (32, 36, 44)
FAINT: Colour = (110, 116, 126)
_GRID: Colour = (226, 229, 234)
_AXIS: Colour = (150, 156, 166)
_PAPER: Colour = (255, 255, 255)

_SUPERSAMPLING = 3
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_DASH, _PAUSE = 9.0, 6.0
_WIDEST_BAR = 64.0


@dataclass(frozen=True, kw_only=True)
class Series:
    """One thing that is compared with others.

    Attributes
    ----------
    name
        What the legend calls it.
    colour
        Red, green, blue, 0 to 255.
    dashed
        Whether its curves are dashed.
    """

    name: str
    colour: Colour
    dashed: bool = False


class Canvas:
    """A white picture; shapes are drawn larger and scaled down, text as it is.

    Parameters
    ----------
    width, height
        Pixels of the finished picture.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        large = (width * _SUPERSAMPLING, height * _SUPERSAMPLING)
        self._shapes = Image.new("RGB", large, _PAPER)
        self._draw = ImageDraw.Draw(self._shapes)
        self._texts: list[tuple[tuple[float, float], str, float, Colour, str]] = []

    def line(
        self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 1
    ) -> None:
        """Draw a line through points ``(x, y)``."""
        scaled = [(x * _SUPERSAMPLING, y * _SUPERSAMPLING) for x, y in points]
        thickness = round(width * _SUPERSAMPLING)
        self._draw.line(scaled, fill=colour, width=thickness, joint="curve")

    def bar(self, box: Box, colour: Colour) -> None:
        """Fill a rectangle."""
        left, top, right, bottom = (round(edge * _SUPERSAMPLING) for edge in box)
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), fill=colour)

    def text(
        self,
        xy: tuple[float, float],
        words: str,
        *,
        size: float = 16,
        colour: Colour = INK,
        anchor: str = "la",
    ) -> None:
        """Write words; ``anchor`` as Pillow's."""
        self._texts.append((xy, words, size, colour, anchor))

    def finish(self) -> Image.Image:
        """Return the picture."""
        size = (self.width, self.height)
        picture = self._shapes.resize(size, Image.Resampling.BOX)
        draw = ImageDraw.Draw(picture)
        for xy, words, font_size, colour, anchor in self._texts:
            font = ImageFont.load_default(font_size)
            draw.text(xy, words, font=font, fill=colour, anchor=anchor)
        return picture


def text_width(words: str, size: float) -> float:
    """Measure how wide words are, in pixels."""
    return float(ImageFont.load_default(size).getlength(words))


def draw_legend(
    canvas: Canvas, xy: tuple[float, float], some: Sequence[Series]
) -> None:
    """Write the names of series beside their colours, in one row."""
    x, y = xy
    for series in some:
        canvas.bar((x, y, x + 26, y + 16), series.colour)
        canvas.text((x + 36, y + 8), series.name, size=19, anchor="lm")
        x += 36 + text_width(series.name, 19) + 34


def draw_bars(
    canvas: Canvas,
    box: Box,
    groups: Sequence[tuple[str, Sequence[float]]],
    some: Sequence[Series],
) -> None:
    """Draw groups of bars side by side.

    Parameters
    ----------
    canvas
        Where to.
    box
        The plot without its labels.
    groups
        Name and heights, 0 to 1, one for each series; NaN leaves a gap. A line is
        drawn before the last group, which sums up the others.
    some
        The series.
    """
    left, _, right, bottom = box
    _draw_grid(canvas, box)
    pitch = (right - left) / len(groups)
    width = min(_WIDEST_BAR, 0.84 * pitch / len(some))
    for number, (name, heights) in enumerate(groups):
        middle = left + (number + 0.5) * pitch
        first = middle - width * len(some) / 2
        for index, (series, height) in enumerate(zip(some, heights, strict=True)):
            if math.isnan(height):
                continue
            x, y = first + index * width, _y(box, height)
            canvas.bar((x + 1, y, x + width - 1, bottom), series.colour)
            size = min(15.0, 0.52 * width)
            if size >= 9:
                label = f"{height:.2f}".removeprefix("0")
                at = (x + width / 2, y - 4)
                canvas.text(at, label, size=size, colour=FAINT, anchor="mb")
        size = min(18.0, 18 * 0.92 * pitch / text_width(name, 18))
        canvas.text((middle, bottom + 26), name, size=size, anchor="ms")
    if len(groups) > 1:
        x = right - pitch
        canvas.line([(x, box[1]), (x, bottom + 30)], _AXIS, 1.5)
    canvas.line([(left, bottom), (right, bottom)], _AXIS, 1.5)


def draw_curves(
    canvas: Canvas,
    box: Box,
    title: str,
    curves: Sequence[tuple[Series, np.ndarray, np.ndarray]],
) -> None:
    """Draw curves over frames.

    Parameters
    ----------
    canvas
        Where to.
    box
        The plot without its labels.
    title
        What stands above it.
    curves
        Series, its frames and its values there, 0 to 1; NaN leaves a gap.
    """
    left, top, right, bottom = box
    _draw_grid(canvas, box)
    canvas.text((left, top - 14), title, size=19, anchor="ls")
    last = max([1, *(int(frames[-1]) for _, frames, _ in curves if frames.size)])
    for frame in _frame_ticks(last):
        x = left + (right - left) * frame / last
        canvas.line([(x, bottom), (x, bottom + 6)], _AXIS, 1.5)
        at = (x, bottom + 10)
        canvas.text(at, str(frame), size=15, colour=FAINT, anchor="mt")
    canvas.line([(left, bottom), (right, bottom)], _AXIS, 1.5)
    for series, frames, values in curves:
        xs = left + (right - left) * frames / last
        ys = np.array([_y(box, value) for value in values])
        for run in _runs(values):
            points = list(zip(xs[run].tolist(), ys[run].tolist(), strict=True))
            if len(points) == 1:
                ((x, y),) = points
                canvas.bar((x - 3, y - 3, x + 3, y + 3), series.colour)
                continue
            for part in _dashes(points) if series.dashed else [points]:
                canvas.line(part, series.colour, 2.4)


def _y(box: Box, value: float) -> float:
    return box[3] - (box[3] - box[1]) * value


def _draw_grid(canvas: Canvas, box: Box) -> None:
    for tick in _TICKS:
        y = _y(box, tick)
        canvas.line([(box[0], y), (box[2], y)], _GRID, 1)
        at = (box[0] - 10, y)
        canvas.text(at, f"{tick:.1f}", size=15, colour=FAINT, anchor="rm")


def _frame_ticks(last: int) -> range:
    """Choose about five round frame numbers."""
    steps = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    step = next((step for step in steps if last / step <= 6), last)
    return range(0, last + 1, step)


def _runs(values: np.ndarray) -> list[slice]:
    """Find the unbroken runs of known values."""
    known = np.concatenate([[False], ~np.isnan(values), [False]])
    edges = np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2).tolist()
    return [slice(start, stop) for start, stop in edges]


def _dashes(
    points: Sequence[tuple[float, float]],
) -> list[list[tuple[float, float]]]:
    """Cut a line into dashes of equal length."""
    line = np.array(points)
    lengths = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    dashes = []
    for start in np.arange(0, along[-1], _DASH + _PAUSE):
        stop = min(start + _DASH, along[-1])
        inside = along[(along > start) & (along < stop)]
        at = np.concatenate([[start], inside, [stop]])
        xs, ys = (np.interp(at, along, line[:, axis]) for axis in (0, 1))
        dashes.append(list(zip(xs.tolist(), ys.tolist(), strict=True)))
    return dashes
