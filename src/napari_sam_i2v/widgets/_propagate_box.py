"""The box for tracking: which way, how far, how far it is, cancel."""

from __future__ import annotations

from napari.utils import progress as activity
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QGroupBox,
    QHBoxLayout,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sam_i2v.annotator.ranges import Span
from napari_sam_i2v.annotator.status import Progress, Status
from napari_sam_i2v.widgets._parts import Current, narrow, tighten, verb

_ACTIVITY_MS = 500
_DIRECTIONS = {"Forward →": "forward", "← Backward": "backward", "← Both →": "both"}
_UNTIL = {"to the end": "end", "over frames": "frames", "to frame": "frame"}


class PropagateBox(QGroupBox):
    """Tracks objects, and shows how far it is.

    Parameters
    ----------
    current
        Gives the annotator.
    """

    def __init__(self, current: Current) -> None:
        super().__init__("Propagate")
        self._current = current
        self._running = False
        self._activity: activity | None = None
        self._progress: Progress | None = None
        # Napari's bar has all that waits to be drawn be drawn within each of its
        # updates: on a timer of its own, that is little.
        self._ticker = QTimer(self)
        self._ticker.setInterval(_ACTIVITY_MS)
        self._ticker.timeout.connect(self._tell_activity)
        self.direction = narrow(QComboBox())
        self.direction.addItems(list(_DIRECTIONS))
        self.until = narrow(QComboBox())
        self.until.addItems(list(_UNTIL))
        self.number = QSpinBox()
        self.number.setRange(0, 99_999)
        self.number.setValue(10)
        for part in (self.direction, self.until):
            part.currentTextChanged.connect(self._span_changed)
        self.number.valueChanged.connect(self._span_changed)
        span = QHBoxLayout()
        span.addWidget(self.direction, 1)
        span.addWidget(self.until, 1)
        span.addWidget(self.number)
        self.all = verb("Propagate all", "propagate", current)
        self.chosen = verb("Selected", "propagate_selected", current)
        run = QHBoxLayout()
        run.addWidget(self.all, 2)
        run.addWidget(self.chosen, 1)
        self.back = verb("← Again", "correct_backward", current)
        self.ahead = verb("Again →", "correct_forward", current)
        again = QHBoxLayout()
        again.addWidget(self.back, 1)
        again.addWidget(self.ahead, 2)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.cancel = verb("Cancel", "cancel", current)
        shown_at_times: tuple[QWidget, ...] = (self.bar, self.cancel)
        for widget in shown_at_times:  # the dock is not laid out anew for them
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
        progress = QHBoxLayout()
        progress.addWidget(self.bar, 1)
        progress.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        for row in (span, run, again, progress):
            row.setSpacing(4)
            layout.addLayout(row)
        tighten(layout)
        self.number.setVisible(False)
        self.show_status(Status())
        # Napari's first bar takes long to make: not while a movie is tracked.
        activity(total=1, desc="opening").close()

    def show_status(self, status: Status) -> None:
        """Show how far a propagation is, here and in napari's activity dock."""
        progress = status.progress
        busy = status.phase == "busy"
        self.cancel.setEnabled(busy)
        self.bar.setVisible(busy)
        self.cancel.setVisible(busy)
        # Qt paints a bar within each call that changes it, unless it may not.
        self.bar.setUpdatesEnabled(False)
        if progress is None:
            self.bar.setRange(0, 0 if busy else 1)
            self.bar.setFormat("")
        else:
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)
            self.bar.setFormat(f"%v of %m frames{_left(progress.seconds_left)}")
        self.bar.setUpdatesEnabled(True)
        self._progress = progress
        if busy:
            self._begin()
        else:
            self._end()

    def _begin(self) -> None:
        if not self._running:
            self._running = True
            self._ticker.start()

    def _tell_activity(self) -> None:
        shown, progress = self._activity, self._progress
        if shown is None:
            self._show_activity()
        elif progress is not None:
            if shown.total != progress.total:
                shown.total = progress.total
            shown.update(max(0, progress.done - shown.n))

    def _show_activity(self) -> None:
        self._ticker.stop()
        made = activity(total=0, desc="tracking cells")
        # Meanwhile napari had Qt do what was waiting, which may have been the end.
        if self._running and self._activity is None:
            self._activity = made
            self._ticker.start()
        else:
            made.close()

    def _end(self) -> None:
        self._running = False
        self._ticker.stop()
        if self._activity is not None:
            self._activity.close()
            self._activity = None

    def follow(self) -> None:
        """Have a fresh annotator go as far as is set here."""
        self._span_changed()

    def _span_changed(self, _value: object = None) -> None:
        until = _UNTIL[self.until.currentText()]
        self.number.setVisible(until != "end")
        annotator = self._current()
        if annotator is not None:
            annotator.span = Span(
                direction=_DIRECTIONS[self.direction.currentText()],
                until=until,
                number=self.number.value(),
            )


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 60:
        return f", {seconds:.0f} s left"
    return f", {seconds / 60:.0f} min left"
