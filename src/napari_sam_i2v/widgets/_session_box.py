"""The box for the session: undo, save, open, export, keys."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QFileDialog, QGridLayout, QGroupBox, QInputDialog

from napari_sam_i2v.annotator.keys import key_of
from napari_sam_i2v.io.results import ALWAYS, EXPORTERS
from napari_sam_i2v.widgets._parts import Current, button, started, tighten, verb


class SessionBox(QGroupBox):
    """Undoes, saves, opens and exports.

    Parameters
    ----------
    current
        Gives the annotator.
    open_folder
        Goes on with the session in a folder.
    show_keys
        Shows the sheet of keys.
    """

    def __init__(
        self,
        current: Current,
        open_folder: Callable[[str], None],
        show_keys: Callable[[], None],
    ) -> None:
        super().__init__("Session")
        self._current, self._open_folder = current, open_folder
        layout = QGridLayout(self)
        parts = (
            verb("↶ Undo", "undo", current),
            verb("Redo ↷", "redo", current),
            button("Keys…", show_keys, f"Show what keys do  ({key_of('show_keys')})"),
            button(
                "Save as…", self.ask_and_save, "Every action is saved; this is a copy"
            ),
            button("Open…", self.ask_and_open, "Go on with a saved session"),
            button("Export…", self.ask_and_export, "Masklets and scores as files"),
        )
        for place, part in enumerate(parts):
            layout.addWidget(part, place // 3, place % 3)
        tighten(layout)

    def ask_and_save(self) -> None:
        """Ask for a folder, and save a copy of the session there."""
        annotator = started(self._current)
        folder = QFileDialog.getExistingDirectory(self, "Save the session in a folder")
        if folder:
            annotator.save(folder)

    def ask_and_open(self) -> None:
        """Ask for a session folder, and go on with it."""
        folder = QFileDialog.getExistingDirectory(self, "Open a session folder")
        if folder:
            self._open_folder(folder)

    def ask_and_export(self) -> None:
        """Ask for a format and a folder, and write the results there."""
        annotator = started(self._current)
        more = [name for name in EXPORTERS if name not in ALWAYS]
        kinds = ["label stack and scores", *(f"… and {name}" for name in more)]
        kind, chosen = QInputDialog.getItem(self, "Export", "Format", kinds, 0, False)
        if not chosen:
            return
        folder = QFileDialog.getExistingDirectory(self, "Export into a folder")
        if folder:
            annotator.export(folder, [kind[2:].removeprefix("and ")] * (kind[0] == "…"))
