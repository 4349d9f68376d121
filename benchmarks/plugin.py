"""How fast the napari plugin answers: clicks, seeding, and the viewer while tracking.

    xvfb-run -a python benchmarks/plugin.py

Times are those a person would see: from the event to the mask in the Labels layer.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable

import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.widgets.track import TrackWidget

PULSE = 5  # ms


def pump(until: Callable[[], bool], seconds: float = 300) -> float:
    """Run the viewer until something is so; returns the seconds that took."""
    began = time.perf_counter()
    while not until():
        QApplication.processEvents()
        time.sleep(0.001)
        if time.perf_counter() - began > seconds:
            raise TimeoutError("the viewer did not get there")
    return time.perf_counter() - began


class Blocks:
    """Longest times in which the viewer's thread answered nothing."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setInterval(PULSE)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append(now - self._last)
        self._last = now

    def take(self) -> list[float]:
        """Give the gaps since the last time, in milliseconds."""
        taken, self.gaps = self.gaps, []
        return [1000 * gap for gap in taken]


def idle(annotator: Annotator) -> bool:
    """Whether everything asked for is done and shown."""
    return annotator.status.phase == "ready" and not annotator.jobs.busy


def click(annotator: Annotator, frame: int, yx: tuple[float, float]) -> float:
    """Add a point; returns the seconds until its mask is shown."""
    annotator.layers.go_to(frame)
    pump(lambda: annotator.layers.frame_shown() == frame)
    object_id = annotator.object_id
    before = annotator.layers.stack[frame] == object_id
    layer = annotator.layers.points
    began = time.perf_counter()
    layer.add(annotator.geometry.coordinates(np.array([[frame, *yx]])))

    def shown() -> bool:
        changed = (annotator.layers.stack[frame] == object_id) != before
        return bool(changed.any()) or idle(annotator)

    pump(shown)
    return time.perf_counter() - began


def centre(labels: np.ndarray, object_id: int) -> tuple[float, float]:
    """Middle of an object."""
    rows, columns = np.nonzero(labels == object_id)
    return float(rows.mean()), float(columns.mean())


def start(viewer: napari.Viewer, images: np.ndarray) -> TrackWidget:
    """Open a movie and the widget, and load the model."""
    viewer.layers.clear()
    viewer.add_image(images, name="movie")
    widget = TrackWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment & track")
    viewer.dims.set_current_step(0, 0)
    annotator = widget.start()
    print(f"model loaded in {pump(lambda: idle(annotator)):.1f} s")
    return widget


def measure_clicks(viewer: napari.Viewer) -> None:
    """Print what a click costs on a new frame, and a second one there."""
    movie = simulate(SimulationSettings(frames=12, height=512, width=512, cells=60))
    widget = start(viewer, movie.images)
    annotator = widget.annotator
    assert annotator is not None
    first, second = [], []
    for frame in range(10):
        ids = [int(i) for i in np.unique(movie.labels[frame]) if i][:2]
        annotator.new_object()
        first.append(click(annotator, frame, centre(movie.labels[frame], ids[0])))
        pump(lambda: idle(annotator))
        y, x = centre(movie.labels[frame], ids[0])
        second.append(click(annotator, frame, (y + 2, x + 2)))
        pump(lambda: idle(annotator))
    for name, times in (("first click on a frame", first), ("second click", second)):
        print(
            f"{name}: median {1000 * statistics.median(times):.0f} ms, "
            f"longest {1000 * max(times):.0f} ms"
        )
    viewer.window.remove_dock_widget(widget)


def measure_tracking(viewer: napari.Viewer) -> None:
    """Print what seeding costs, and how long the viewer blocks while tracking."""
    movie = simulate(SimulationSettings(frames=12, height=1024, width=1024, cells=220))
    widget = start(viewer, movie.images)
    annotator = widget.annotator
    assert annotator is not None
    labels = viewer.add_labels(movie.labels, visible=False)
    count = len(np.unique(movie.labels[0])) - 1
    began = time.perf_counter()
    annotator.seed(labels, 0)
    pump(lambda: idle(annotator) and len(annotator.objects) == count)
    print(f"seeding {count} cells: {time.perf_counter() - began:.2f} s")
    viewer.window.remove_dock_widget(widget)

    movie = simulate(SimulationSettings(frames=16, height=512, width=512, cells=50))
    widget = start(viewer, movie.images)
    annotator = widget.annotator
    assert annotator is not None
    annotator.seed(viewer.add_labels(movie.labels, visible=False), 0)
    pump(lambda: idle(annotator) and bool(annotator.objects))
    count = len(annotator.objects)
    blocks = Blocks()
    gaps: dict[str, list[float]] = {"looked at": [], "scrolled and zoomed": []}
    idle_gaps: list[float] = []
    for step in range(80):  # what drawing alone costs here
        scroll(viewer, step)
        QTest.qWait(50)
        idle_gaps += blocks.take()
    report("not tracking, scrolled and zoomed", idle_gaps)
    annotator.propagate()
    began, step = time.perf_counter(), 0
    pump(lambda: annotator.status.phase == "busy")
    while annotator.status.phase == "busy":
        step += 1
        name = list(gaps)[step // 40 % 2]
        if name != "looked at":
            scroll(viewer, step)
        QTest.qWait(50)
        gaps[name] += blocks.take()
    seconds = time.perf_counter() - began
    print(f"tracking {count} cells over 16 frames of 512 x 512: {seconds:.0f} s")
    for name, found in gaps.items():
        report(f"tracking, {name}", found)
    annotator.span = type(annotator.span)()
    annotator.propagate()
    pump(lambda: (p := annotator.status.progress) is not None and p.done > 2)
    annotator.cancel()
    print(f"cancel: {pump(lambda: annotator.status.phase == 'ready'):.2f} s")


def scroll(viewer: napari.Viewer, step: int) -> None:
    """Turn the slider and the wheel a little."""
    viewer.dims.set_current_step(0, step // 10 % 10)
    camera = getattr(viewer, "scene", viewer).camera  # napari 0.9 moved it
    camera.zoom *= 1.01 if step % 20 < 10 else 0.99


def report(name: str, gaps: list[float]) -> None:
    """Print the longest times without an answer."""
    found = sorted(gaps, reverse=True)
    print(
        f"{name}: longest block {found[0]:.0f} ms, 99 % below "
        f"{found[len(found) // 100]:.0f} ms"
    )


def main() -> None:
    """Measure."""
    os.environ.setdefault("NAPARI_SAM_I2V_SESSIONS", tempfile.mkdtemp())
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1366, 768)  # noqa: SLF001
    measure_clicks(viewer)
    measure_tracking(viewer)
    viewer.close()


if __name__ == "__main__":
    main()
