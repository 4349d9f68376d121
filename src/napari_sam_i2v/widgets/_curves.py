"""Curves of a training run, in the colours of napari's theme."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import qtpy
from napari.utils.theme import get_theme
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sam_i2v.fine_tuning import Progress

if TYPE_CHECKING:
    from napari.utils.theme import Theme

_HEIGHT = 220
# Blue and orange of Okabe and Ito's palette: told apart by most eyes, on both themes.
_BLUE, _ORANGE = "#0072b2", "#e69f00"
_BLUE_ON_DARK = "#56b4e9"
_SMOOTHING = 0.9


class Curves(QWidget):
    """Loss and validation J over steps; the plots are made when first needed.

    Parameters
    ----------
    parent
        The widget it is in.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._plots: _Plots | None = None
        self._theme = get_theme("dark")
        self._shown: object = None
        self.setFixedHeight(_HEIGHT)

    def paint_as(self, theme_id: str) -> None:
        """Take on the colours of a theme."""
        self._theme = get_theme(theme_id)
        if self._plots is not None:
            self._plots.paint_as(self._theme)

    def show_progress(self, progress: Progress) -> None:
        """Draw what there is of a run."""
        content = (progress.losses, progress.scores)
        if content == self._shown:
            return
        self._shown = content
        if self._plots is None:
            self._plots = _Plots()
            self._plots.paint_as(self._theme)
            self._layout.addWidget(self._plots.widget)
        self._plots.draw(progress)

    def release(self) -> None:
        """Let go of the plots; nothing is drawn any more."""
        if self._plots is not None:
            self._plots.widget.close()
            self._plots = None


class _Plots:
    """Two plots above each other, sharing their steps."""

    def __init__(self) -> None:
        # It looks for a binding by itself, and must find the one that is in use.
        os.environ.setdefault("PYQTGRAPH_QT_LIB", qtpy.API_NAME)
        import pyqtgraph

        self._graph = pyqtgraph
        self.widget: Any = pyqtgraph.GraphicsLayoutWidget()
        self.widget.setAntialiasing(True)
        self._loss = self._plot(0, "loss")
        self._score = self._plot(1, "J", "step")
        self._score.setXLink(self._loss)
        self._faint, self._smooth = self._loss.plot(), self._loss.plot()
        self._mask = self._score.plot(symbol="o", symbolSize=5)
        self._click = self._score.plot(symbol="o", symbolSize=5)

    def _plot(self, row: int, left: str, bottom: str = "") -> Any:
        plot = self.widget.addPlot(row=row, col=0)
        plot.setMouseEnabled(False, False)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.getAxis("left").setWidth(52)
        plot.getAxis("left").enableAutoSIPrefix(False)
        plot.setLabel("left", left)
        if bottom:
            plot.setLabel("bottom", bottom)
        else:
            plot.getAxis("bottom").setStyle(showValues=False)
        return plot

    def paint_as(self, theme: Theme) -> None:
        """Take on a theme's colours."""
        graph = self._graph
        ground, text = (graph.mkColor(_hex(c)) for c in (theme.background, theme.text))
        faint = graph.mkColor(_hex(theme.primary))
        blue = _BLUE_ON_DARK if theme.type == "dark" else _BLUE
        self.widget.setBackground(ground)
        for plot in (self._loss, self._score):
            plot.showGrid(x=False, y=True, alpha=0.15)
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(faint)
                plot.getAxis(side).setTextPen(text)
        self._faint.setPen(faint)
        self._smooth.setPen(graph.mkPen(blue, width=2))
        for curve, colour in ((self._mask, blue), (self._click, _ORANGE)):
            curve.setPen(graph.mkPen(colour, width=2))
            curve.setSymbolBrush(colour)
            curve.setSymbolPen(None)
        # Above the plot: a legend within it would lie on the curves.
        told = {"from masks": blue, "clicks": _ORANGE}
        legend = "&nbsp; ".join(
            f"<span style='color:{colour}'>■</span> {name}"
            for name, colour in told.items()
        )
        self._score.setTitle(legend, color=text, size="8pt")

    def draw(self, progress: Progress) -> None:
        """Draw all figures of a run."""
        steps = [step for step, _ in progress.losses]
        losses = [loss for _, loss in progress.losses]
        self._faint.setData(steps, losses)
        self._smooth.setData(steps, smoothed(losses))
        for curve, name in ((self._mask, "mask"), (self._click, "click")):
            known = [
                (score.step, value)
                for score in progress.scores
                if (value := getattr(score, name)) is not None
            ]
            curve.setData([x for x, _ in known], [y for _, y in known])
        self._loss.setXRange(0, max([progress.steps, *steps, 1]), padding=0.02)


def smoothed(values: Sequence[float]) -> list[float]:
    """Running mean that forgets; corrected for its start."""
    mean, weight, smooth = 0.0, 0.0, []
    for value in values:
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * value
        weight = _SMOOTHING * weight + (1 - _SMOOTHING)
        smooth.append(mean / weight)
    return smooth


def _hex(colour: Any) -> str:
    return str(colour.as_hex(format="long"))
