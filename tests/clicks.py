"""Real mouse and key events on a napari canvas: what tests know of napari's inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

ALT = Qt.KeyboardModifier.AltModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
PLAIN = Qt.KeyboardModifier.NoModifier
_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


def canvas(viewer: Any) -> Any:
    """Widget that shows the layers."""
    return viewer.window._qt_viewer.canvas.native


def wait_for(
    condition: Callable[[], Any], what: str = "it", seconds: float = 60
) -> None:
    """Run Qt until something is so."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"waited {seconds} s for {what}")
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        time.sleep(0.002)


def breathe(seconds: float = 0.05) -> None:
    """Run Qt for a moment."""
    QTest.qWait(int(1000 * seconds))


def on_canvas(viewer: Any, layer: Any, point: Sequence[float]) -> QPoint:
    """Pixel of the canvas at which a layer's data coordinates are shown."""
    world = np.asarray(layer.data_to_world(point), float)
    beyond = viewer.dims.ndim - len(world)
    y, x = (world[axis - beyond] for axis in viewer.dims.displayed)
    shown = viewer.window._qt_viewer.canvas
    where = (shown.view.transform * shown.view.scene.transform).map([x, y, 0, 1])
    return QPoint(round(where[0] / where[3]), round(where[1] / where[3]))


def drag(
    viewer: Any,
    way: Sequence[QPoint],
    modifier: Any = PLAIN,
    held: Callable[[], None] = lambda: None,
) -> None:
    """Press at the first place, move along, release at the last.

    ``held`` is called before the release.
    """
    widget = canvas(viewer)
    _mouse(widget, QEvent.Type.MouseMove, way[0], _NONE, _NONE, modifier)
    _mouse(widget, QEvent.Type.MouseButtonPress, way[0], _LEFT, _LEFT, modifier)
    for place in way[1:]:
        _mouse(widget, QEvent.Type.MouseMove, place, _NONE, _LEFT, modifier)
    held()
    _mouse(widget, QEvent.Type.MouseButtonRelease, way[-1], _LEFT, _NONE, modifier)
    QApplication.processEvents()


def click(viewer: Any, place: QPoint, modifier: Any = PLAIN) -> None:
    """Click with the left button."""
    drag(viewer, [place], modifier)


def press(viewer: Any, key: str, modifier: Any = PLAIN) -> None:
    """Press a key in the window, as ``"W"``."""
    QTest.keyClick(canvas(viewer), getattr(Qt.Key, f"Key_{key}"), modifier)
    QApplication.processEvents()


def push(button: Any) -> None:
    """Click on a button."""
    QTest.mouseClick(button, _LEFT)
    QApplication.processEvents()


def _mouse(
    widget: Any, kind: Any, place: QPoint, button: Any, held: Any, modifier: Any
) -> None:
    around = QPointF(widget.mapToGlobal(place))
    event = QMouseEvent(kind, QPointF(place), around, button, held, modifier)
    QApplication.sendEvent(widget, event)
    if kind == QEvent.Type.MouseMove:
        # Vispy drops moves that come within 10 ms; napari delays what is left.
        QTest.qWait(20)
