"""How a run goes: progress, curves, a picture, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import (
    QHBoxLayout,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_sam_i2v.fine_tuning import FineTune, ModelCard, Progress
from napari_sam_i2v.widgets._curves import Curves
from napari_sam_i2v.widgets._parts import button
from napari_sam_i2v.widgets._train_form import small_label
from napari_sam_i2v.widgets._train_picture import SamplePicture
from napari_sam_i2v.widgets._train_state import bar_text, state_text


class RunBox(QWidget):
    """Shows a run; its buttons are connected by the widget it is in.

    Parameters
    ----------
    keep, discard, use
        What the buttons do.
    parent
        The widget it is in.
    """

    def __init__(
        self,
        keep: Callable[[], Any],
        discard: Callable[[], Any],
        use: Callable[[], Any],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.state = small_label()
        self.keep_button = button("Use as it is", keep)
        self.keep_button.setToolTip("End here: what it learned so far becomes a model")
        self.discard_button = button("Discard", discard)
        self.discard_button.setToolTip("Delete this run")
        self.result = small_label()
        self.use_button = button("Use this model", use)
        self.curves = Curves()
        self.picture = SamplePicture()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.bar)
        column.addWidget(self.state)
        column.addLayout(button_row(self.keep_button, self.discard_button))
        column.addWidget(self.result)
        column.addWidget(self.use_button)
        column.addWidget(self.curves)
        column.addWidget(self.picture)

    def show_progress(self, task: FineTune | None, progress: Progress) -> None:
        """Show how a run goes; without one, what is left of the last."""
        is_over = task is not None and not progress.is_running
        self.keep_button.setVisible(is_over and progress.can_keep)
        self.discard_button.setVisible(is_over)
        self.bar.setVisible(progress.is_running or progress.step > 0)
        self.bar.setRange(0, progress.steps)
        self.bar.setValue(progress.step)
        self.bar.setFormat(bar_text(progress))
        self.state.setText("" if task is None else state_text(task, progress))
        self.state.setVisible(bool(self.state.text()))
        self.curves.setVisible(bool(progress.losses or progress.scores))
        self.curves.show_progress(progress)
        self.picture.show_file(progress.picture)

    def show_result(self, name: str | None, card: ModelCard | None) -> None:
        """Say what model a run became."""
        is_there = name is not None and card is not None
        self.result.setVisible(is_there)
        self.use_button.setVisible(is_there)
        if card is not None:
            seen = "was not trained on" if card.held_out else "was trained on"
            self.result.setText(
                f"<b>{name}</b> is in the model list: {card.base} after "
                f"{card.steps} steps. On cells it {seen}: {card.verdict}."
            )


def button_row(*buttons: QWidget) -> QHBoxLayout:
    """Lay buttons side by side."""
    row = QHBoxLayout()
    for each in buttons:
        row.addWidget(each)
    return row
