"""A scene in a viewer without a window, annotated with a threshold engine."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.components import ViewerModel

from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.annotator.status import Options
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.actions import Action
from scenes import Scene, two_crossing


class Pump:
    """Takes functions to the thread of the test, which calls them when it waits."""

    def __init__(self) -> None:
        self._functions: queue.Queue[Callable[[], None]] = queue.Queue()

    def __call__(self, function: Callable[[], None]) -> None:
        self._functions.put(function)

    def until(self, condition: Callable[[], Any], seconds: float = 30) -> None:
        """Call what comes until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            try:
                self._functions.get(timeout=0.01)()
            except queue.Empty:
                continue

    def empty(self) -> None:
        """Call all that has come."""
        while not self._functions.empty():
            self._functions.get()()


class Bench:
    """A scene in a viewer, annotated."""

    def __init__(self, scene: Scene, **options: Any) -> None:
        self.scene, self.pump = scene, Pump()
        self.viewer = ViewerModel()
        self.image = self.viewer.add_image(scene.images, name=scene.name)
        self.go_to(0)
        self.annotator = self.start(**options)

    @property
    def session(self) -> TrackingSession:
        """The annotator's, to be looked at while nothing runs."""
        return self.annotator.desk.session

    @property
    def stack(self) -> np.ndarray:
        """Labels shown, ``(T, Y, X)``."""
        return self.annotator.layers.stack

    @property
    def log(self) -> list[Action]:
        return list(self.session.log)

    def start(self, model: str = "threshold", **options: Any) -> Annotator:
        """Start on the image, once more perhaps."""
        chosen = Options(model=model, **options)
        self.annotator = Annotator(self.viewer, self.image, chosen, post=self.pump)
        self.settle()
        return self.annotator

    def settle(self) -> None:
        """Wait until all is done and painted."""
        annotator = self.annotator
        self.pump.until(lambda: annotator.status.phase not in ("loading", "busy"))
        for _ in range(3):
            # What is handed over may ask for more.
            arrived: list[bool] = []
            annotator.jobs.submit(lambda: True, arrived.append)
            self.pump.until(lambda found=arrived: found)
        self.pump.until(lambda: not annotator.desk._dirty)
        time.sleep(0.005)
        self.pump.empty()

    def go_to(self, frame: int) -> None:
        self.viewer.dims.set_current_step(0, frame)

    def add(self, object_id: int, frame: int, at: int | None = None) -> None:
        """Click for an object in the middle of a cell, its own by default."""
        self.go_to(frame)
        self.annotator.choose(object_id)
        prompt = self.scene.click(object_id if at is None else at, frame)
        self.annotator.layers.points.add((frame, *prompt.yx))

    def click(self, object_id: int, frame: int, at: int | None = None) -> None:
        """Click, and wait for the answer."""
        self.add(object_id, frame, at)
        self.settle()

    def click_all(self) -> None:
        for object_id, frame in self.scene.first.items():
            self.add(object_id, frame)
        self.settle()

    def run(self) -> None:
        """Track all objects."""
        self.annotator.propagate()
        self.settle()

    def state(self) -> tuple[Any, ...]:
        """What the layers and the session hold."""
        layers = self.annotator.layers
        points = [
            (*row, int(i), bool(p))
            for row, i, p in zip(
                layers.points.data.tolist(),
                layers.points.features["object_id"],
                layers.points.features["positive"],
                strict=True,
            )
        ]
        return (
            self.stack.tolist(),
            layers.painted.tolist(),
            sorted(points),
            sorted(np.asarray(shape).tolist() for shape in layers.shapes.data),
            repr(self.session.prompts()),
            np.asarray(self.session.masklets.labels).tolist(),
            self.session.summary(),
            self.session.styles,
            self.annotator.hidden,
        )


def tracked(bench: Callable[..., Bench], scene: Scene = two_crossing) -> Bench:
    """Have all cells of a scene clicked and tracked to the end."""
    at = bench(scene)
    at.click_all()
    at.run()
    return at
