"""The dock widget ``Segment & track``: buttons for an annotator."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import napari
from napari.utils.notifications import show_info
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.annotator.carried import Carried
from napari_sam_i2v.annotator.names import SESSION_KEY
from napari_sam_i2v.annotator.status import Options, Status
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.widgets._keys_sheet import KeysSheet
from napari_sam_i2v.widgets._movie_box import MovieBox
from napari_sam_i2v.widgets._objects_table import ObjectsTable
from napari_sam_i2v.widgets._parts import advise, button, enable, is_let_go
from napari_sam_i2v.widgets._post import QtPost
from napari_sam_i2v.widgets._prompt_box import PromptBox
from napari_sam_i2v.widgets._propagate_box import PropagateBox
from napari_sam_i2v.widgets._session_box import SessionBox
from napari_sam_i2v.widgets._sessions import goes_on_with, hide_shown, movie_of

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_sam_i2v.annotator.autosave import FoundSession


_SECONDS_TO_END = 5.0


class TrackWidget(QWidget):
    """Segments and tracks cells: starts an annotator and shows what it does.

    Parameters
    ----------
    viewer
        The viewer it is docked in.

    Attributes
    ----------
    annotator
        The annotator; ``None`` before Start and after Stop.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self.annotator: Annotator | None = None
        self._post = QtPost(self)
        self._found: FoundSession | None = None
        self._worker: Thread | None = None
        self._asked: tuple[Hashable, Options] | None = None
        self.start_button = button("Start", self._start_or_stop, "Load the model")
        self.movie = MovieBox(viewer, self.start_button)
        self.offer = self._make_offer()
        self.prompt = PromptBox(viewer, self._current)
        self.propagate = PropagateBox(self._current)
        self.objects = ObjectsTable(self._current)
        self._keys = KeysSheet(self)
        self.session = SessionBox(self._current, self.open_session, self._keys.show)
        self._lay_out()
        layers = viewer.layers.events
        self._layer_events: tuple[Any, ...] = (
            layers.inserted,
            layers.removed,
            layers.reordered,
            layers.renamed,
        )
        for emitter in self._layer_events:
            emitter.connect(self._reset)
        viewer.layers.selection.events.active.connect(self.prompt.follow)
        self._reset()
        self._enable(False)

    def start(self, *, prompts: Any = None, **options: Any) -> Annotator:
        """Start on the chosen movie, as the button does.

        Parameters
        ----------
        prompts
            A Labels, Points or Shapes layer to take prompts from at once.
        **options
            Fields of `Options` that are not to be what the form says.

        Returns
        -------
        Annotator
            The model is still being loaded; prompts given now wait for it.

        Raises
        ------
        InputError
            There is no movie, the chosen layer is none, or an option is not known.
        """
        self.stop()
        image = self.movie.image()
        chosen = self.movie.options(**options)
        changed = self._has_changed(image, chosen)
        self.annotator = annotator = Annotator(
            self.viewer, image, chosen, post=self._post, after=self._worker
        )
        self._worker = annotator.jobs.thread
        annotator.status_changed.connect(self._status)
        annotator.objects_changed.connect(self.objects.fill)
        annotator.objects_changed.connect(self._refresh)
        annotator.chosen.connect(self._refresh)
        annotator.selection_changed.connect(self.objects.select)
        annotator.found.connect(self._offer)
        annotator.asked.connect(self._ask)
        self.propagate.follow()
        self._enable(True)
        self._reset()
        self._status(annotator.status)
        self.prompt.refresh()
        self.prompt.follow()
        folder = image.metadata.get(SESSION_KEY)
        if folder and Path(folder).is_dir():
            annotator.open(folder)
            hide_shown(self.viewer, folder)
            if changed:
                self._carry_on(annotator)
        if prompts is not None:
            annotator.take(prompts)
        return annotator

    def stop(self) -> None:
        """Stop the worker and let the model go; layers and session are kept.

        The step that the worker is at goes on to its end.
        """
        annotator, self.annotator = self.annotator, None
        if annotator is not None:
            annotator.close(wait=0)
            for signal in (
                annotator.status_changed,
                annotator.objects_changed,
                annotator.chosen,
                annotator.found,
                annotator.asked,
                annotator.selection_changed,
            ):
                signal.disconnect()
        self.offer.hide()
        self._enable(False)

    def use_model(self, name: str) -> None:
        """Go on with another model: prompts, approvals and names are given to it anew.

        The session with the model before stays on disk, its masklets in a hidden
        layer.
        """
        self.movie.list_models(name)
        if self.annotator is not None:
            self.annotator.cancel()
            self._carry_on(self.annotator)

    def _has_changed(self, image: Image, options: Options) -> bool:
        """Whether somebody wants a movie to be gone on with in another way."""
        before, self._asked = self._asked, (image.unique_id, options)
        if before is None or before[0] != image.unique_id:
            return False
        then = before[1]
        # A session is looked at in its own way, wherever it is computed.
        same = replace(
            options,
            device=then.device,
            channel=then.channel,
            time_axis=then.time_axis,
            as_seen=then.as_seen,
        )
        return same != then

    def _carry_on(self, annotator: Annotator) -> None:
        """Start anew with all that was said, when all that waits is answered."""
        prompts = annotator.prompts

        def start(carried: Carried) -> None:
            if annotator.jobs.waiting:
                self._carry_on(annotator)
            else:
                advise(partial(self._start_with, carried, annotator.image))

        annotator.jobs.submit(lambda: Carried.of(prompts, annotator.desk), start)

    def _start_with(self, carried: Carried, image: Image) -> None:
        if image not in self.viewer.layers:
            raise InputError(f"{image.name!r} is gone; open it again and press Start")
        self.movie.choose(image)
        self.stop()
        # Or the session before would be gone on with.
        image.metadata.pop(SESSION_KEY, None)
        carried.give(self.start())

    def open_session(self, folder: str) -> None:
        """Go on with the session in a folder, opening its movie where need be."""
        if self.annotator is not None:
            self.annotator.open(folder)
            return
        movie = movie_of(self.viewer, Path(folder), self.movie.movie.value)
        if movie is not None:
            self.movie.choose(movie)
        annotator = self.start()
        if not goes_on_with(annotator.image, Path(folder)):
            annotator.open(folder)

    def _start_or_stop(self) -> None:
        if self.annotator is None or self.annotator.status.phase == "failed":
            self.start()
        else:
            self.stop_and_tell()

    def stop_and_tell(self) -> None:
        """Stop, and say where the session is kept."""
        annotator = self.annotator
        folder = None if annotator is None else annotator.folder
        self.stop()
        if annotator is not None and annotator.objects and folder is not None:
            show_info(f"the session is kept in {folder}")

    def _current(self) -> Annotator | None:
        return self.annotator

    def _status(self, status: Status) -> None:
        if status.phase == "off":
            # It may have closed by itself, since a layer was deleted.
            self.annotator = None
        self.movie.show_status(status)
        self.propagate.show_status(status)
        # Where it failed there is nothing to stop; perhaps another model or device can
        # be started, or a session opened.
        self._enable(self.annotator is not None and status.phase != "failed")

    def _refresh(self, _value: object = None) -> None:
        self.prompt.refresh()

    def _ask(self, what: str) -> None:
        answers = {
            "rename": self.objects.ask_for_name,
            "colour": self.objects.ask_for_colour,
            "save": self.session.ask_and_save,
            "open": self.session.ask_and_open,
            "export": self.session.ask_and_export,
            "keys": self._keys.show,
            # Not while its own signal is told of.
            "stop": lambda: self._post(self.stop_and_tell),
        }
        answers[what]()

    def _reset(self, _event: object = None) -> None:
        self.movie.reset()
        self.prompt.reset()

    def _enable(self, started: bool) -> None:
        enable([self.prompt, self.propagate, self.objects], started)
        self.start_button.setText("Stop" if started else "Start")

    def _make_offer(self) -> QFrame:
        offer = QFrame()
        self._offer_text = QLabel()
        self._offer_text.setWordWrap(True)
        row = QHBoxLayout(offer)
        row.setContentsMargins(4, 0, 4, 0)
        row.addWidget(self._offer_text, 1)
        row.addWidget(button("Go on", self._go_on, "Open that session"))
        row.addWidget(button("✕", offer.hide, "Begin a new one; it stays on disk"))
        offer.hide()
        return offer

    def _offer(self, found: FoundSession) -> None:
        annotator = self.annotator
        going_on = None if annotator is None else annotator.image.metadata
        if going_on and going_on.get(SESSION_KEY) == str(found.folder):
            return
        self._found = found
        objects = "1 object" if found.objects == 1 else f"{found.objects} objects"
        self._offer_text.setText(
            f"This movie has a session with {objects}, {_ago(found.age)}."
        )
        self.offer.show()

    def _go_on(self) -> None:
        self.offer.hide()
        if self.annotator is not None and self._found is not None:
            self.annotator.open(self._found.folder)

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(4, 4, 4, 4)
        for part in (self.movie, self.offer, self.prompt, self.propagate):
            column.addWidget(part)
        column.addWidget(self.objects, 1)
        column.addWidget(self.session)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.setMinimumWidth(280)

    def event(self, event: QEvent | None) -> bool:  # noqa: D102
        if is_let_go(self, event):
            self._let_go()
        return bool(super().event(event))

    def _let_go(self) -> None:
        # The viewer, and Python with it, may end before the worker does.
        self.stop()
        if self._worker is not None:
            self._worker.join(_SECONDS_TO_END)
        for emitter in self._layer_events:
            emitter.disconnect(self._reset)
        if self._layer_events:
            self.viewer.layers.selection.events.active.disconnect(self.prompt.follow)
        self._layer_events = ()


def _ago(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 60:
        return f"{max(1, round(minutes))} min ago"
    if minutes < 48 * 60:
        return f"{round(minutes / 60)} h ago"
    return f"{round(minutes / 60 / 24)} days ago"
