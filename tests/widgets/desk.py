"""A movie in a real viewer with the tracking widget, worked with mouse and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import clicks
from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.widgets.track import TrackWidget


class Desk:
    """The viewer of a movie, and the widget.

    ``truth`` are labels ``(T, Y, X)``; ``lay`` puts a ``(T, Y, X)`` stack into the
    axes of the image.
    """

    def __init__(
        self, viewer: Any, images: Any, truth: np.ndarray, **options: Any
    ) -> None:
        self.viewer, self.truth = viewer, truth
        model = options.pop("model", "threshold")
        order = options.pop("order", None)
        self.image = viewer.add_image(images, name="movie", **options)
        if order is not None:
            viewer.dims.order = order
        self.widget = TrackWidget(viewer)
        self.dock = viewer.window.add_dock_widget(self.widget, name="Segment & track")
        self.widget.movie.list_models(model)
        viewer.window._qt_viewer.canvas.native.resize(500, 400)

    @property
    def annotator(self) -> Annotator:
        annotator = self.widget.annotator
        assert annotator is not None
        return annotator

    @property
    def stack(self) -> np.ndarray:
        return self.annotator.layers.stack

    def start(self) -> Annotator:
        """Press Start, and wait for the model."""
        clicks.push(self.widget.start_button)
        annotator = self.annotator
        clicks.wait_for(
            lambda: annotator.status.phase in ("ready", "failed"), "the model"
        )
        self.settle()
        return annotator

    def begin(self, *cells: int) -> None:
        """Start on the first frame, and click cells there, each an object."""
        self.viewer.dims.set_current_step(0, 0)
        self.start()
        for number, cell in enumerate(cells):
            self.click_cell(cell, modifier=clicks.SHIFT if number else clicks.PLAIN)

    def settle(self) -> None:
        """Wait until all is done and painted."""
        annotator = self.annotator
        for _ in range(2):
            arrived: list[bool] = []
            annotator.jobs.submit(lambda: True, arrived.append)
            clicks.wait_for(lambda found=arrived: found, "the worker")
        painted = lambda: not (annotator.desk._dirty or annotator._is_painting)  # noqa: E731
        clicks.wait_for(painted, "painting")
        clicks.breathe(0.01)

    def go_to(self, frame: int) -> None:
        """Turn the slider of time."""
        geometry = self.annotator.geometry
        beyond = self.viewer.dims.ndim - len(geometry.axes)
        self.viewer.dims.set_current_step(beyond + geometry.tyx[0], frame)
        clicks.breathe(0.01)

    def place(self, frame: int, y: float, x: float) -> Any:
        """Pixel of the canvas where the movie shows a place."""
        [point] = self.annotator.geometry.coordinates(np.array([[frame, y, x]], float))
        step = self.viewer.dims.current_step
        beyond = self.viewer.dims.ndim - len(point)
        channel = self.annotator.geometry.channel_axis
        if channel is not None:
            point[channel] = step[beyond + channel]
        return clicks.on_canvas(self.viewer, self.image, point)

    def click(
        self, frame: int, yx: Sequence[float], modifier: Any = clicks.PLAIN
    ) -> None:
        """Click, and wait for the answer."""
        self.click_only(frame, yx, modifier)
        self.settle()

    def click_only(
        self, frame: int, yx: Sequence[float], modifier: Any = clicks.PLAIN
    ) -> None:
        clicks.click(self.viewer, self.place(frame, *yx), modifier)

    def click_cell(
        self, label: int, frame: int = 0, modifier: Any = clicks.PLAIN
    ) -> None:
        self.click(frame, centre(self.truth[frame] == label), modifier)

    def drag(self, frame: int, *way: tuple[float, float]) -> None:
        """Drag the mouse over places of the movie."""
        places = [self.place(frame, *yx) for yx in way]
        clicks.drag(self.viewer, places)
        self.settle()

    def iou(self, object_id: int, label: int, frame: int = 0) -> float:
        """Compare an object on a frame with a cell."""
        mask, cell = self.stack[frame] == object_id, self.truth[frame] == label
        return float((mask & cell).sum() / (mask | cell).sum())

    def cell_of(self, object_id: int, frame: int = 0) -> int:
        """Say on which cell most of an object lies."""
        under = self.truth[frame][self.stack[frame] == object_id]
        return int(np.bincount(under[under > 0]).argmax())

    def run(self) -> None:
        """Press 'Propagate all', and wait."""
        clicks.push(self.widget.propagate.all)
        clicks.wait_for(lambda: self.annotator.status.phase != "busy", "tracking")
        self.settle()


def centre(mask: np.ndarray) -> tuple[float, float]:
    """The pixel of a mask that is nearest to its middle."""
    pixels = np.argwhere(mask)
    middle = pixels.mean(axis=0)
    nearest = pixels[np.argmin(((pixels - middle) ** 2).sum(axis=1))]
    return float(nearest[0]), float(nearest[1])
