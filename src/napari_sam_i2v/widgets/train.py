"""``Fine-tune``: a model learns from one's own cells, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QEvent, QTimer, Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_sam_i2v import annotator
from napari_sam_i2v.contributions.settings import use_preferred_cache
from napari_sam_i2v.fine_tuning import (
    Progress,
    TrainingRun,
    read_card,
    unfinished_runs,
)
from napari_sam_i2v.widgets._parts import advise, button, is_let_go
from napari_sam_i2v.widgets._together import list_anew, use_model
from napari_sam_i2v.widgets._train_form import TrainForm
from napari_sam_i2v.widgets._train_run_box import (
    RunBox,
    button_row,
)

if TYPE_CHECKING:
    import napari

    from napari_sam_i2v.video import VideoSource

POLL_MS = 700

CurrentSession = Callable[[], "tuple[Path, VideoSource] | None"]


class Handle:
    """The run that a widget shows; it outlives the widget, to be stopped."""

    def __init__(self) -> None:
        self.run: TrainingRun | None = None

    def stop(self) -> None:
        """Ask the run, if there is one, to save its state and end."""
        if self.run is not None:
            self.run.stop()


class TrainWidget(QWidget):
    """Chooses data, starts and watches a run, and keeps what comes out.

    Parameters
    ----------
    viewer
        The viewer it is docked in.

    Attributes
    ----------
    current_session
        Gives the folder and the movie of the session in the viewer, if there is one.
    form, run_box
        What is asked for, and how it goes.
    handle
        The run.
    """

    model_kept = Signal(str)
    """A fine-tuned model is in the list now."""
    model_chosen = Signal(str)
    """A model is to be used for tracking from here on."""

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        use_preferred_cache()
        self._viewer = viewer
        self.current_session: CurrentSession = self._annotated
        self.handle = handle = Handle()
        self._progress = Progress(phase="new")
        self._preparing: Future[TrainingRun] | None = None
        self._kept: str | None = None
        self.form = TrainForm(self._session_folder)
        self.start_button = button("Start", self._start)
        self.stop_button = button("Stop", self._stop)
        self.stop_button.setToolTip("Save the state and stop; it can be resumed")
        self.resume_button = button("Resume", self._resume)
        self.run_box = RunBox(self._keep, self._discard, self._use)
        self.scroll_area = QScrollArea()
        self._lay_out()

        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(lambda: advise(self._look))
        # A viewer that closes destroys its docks without closing them.
        self.destroyed.connect(lambda: handle.stop())
        viewer.events.theme.connect(self._theme_changed)
        self._theme_changed()
        self._find_run()

    @property
    def progress(self) -> Progress:
        """How the run goes that is shown."""
        return self._progress

    @property
    def polling(self) -> bool:
        """Whether a run is being watched."""
        return self._timer.isActive()

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(6, 6, 6, 6)
        column.addWidget(self.form)
        buttons = (self.start_button, self.resume_button, self.stop_button)
        column.addLayout(button_row(*buttons))
        column.addWidget(self.run_box)
        column.addStretch()
        self.scroll_area.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll_area.setWidgetResizable(True)
        self.scroll_area.setWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.scroll_area)
        self.setMinimumWidth(290)

    # What the buttons do.

    def _start(self) -> None:
        task = self.form.task()
        found = self.current_session() if self.form.uses_session else None
        video = None if found is None else found[1]
        # Copying a session may take a while.
        pool = ThreadPoolExecutor(1)
        self._preparing = pool.submit(TrainingRun.create, task, video)
        pool.shutdown(wait=False)
        self._kept = self.handle.run = None
        self._timer.start()
        self._show(Progress(phase="training"))

    def _resume(self) -> None:
        if self.handle.run is not None:
            self.handle.run.start()
            self._timer.start()
            self._look()

    def _stop(self) -> None:
        self.handle.stop()
        self._look()

    def _keep(self) -> None:
        if self.handle.run is None:
            return
        self._kept = self.handle.run.keep()
        self.handle.run = None
        self._show(self._progress)
        self.form.name.clear()
        self.form.refresh()
        list_anew(self._viewer)
        self.model_kept.emit(self._kept)

    def _discard(self) -> None:
        if self.handle.run is not None:
            self.handle.run.delete()
            self.handle.run = None
        self._find_run()

    def _use(self) -> None:
        if self._kept is not None:
            use_model(self._viewer, self._kept)
            self.model_chosen.emit(self._kept)
            show_info(f"Segment & track goes on with {self._kept}")

    # Watching.

    def _look(self) -> None:
        """See how the run goes; called again and again while it does."""
        if self._preparing is not None:
            if not self._preparing.done():
                return
            self._begin(self._preparing)
        run = self.handle.run
        if run is None:
            self._timer.stop()
            return
        before, progress = self._progress, run.poll()
        if not progress.is_running:
            self._timer.stop()
        self._show(progress)
        if progress.phase == "failed" and before.phase != "failed":
            show_warning(f"{run.task.name} failed: {progress.message}")
        if progress.phase == "done":
            self._keep()

    def _begin(self, prepared: Future[TrainingRun]) -> None:
        self._preparing = None
        try:
            self.handle.run = prepared.result()
            self.handle.run.start()
        except BaseException:
            self.handle.run = None
            self._find_run()  # of the same name, perhaps
            raise

    def _show(self, progress: Progress) -> None:
        self._progress = progress
        run = self.handle.run
        idle = not progress.is_running
        self.form.setVisible(idle)
        self.start_button.setVisible(idle)
        self.stop_button.setVisible(not idle)
        self.stop_button.setEnabled(run is not None and progress.phase != "stopping")
        self.resume_button.setVisible(idle and run is not None)
        self.run_box.show_progress(None if run is None else run.task, progress)
        card = None if self._kept is None else read_card(self._kept)
        self.run_box.show_result(self._kept, card)

    def _find_run(self) -> None:
        """Show the newest run that is not finished."""
        found = unfinished_runs()
        if not found:
            self._show(Progress(phase="new"))
            return
        self.handle.run = found[0]
        self._timer.start()
        advise(self._look)

    # The viewer.

    def _annotated(self) -> tuple[Path, VideoSource] | None:
        found = annotator.of(self._viewer)
        folder = None if found is None else found.desk.folder
        if found is None or folder is None:
            return None
        return folder, found.desk.session.video

    def _session_folder(self) -> Path | None:
        found = self.current_session()
        return None if found is None else found[0]

    def _theme_changed(self, _event: Any = None) -> None:
        self.run_box.curves.paint_as(self._viewer.theme)

    def showEvent(self, event: QShowEvent | None) -> None:
        """See which models and session there are now."""
        super().showEvent(event)
        self.form.refresh()

    def event(self, event: QEvent | None) -> bool:  # noqa: D102
        if is_let_go(self, event):
            self._let_go()
        return bool(super().event(event))

    def _let_go(self) -> None:
        """Watch no longer; a run saves its state and stops."""
        self._timer.stop()
        self.handle.stop()
        self._viewer.events.theme.disconnect(self._theme_changed)
        self.run_box.curves.release()
