"""The newest picture of held-out cells."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap, QResizeEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_sam_i2v.widgets._train_form import small_label


class SamplePicture(QWidget):
    """A picture as wide as the dock, with a line that says what it shows.

    Parameters
    ----------
    parent
        The widget it is in.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path: Path | None = None
        self._pixmap = QPixmap()
        self.picture = QLabel()
        self.picture.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        legend = small_label(
            "Validation cells over time: "
            "<span style='color:#3cc85a'>■</span> truth, "
            "<span style='color:#ff8c00'>■</span> model"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.picture)
        layout.addWidget(legend)
        self.setVisible(False)

    def show_file(self, path: Path | None) -> None:
        """Show a picture; without one, nothing."""
        if path == self._path:
            return
        pixmap = QPixmap() if path is None else QPixmap(str(path))
        if path is not None and pixmap.isNull():
            return  # half-written: the next look will find it whole
        self._path, self._pixmap = path, pixmap
        self.setVisible(path is not None)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the picture as wide as the dock."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self._pixmap.isNull():
            self.picture.clear()
            return
        ratio = self.picture.devicePixelRatioF()
        width = max(1, round(self.width() * ratio))
        mode = Qt.TransformationMode.SmoothTransformation
        fitted = self._pixmap.scaledToWidth(min(width, self._pixmap.width()), mode)
        fitted.setDevicePixelRatio(ratio)
        self.picture.setFixedHeight(round(fitted.height() / ratio))
        self.picture.setPixmap(fitted)
