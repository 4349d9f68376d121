"""The table of objects: one row each, with what can be done to them."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    Qt,
)
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QGridLayout,
    QGroupBox,
    QHeaderView,
    QMenu,
    QTableView,
    QVBoxLayout,
)

from napari_sam_i2v.widgets._parts import Current, tighten, verb

_COLUMNS = ("", "Object", "Frames", "#", "Score")
_TIPS = (
    "Shown or hidden",
    "Id or name; double-click to rename",
    "First to last frame with a mask; ✓ how many are approved; ⊣ ended by you; "
    "≺ ends where it divides",
    "How many prompts it was given",
    "Lowest IoU that the network expects of a tracked frame: look where it is low",
)
_Role = Qt.ItemDataRole


class _Objects(QAbstractTableModel):
    """Objects as Qt wants them."""

    def __init__(self, current: Current) -> None:
        super().__init__()
        self._current = current
        self.rows: list[Any] = []

    def fill(self, rows: list[Any]) -> None:
        """Show other objects."""
        if [one.object_id for one in rows] != [one.object_id for one in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        self.rows = rows
        if rows:
            last = self.index(len(rows) - 1, len(_COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return len(_COLUMNS)

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == _Role.DisplayRole:
                return _COLUMNS[section]
            if role == _Role.ToolTipRole:
                return _TIPS[section]
        return None

    def flags(self, index: QModelIndex) -> Any:
        flags = super().flags(index)
        if index.column() == 0:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        if index.column() == 1:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        annotator = self._current()
        if annotator is None or not index.isValid():
            return None
        row, column = self.rows[index.row()], index.column()
        named = role == _Role.ToolTipRole and column == 1
        if role in (_Role.DisplayRole, _Role.EditRole) or named:
            return _text(row, column, annotator.styles.get(row.object_id))
        if role == _Role.DecorationRole and column == 1:
            swatch = QPixmap(12, 12)
            swatch.fill(QColor.fromRgbF(*annotator.layers.colour(row.object_id)))
            return swatch
        if role == _Role.CheckStateRole and column == 0:
            hidden = row.object_id in annotator.hidden
            return Qt.CheckState.Unchecked if hidden else Qt.CheckState.Checked
        if role == _Role.TextAlignmentRole and column > 1:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = 0) -> bool:
        annotator = self._current()
        if annotator is None:
            return False
        object_id = self.rows[index.row()].object_id
        if role == _Role.CheckStateRole:
            shown = Qt.CheckState(value) == Qt.CheckState.Checked
            annotator.hide([object_id], not shown)
            return True
        name = str(value).strip()
        if role == _Role.EditRole and name not in ("", str(self.data(index, role))):
            annotator.rename(object_id, name)
            return True
        return False


class ObjectsTable(QGroupBox):
    """Objects, to be selected, looked at, renamed, merged, split, deleted.

    Parameters
    ----------
    current
        Gives the annotator.
    """

    def __init__(self, current: Current) -> None:
        super().__init__("Objects")
        self._current = current
        self.model = _Objects(current)
        self.view = QTableView()
        self.view.setModel(self.model)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.verticalHeader().hide()
        self.view.verticalHeader().setDefaultSectionSize(22)
        header = self.view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(20)
        header.setStretchLastSection(False)
        header.setStyleSheet("QHeaderView::section { padding: 2px 1px }")
        self.view.setMinimumHeight(110)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.selectionModel().selectionChanged.connect(self._selected)
        actions = QGridLayout()
        verbs = (
            ("Approve", "approve_frame"),
            ("Unlock", "unapprove_frame"),
            ("Merge", "merge_objects"),
            ("Delete", "delete_object"),
            ("Split here", "split_object"),
            ("End here", "end_object"),
            ("Least sure", "look_at_worst"),
        )
        for place, (text, method) in enumerate(verbs):
            wide = 2 if method == "look_at_worst" else 1
            part = verb(text, method, current)
            actions.addWidget(part, place // 4, place % 4, 1, wide)
        layout = QVBoxLayout(self)
        layout.addWidget(self.view, 1)
        layout.addLayout(actions)
        actions.setSpacing(4)
        tighten(layout)

    def fill(self, objects: list[Any]) -> None:
        """Show the objects."""
        kept = self.selected_ids()
        self.model.fill(objects)
        if self.selected_ids() != kept:
            self.select(kept)
        count = len(objects)
        self.setTitle(f"Objects ({count})" if count else "Objects")

    def selected_ids(self) -> tuple[int, ...]:
        """Ids of the selected rows."""
        rows = self.view.selectionModel().selectedRows()
        return tuple(self.model.rows[index.row()].object_id for index in rows)

    def select(self, object_ids: tuple[int, ...]) -> None:
        """Select rows by id, and no others."""
        if set(object_ids) == set(self.selected_ids()):
            return
        rows = QItemSelection()
        for row, one in enumerate(self.model.rows):
            if one.object_id in object_ids:
                index = self.model.index(row, 0)
                rows.select(index, index)
        flag = QItemSelectionModel.SelectionFlag
        mode = flag.ClearAndSelect | flag.Rows
        self.view.selectionModel().select(rows, mode)

    def _selected(self, *_changes: object) -> None:
        annotator = self._current()
        if annotator is None:
            return
        ids = self.selected_ids()
        annotator.select(ids)
        if len(ids) == 1 and annotator.object_id not in ids:
            annotator.look_at(ids[0])

    def ask_for_colour(self) -> None:
        """Ask for a colour for the chosen objects."""
        annotator = self._current()
        if annotator is None or not annotator.targets:
            return
        before = QColor.fromRgbF(*annotator.layers.colour(annotator.targets[0]))
        chosen = QColorDialog.getColor(before, self)
        if chosen.isValid():
            annotator.colour(annotator.targets, chosen.name())

    def ask_for_name(self) -> None:
        """Have the name of the chosen object be edited in its row."""
        annotator = self._current()
        for row, one in enumerate(self.model.rows):
            if annotator is not None and (one.object_id,) == annotator.targets[:1]:
                self.view.edit(self.model.index(row, 1))

    def _menu(self, position: Any) -> None:
        annotator = self._current()
        if annotator is None or not annotator.targets:
            return
        targets = annotator.targets
        menu = QMenu(self)
        menu.addAction("Show it", lambda: annotator.look_at(targets[0]))
        menu.addAction("Rename", self.ask_for_name)
        menu.addAction("Colour…", self.ask_for_colour)
        menu.addAction("Hide", lambda: annotator.hide(targets))
        menu.addAction("Show all", annotator.show_all)
        menu.addSeparator()
        menu.addAction("Approve up to this frame", annotator.approve_until_here)
        menu.addAction("Approve all frames", lambda: annotator.approve_all(targets))
        menu.addAction("Unlock all frames", lambda: annotator.unapprove_all(targets))
        menu.exec(self.view.viewport().mapToGlobal(position))


def _text(row: Any, column: int, style: Any) -> str:
    if column == 1:
        return style.name if style is not None and style.name else str(row.object_id)
    if column == 2:
        if row.first is None:
            return "–"
        frames = f"{row.first}" if row.first == row.last else f"{row.first}–{row.last}"
        frames += " ⊣" if row.ended is not None else ""
        frames += " ≺" if row.divided is not None else ""
        return f"✓{row.approved}  {frames}" if row.approved else frames
    if column == 3:
        return str(row.prompts)
    if column == 4:
        return "–" if row.lowest_score is None else f"{row.lowest_score:.2f}"
    return ""
