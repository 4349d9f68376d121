"""What to fine-tune: the form."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_sam_i2v.backends import model_names
from napari_sam_i2v.checkpoints import find_weights
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning import (
    PARTS,
    FineTune,
    check_name,
    describe_data,
    estimate,
    unfinished_runs,
)
from napari_sam_i2v.session.settings import DEFAULT_MODEL
from napari_sam_i2v.widgets._parts import list_names

_SESSION, _FOLDER = "this session", "a folder"
_DEVICES = {"automatic": "auto", "CPU": "cpu", "CUDA (NVIDIA)": "cuda", "Apple": "mps"}
_MINUTES, _STEPS = "min", "steps"
_DEFAULT_MINUTES, _DEFAULT_STEPS = 15, 300


class TrainForm(QWidget):
    """Asks for all that a run needs, and says what it will take.

    Parameters
    ----------
    session_folder
        Gives the folder of the current session, where there is one.
    parent
        The widget it is in.
    """

    changed = Signal()

    def __init__(
        self,
        session_folder: Callable[[], Path | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session_folder = session_folder
        self.overrides: tuple[str, ...] = ()
        self.source = _combo(_SESSION, _FOLDER)
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("session, or images and labels")
        self.browse = QToolButton()
        self.browse.setText("…")
        self.browse.setToolTip("Choose a folder")
        self.summary = small_label()
        self.base = _combo()
        self.base.setToolTip("The model to start from")
        self.part = _combo(*(part.replace(" and ", " + ") for part in PARTS))
        self.part.setToolTip(
            "“decoder + memory” is quicker and forgets less;\n"
            "“everything” for images unlike any other"
        )
        self.budget = QSpinBox()
        self.budget.setRange(1, 1_000_000)
        self.budget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.budget.setMinimumWidth(80)
        self.unit = _combo(_MINUTES, _STEPS)
        self.device = _combo(*_DEVICES)
        self.name = QLineEdit()
        self.name.setPlaceholderText("a name for the new model")
        self.estimate = small_label()
        self._lay_out()
        self.budget.setValue(_DEFAULT_MINUTES)
        self.refresh()
        self._connect()
        self._update()

    @property
    def uses_session(self) -> bool:
        """Whether the current session is what to learn from."""
        return self.source.currentText() == _SESSION

    def task(self) -> FineTune:
        """Give what was asked for.

        Raises
        ------
        InputError
            If something is missing, or does not fit.
        """
        by_steps = self.unit.currentText() == _STEPS
        task = FineTune(
            name=self.name.text().strip(),
            data=str(self._data()),
            base=self.base.currentText(),
            part=PARTS[self.part.currentIndex()],
            steps=self.budget.value() if by_steps else None,
            minutes=None if by_steps else float(self.budget.value()),
            device=_DEVICES[self.device.currentText()],
            overrides=self.overrides,
        )
        task.check()
        return task

    def refresh(self) -> None:
        """List the models there are now, and see whether there is a session."""
        chosen = self.base.currentText() or DEFAULT_MODEL
        names = [name for name in model_names() if find_weights(name)]
        self.base.blockSignals(True)
        list_names(self.base, names)
        self.base.setCurrentIndex(max(0, self.base.findText(chosen)))
        self.base.blockSignals(False)
        if self._session_folder() is None and not self.folder.text():
            self.source.setCurrentText(_FOLDER)
        if not self.name.text():
            unfinished = [run.task.name for run in unfinished_runs()]
            self.name.setText(_free_name(names + unfinished))
        self._update()

    def _data(self) -> Path | str:
        if not self.uses_session:
            return self.folder.text().strip()
        folder = self._session_folder()
        if folder is None:
            raise InputError(
                "there is no session; start one in Segment & track, or choose a folder"
            )
        return folder

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.folder)
        row.addWidget(self.browse)
        length = QHBoxLayout()
        length.addWidget(self.budget, 1)
        length.addWidget(self.unit, 1)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.addRow("Learn from", self.source)
        form.addRow(row)
        form.addRow(self.summary)
        form.addRow("Start from", self.base)
        form.addRow("Train", self.part)
        form.addRow("For", length)
        form.addRow("Device", self.device)
        form.addRow("Name", self.name)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.estimate)

    def _connect(self) -> None:
        self.browse.clicked.connect(self._choose_folder)
        self.unit.currentTextChanged.connect(self._unit_changed)
        for combo in (self.source, self.base, self.part, self.device):
            combo.currentIndexChanged.connect(self._update)
        self.budget.valueChanged.connect(self._update)
        self.folder.textChanged.connect(self._update)
        self.name.textChanged.connect(self._update)

    def _unit_changed(self, unit: str) -> None:
        self.budget.setValue(_DEFAULT_STEPS if unit == _STEPS else _DEFAULT_MINUTES)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder to learn from")
        if chosen:
            self.source.setCurrentText(_FOLDER)
            self.folder.setText(chosen)

    def _update(self, *_: object) -> None:
        """Say what there is to learn from, and what a run would take."""
        for part in (self.folder, self.browse):
            part.setVisible(not self.uses_session)
        self.summary.setText(self._try(self._summarise))
        self.estimate.setText(self._try(lambda: estimate(self.task()).text))
        self.changed.emit()

    def _summarise(self) -> str:
        if not self.uses_session and not self.folder.text().strip():
            return (
                "a saved session, images.tif with labels.tif, folders images and "
                "labels, or 01 with 01_ST/SEG"
            )
        return describe_data(self._data()).summary

    def _try(self, say: Callable[[], str]) -> str:
        try:
            return say()
        except InputError as error:
            said = self.summary.text() if say != self._summarise else ""
            return "" if str(error) == said or "no folder" in str(error) else str(error)


def small_label(text: str = "") -> QLabel:
    """Make a label for explanations, which wraps and never widens the dock."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setMinimumWidth(1)
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * 0.9)
    label.setFont(font)
    return label


def _combo(*texts: str) -> QComboBox:
    combo = QComboBox()
    combo.addItems(list(texts))
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    combo.setMinimumWidth(60)
    return combo


def _free_name(taken: list[str]) -> str:
    for number in range(1, 1000):
        name = f"my-cells-{number}"
        try:
            check_name(name)
        except InputError:
            continue
        if name not in taken:
            return name
    return ""
