"""Taking functions to Qt's thread."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, Signal, Slot


class QtPost(QObject):
    """Calls functions in the thread it was made in, in the order they were given."""

    _given = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        kind = Qt.ConnectionType.QueuedConnection
        self._given.connect(self._call, kind)  # type: ignore[call-arg]

    def __call__(self, function: Callable[[], None]) -> None:
        """Have a function called soon; may be called from any thread."""
        try:
            self._given.emit(function)
        except RuntimeError:
            # Qt's side is gone: the window was closed while the worker was busy.
            return

    @Slot(object)
    def _call(self, function: Callable[[], None]) -> None:
        function()
