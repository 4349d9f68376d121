"""Small parts that the track widget's boxes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QComboBox, QLayout, QPushButton, QSizePolicy, QWidget

from napari_sam_i2v.annotator.keys import KEYS, key_of
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning import describe_model

if TYPE_CHECKING:
    from napari_sam_i2v.annotator.annotator import Annotator

Current = Callable[[], "Annotator | None"]
"""Gives the annotator, where one is started."""


def button(text: str, pressed: Callable[[], Any], tip: str = "") -> QPushButton:
    """Make a button whose errors become notifications."""
    made = QPushButton(text)
    made.clicked.connect(lambda: advise(pressed))
    made.setToolTip(tip)
    # Docks are narrow: a button takes what its text needs, and more where there is.
    made.setSizePolicy(QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed)
    made.setStyleSheet("QPushButton { padding: 4px 3px }")
    return made


def verb(text: str, method: str, current: Current) -> QPushButton:
    """Make a button for a method of the annotator, with its key in the tooltip."""
    explained = next((key.text for key in KEYS if key.method == method), "")
    key = key_of(method)
    tip = f"{explained}  ({key})" if key else explained

    return button(text, lambda: getattr(started(current), method)(), tip)


def started(current: Current) -> Annotator:
    """Give the annotator.

    Raises
    ------
    InputError
        If none is started.
    """
    annotator = current()
    if annotator is None:
        raise InputError("nothing is started: choose a movie and press Start first")
    return annotator


def advise(action: Callable[[], Any]) -> Any:
    """Call something; what is wrong with the input becomes a notification."""
    try:
        return action()
    except InputError as error:
        show_warning(str(error))
    except OSError as error:
        show_error(f"{error.strerror or error}: {error.filename or ''}")
    return None


def is_let_go(widget: QWidget, event: QEvent | None) -> bool:
    """Tell whether napari closes a dock widget, or takes it out of its dock."""
    if event is None:
        return False
    taken_out = event.type() == QEvent.Type.ParentChange and widget.parent() is None
    return event.type() == QEvent.Type.Close or taken_out


def narrow(box: QComboBox) -> QComboBox:
    """Have a combo box take the width there is, not that of its longest entry."""
    policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    box.setSizeAdjustPolicy(policy)
    box.setMinimumContentsLength(4)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return box


def list_names(box: QComboBox, names: Iterable[str]) -> None:
    """Have a combo box list models; pointed at, they say what they are."""
    box.clear()
    for row, name in enumerate(names):
        box.addItem(name)
        box.setItemData(row, describe_model(name), Qt.ItemDataRole.ToolTipRole)


def tighten(layout: QLayout) -> None:
    """Leave little room around and between the parts of a box."""
    layout.setContentsMargins(5, 4, 5, 5)
    layout.setSpacing(4)


def enable(parts: list[QWidget], enabled: bool) -> None:
    """Enable or grey out some parts."""
    for part in parts:
        part.setEnabled(enabled)
