"""The sheet of keys."""

from __future__ import annotations

from qtpy.QtWidgets import QDialog, QLabel, QVBoxLayout, QWidget

from napari_sam_i2v.annotator.keys import KEYS

_MOUSE = (
    ("Click", "The object is here"),
    ("Alt-click, Ctrl-click", "It is not here"),
    ("Shift-click", "A new object is here"),
)


class KeysSheet(QDialog):
    """Lists the keys and clicks."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of Segment & track")
        pairs = [*_MOUSE, *((key.key, key.text) for key in KEYS)]
        rows = "".join(
            f"<tr><td style='padding: 2px 14px 2px 2px'><b>{key}</b></td>"
            f"<td style='padding: 2px'>{text}</td></tr>"
            for key, text in pairs
        )
        sheet = QLabel(f"<table>{rows}</table>")
        layout = QVBoxLayout(self)
        layout.addWidget(sheet)
