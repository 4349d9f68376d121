"""The box for the movie and the model: what to start with."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from napari.layers import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_sam_i2v.annotator.status import Options, Status
from napari_sam_i2v.backends import model_names
from napari_sam_i2v.contributions.settings import plugin_settings, use_preferred_cache
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.widgets._parts import list_names, narrow, tighten

if TYPE_CHECKING:
    import napari

_DEVICES = ("auto", "cpu", "cuda", "mps")
_VIEWS = {"automatic": "auto", "follow the cells": "objects", "whole frame": "frame"}
_LIGHTS = {
    "off": "#888888",
    "loading": "#e0a030",
    "ready": "#3fae5a",
    "busy": "#3f8fe0",
    "failed": "#d04040",
}


class MovieBox(QGroupBox):
    """Chooses an Image layer, a model, and what else a session starts with.

    Parameters
    ----------
    viewer
        The viewer, for its layers.
    start
        The button that starts and stops, placed here.
    """

    def __init__(self, viewer: napari.Viewer, start: QWidget) -> None:
        super().__init__("Movie")
        self._viewer = viewer
        use_preferred_cache()
        defaults = plugin_settings()
        self.movie = ComboBox(choices=self._movies, nullable=False)
        self.movie.native.setToolTip("The Image layer with the time-lapse")
        narrow(self.movie.native)
        self.model = narrow(QComboBox())
        self.device = narrow(QComboBox())
        self.device.addItems(_DEVICES)
        self.device.setCurrentText(defaults.device)
        self.views = narrow(QComboBox())
        self.views.addItems(list(_VIEWS))
        self.views.setToolTip("How the network looks at a frame")
        self.cell_size = QSpinBox()
        self.cell_size.setRange(0, 4096)
        self.cell_size.setSuffix(" px")
        self.cell_size.setSpecialValueText("automatic")
        self.cell_size.setToolTip("Diameter of a typical cell; helps the first click")
        self.time = QSpinBox()
        self.time.setRange(-1, 4)
        self.time.setValue(-1)
        self.time.setSpecialValueText("the slider's")
        self.channels = QLineEdit()
        self.channels.setPlaceholderText("the one shown")
        self.channels.setToolTip("A channel, or up to three to see together: 0, 2")
        self.as_seen = QCheckBox("Contrast as seen")
        self.as_seen.setChecked(True)
        self.as_seen.setToolTip(
            "The layer's contrast limits and gamma are what the network sees"
        )
        self.divide = QCheckBox("End cells where they divide")
        self.divide.setChecked(True)
        self.divide.setToolTip(
            "And where they are doubtful for a while. Otherwise what is there is "
            "followed on, one daughter, say"
        )
        self.contend = QCheckBox("Keep neighbours apart")
        self.contend.setChecked(True)
        self.contend.setToolTip(
            "Cells followed together contend for pixels; not for objects in each other"
        )
        self.light, self.state = QLabel("●"), QLabel("press Start")
        self.state.setWordWrap(True)
        self.state.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out(start)
        self.list_models(defaults.model)
        self.show_status(Status())

    def _lay_out(self, start: QWidget) -> None:
        more = QWidget()
        form = QFormLayout(more)
        form.setContentsMargins(0, 0, 0, 0)
        rows = {
            "Device": self.device,
            "Views": self.views,
            "Cell size": self.cell_size,
            "Time axis": self.time,
            "Channels": self.channels,
        }
        for name, part in rows.items():
            form.addRow(name, part)
        form.addRow(self.as_seen)
        form.addRow(self.divide)
        form.addRow(self.contend)
        self.more = QCollapsible("More settings")
        self.more.addWidget(more)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Movie", self.movie.native)
        form.addRow("Model", self.model)
        state = QHBoxLayout()
        state.addWidget(self.light)
        state.addWidget(self.state, 1)
        start.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        start.setMinimumWidth(64)
        state.addWidget(start)
        self.choices = QWidget()
        choices = QVBoxLayout(self.choices)
        choices.setContentsMargins(0, 0, 0, 0)
        choices.addLayout(form)
        choices.addWidget(self.more)
        layout = QVBoxLayout(self)
        layout.addWidget(self.choices)
        layout.addLayout(state)
        tighten(layout)

    def list_models(self, chosen: str | None = None) -> None:
        """List the models there are now, fine-tuned ones among them."""
        chosen = chosen or self.model.currentText()
        names = model_names()
        if chosen not in names and chosen:
            names.append(chosen)
        list_names(self.model, names)
        self.model.setCurrentText(chosen)

    def reset(self) -> None:
        """Look again for movies."""
        self.movie.reset_choices()

    def image(self) -> Image:
        """The chosen layer.

        Raises
        ------
        InputError
            There is none.
        """
        layer = self.movie.value
        if layer is None or layer not in self._viewer.layers:
            raise InputError(
                "there is no movie: open a time-lapse (File > Open), or a sample "
                "(File > Open Sample > SAM-I2V)"
            )
        return layer

    def choose(self, image: Image) -> None:
        """Choose a layer."""
        self.reset()
        self.movie.value = image

    def options(self, **others: Any) -> Options:
        """What is set, but for what is given."""
        known = [field.name for field in fields(Options)]
        for name in others:
            if name not in known:
                raise InputError(f"no option {name!r}; known: {', '.join(known)}")
        shown = Options(
            model=self.model.currentText(),
            device=self.device.currentText(),
            views=_VIEWS[self.views.currentText()],
            cell_size=float(self.cell_size.value()) or None,
            divisions="end" if self.divide.isChecked() else "ignore",
            neighbours="contend" if self.contend.isChecked() else "ignore",
            time_axis=_number(self.time),
            channel=_numbers(self.channels.text()),
            as_seen=self.as_seen.isChecked(),
        )
        return replace(shown, **others)

    def show_status(self, status: Status) -> None:
        """Show what the annotator is doing."""
        self.light.setStyleSheet(f"color: {_LIGHTS[status.phase]}")
        waiting = f" ({status.waiting} waiting)" if status.waiting > 1 else ""
        self.state.setText((status.text or "press Start") + waiting)
        # Once it runs, the room is for the objects.
        self.choices.setVisible(status.phase in ("off", "failed"))
        if status.phase not in ("off", "failed"):
            self.setTitle(f"{self.movie.current_choice} · {self.model.currentText()}")
        else:
            self.setTitle("Movie")

    def _movies(self, _widget: object) -> list[Image]:
        return [layer for layer in self._viewer.layers if isinstance(layer, Image)]


def _number(box: QSpinBox) -> int | None:
    return box.value() if box.value() >= 0 else None


def _numbers(text: str) -> tuple[int, ...] | None:
    """Read channels as ``sam-i2v track`` takes them; ``None`` where there is no text.

    Raises
    ------
    InputError
        They are no whole numbers with commas between.
    """
    if not text.strip():
        return None
    try:
        return tuple(int(one) for one in text.split(","))
    except ValueError:
        raise InputError(
            f"channels {text.strip()!r} are no numbers; write 1, or 0, 2 for two"
        ) from None
