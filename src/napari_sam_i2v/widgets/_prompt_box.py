"""The box for prompting: which object, what a click means, and cells all at once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox
from napari.layers import Labels, Points, Shapes
from qtpy.QtWidgets import QButtonGroup, QGroupBox, QHBoxLayout, QLabel, QVBoxLayout

from napari_sam_i2v.widgets._parts import Current, button, narrow, tighten, verb

if TYPE_CHECKING:
    import napari

_TOOLS = (
    ("Click", "points", "Click on a cell. Alt-click: not here. Shift-click: next cell"),
    ("Box", "boxes", "Draw a box around a cell; ellipses and polygons are masks"),
    ("Paint", "masks", "Paint a mask on this frame"),
    ("Correct", "masklets", "Paint on the result: it corrects this frame"),
)


class PromptBox(QGroupBox):
    """Chooses the object and the tool, and takes cells from other layers.

    Parameters
    ----------
    viewer
        The viewer, for its layers.
    current
        Gives the annotator.
    """

    def __init__(self, viewer: napari.Viewer, current: Current) -> None:
        super().__init__("Prompt")
        self._viewer, self._current = viewer, current
        self.swatch = QLabel()
        self.swatch.setFixedSize(14, 14)
        self.object = QLabel("Object 1")
        self.polarity = verb("+ it is here", "toggle_polarity", current)
        row = QHBoxLayout()
        row.addWidget(self.swatch)
        row.addWidget(self.object, 1)
        row.addWidget(self.polarity)
        row.addWidget(verb("New", "new_object", current))
        self.tools = QButtonGroup(self)
        tools = QHBoxLayout()
        for text, kind, tip in _TOOLS:
            tool = button(text, partial(self._use, kind), tip)
            tool.setCheckable(True)
            tool.setObjectName(kind)
            self.tools.addButton(tool)
            tools.addWidget(tool)
        self.source = ComboBox(choices=self._sources, nullable=True)
        narrow(self.source.native)
        self.source.native.setToolTip(
            "A Labels layer (Cellpose, StarDist, by hand): every cell of the frame "
            "shown becomes an object. Points and shapes are taken as prompts"
        )
        self.take = button("Use all cells", self._take, "Every cell becomes an object")
        cells = QHBoxLayout()
        cells.addWidget(self.source.native, 1)
        cells.addWidget(self.take)
        layout = QVBoxLayout(self)
        for each in (row, tools, cells):
            each.setSpacing(4)
            layout.addLayout(each)
        tighten(layout)

    def refresh(self) -> None:
        """Show the object, its colour and what a click means."""
        annotator = self._current()
        if annotator is None:
            return
        colour = annotator.layers.colour(annotator.object_id)
        red, green, blue = (int(round(255 * part)) for part in colour[:3])
        self.swatch.setStyleSheet(
            f"background: rgb({red},{green},{blue}); border-radius: 7px"
        )
        style = annotator.styles.get(annotator.object_id)
        name = style.name if style is not None and style.name else None
        self.object.setText(name or f"Object {annotator.object_id}")
        self.polarity.setText("+ it is here" if annotator.positive else "− not here")

    def follow(self, _event: object = None) -> None:
        """Mark the tool whose layer is the active one."""
        annotator = self._current()
        kinds = {} if annotator is None else annotator.tools
        active = kinds.get(self._viewer.layers.selection.active)
        self.tools.setExclusive(False)  # or one would always be marked
        for tool in self.tools.buttons():
            tool.setChecked(tool.objectName() == active)
        self.tools.setExclusive(True)

    def reset(self) -> None:
        """Look again for layers with cells."""
        self.source.reset_choices()

    def _sources(self, _widget: object) -> list[object]:
        annotator = self._current()
        own = annotator.layers.all if annotator is not None else []
        return [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Labels | Points | Shapes) and layer not in own
        ]

    def _use(self, kind: str) -> None:
        annotator = self._current()
        if annotator is not None:
            annotator.set_mode(kind)

    def _take(self) -> None:
        annotator = self._current()
        if annotator is not None:
            annotator.take(self.source.value)
