"""Make the pictures of the walkthrough: real runs on a simulated movie, real windows.

    xvfb-run -a -s "-screen 0 1600x1200x24" python docs/pictures.py

writes ``docs/pictures/*.png``. Needs a screen, or Xvfb.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["NAPARI_SAM_I2V_SESSIONS"] = tempfile.mkdtemp()
os.environ["NAPARI_SAM_I2V_CACHE"] = tempfile.mkdtemp()

import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

import napari_sam_i2v as si
from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.simulation.write import write_movie
from napari_sam_i2v.widgets.track import TrackWidget
from napari_sam_i2v.widgets.train import TrainWidget

PICTURES = Path(__file__).with_name("pictures")
LAPTOP = (1366, 768)


def pump(until: Callable[[], bool], seconds: float = 300) -> None:
    """Run the viewer until something is so."""
    end = time.monotonic() + seconds
    while not until():
        QApplication.processEvents()
        time.sleep(0.005)
        if time.monotonic() > end:
            raise TimeoutError("the viewer did not get there")


def settled(annotator: Annotator) -> Callable[[], bool]:
    """Whether all that was asked for is done."""
    return lambda: annotator.status.phase == "ready" and not annotator.jobs.busy


def shoot(viewer: napari.Viewer, name: str) -> None:
    """Save the window."""
    QTest.qWait(400)
    PICTURES.mkdir(exist_ok=True)
    viewer.screenshot(str(PICTURES / f"{name}.png"), canvas_only=False, flash=False)
    print(name)


def centre(labels: np.ndarray, object_id: int) -> tuple[float, float]:
    """Middle of an object."""
    y, x = np.argwhere(labels == object_id).mean(axis=0)
    return float(y), float(x)


def main() -> None:
    """Walk through it."""
    settings = SimulationSettings(
        modality="nuclei",
        frames=40,
        height=256,
        width=256,
        cells=30,
        diameter=24,
        seed=11,
    )
    movie = simulate(settings)
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(*LAPTOP)
    image = viewer.add_image(movie.images, name="nuclei", gamma=0.7)
    widget = TrackWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Segment & track", area="right")
    viewer.dims.set_current_step(0, 0)
    QTest.qWait(500)
    viewer.reset_view()
    shoot(viewer, "start")

    annotator = si.annotate(viewer, image)
    pump(settled(annotator))
    inside = [int(i) for i in np.unique(movie.labels[0, 40:-40, 40:-40]) if i]
    annotator.layers.points.add([[0, *centre(movie.labels[0], inside[0])]])
    pump(settled(annotator))
    shoot(viewer, "preview")

    for object_id in inside[1:9]:
        annotator.new_object()
        annotator.layers.points.add([[0, *centre(movie.labels[0], object_id)]])
    pump(lambda: settled(annotator)() and len(annotator.objects) == 9)
    annotator.propagate()
    pump(lambda: (p := annotator.status.progress) is not None and p.done > 15)
    annotator.layers.go_to(12)
    shoot(viewer, "propagating")
    pump(settled(annotator))
    annotator.rename(annotator.objects[0].object_id, "first cell")
    annotator.approve([annotator.objects[1].object_id], range(12))
    pump(settled(annotator))
    annotator.look_at(annotator.objects[1].object_id)
    widget.objects.select((annotator.objects[1].object_id,))
    shoot(viewer, "objects")
    viewer.theme = "light"
    shoot(viewer, "light")
    viewer.theme = "dark"
    viewer.window.remove_dock_widget(widget)
    viewer.layers.clear()
    shoot_training(viewer)
    viewer.close()


def shoot_training(viewer: napari.Viewer) -> None:
    """Fine-tune on a simulated movie for a minute or two."""
    movie = simulate(SimulationSettings(modality="yeast", frames=24, cells=24, seed=8))
    os.chdir(tempfile.mkdtemp())
    write_movie(movie, Path("yeast"))
    viewer.add_image(movie.images, name="yeast")
    widget = TrainWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Fine-tune", area="right")
    form = widget.form
    form.source.setCurrentText("a folder")
    form.folder.setText("yeast")
    form.unit.setCurrentText("steps")
    form.budget.setValue(60)
    form.name.setText("yeast-of-ours")
    QTest.mouseClick(widget.start_button, Qt.MouseButton.LeftButton)
    pump(lambda: widget.progress.phase in ("done", "failed"), seconds=900)
    shoot(viewer, "fine-tune")


if __name__ == "__main__":
    sys.exit(main())
