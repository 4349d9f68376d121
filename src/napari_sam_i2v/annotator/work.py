"""What an annotator asks of its worker, and how the viewer follows."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_error, show_warning
from psygnal import Signal

from napari_sam_i2v.annotator.desk import Desk
from napari_sam_i2v.annotator.jobs import Jobs, Post
from napari_sam_i2v.annotator.messages import Pending, Reach, Update
from napari_sam_i2v.annotator.reading import Place, Places, by_place, write_masks
from napari_sam_i2v.annotator.status import Status
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompts import MaskPrompt, Prompt

if TYPE_CHECKING:
    from napari_sam_i2v.annotator.layers import AnnotationLayers
    from napari_sam_i2v.session import TrackingSession
    from napari_sam_i2v.session.actions import Style
    from napari_sam_i2v.session.summary import ObjectSummary

_log = logging.getLogger(__name__)


class AnnotatorWork(ABC):
    """Hands jobs to a worker and shows what comes back.

    Parameters
    ----------
    layers
        Where masklets and prompts are shown.
    post
        Takes functions to the viewer's thread.
    text
        What is done first, for people.
    after
        Worker of an annotator that is closed, which is to be done first.

    Attributes
    ----------
    status_changed
        Emits a `Status`.
    objects_changed
        Emits the list of `ObjectSummary`.
    selection_changed
        Emits the ids of the selected objects.
    found
        Emits a `FoundSession` of the same movie, which `open` would go on with.
    status, objects, styles
        As they were last told.
    selected
        Ids of the objects that are selected, which stand out.
    """

    status_changed = Signal(object)
    objects_changed = Signal(object)
    selection_changed = Signal(tuple)
    found = Signal(object)

    def __init__(
        self, layers: AnnotationLayers, post: Post, text: str, after: Thread | None
    ) -> None:
        self.layers = layers
        self.status = Status(phase="loading", text=text)
        self.objects: list[ObjectSummary] = []
        self.styles: dict[int, Style] = {}
        self._hiding: list[dict[int, bool]] = []  # what each waiting action will do
        self.selected: tuple[int, ...] = ()
        self._known: Places = {}
        self._promised: set[int] = set()  # ids that waiting actions will give
        self._pending = Pending()
        # How often each place was sent and not yet answered: a click that waits is
        # not to vanish when the answer to something before it arrives.
        self._unanswered: Counter[Place] = Counter()
        self._outlined: set[Place] = set()  # whose mask is that of a shape
        self._runs = 0  # that are tracked or wait
        # By what the last was asked for, if nothing else was asked for since.
        self._last_run: object = None
        self._is_painting = False
        self._frame = layers.frame_shown()
        self.desk = Desk(
            lambda: self._frame, lambda: self.jobs.is_cancelled, self._replaying
        )
        self.jobs = Jobs(post, self._failed, self._idle, after=after)

    @property
    def hidden(self) -> set[int]:
        """Ids of objects that are not drawn."""
        said = {object_id: style.hidden for object_id, style in self.styles.items()}
        for waiting in self._hiding:
            said |= waiting
        return {object_id for object_id, hidden in said.items() if hidden}

    @property
    def folder(self) -> Path | None:
        """Where the session is kept."""
        return self.desk.folder

    @property
    def prompts(self) -> list[Prompt]:
        """All prompts that were given, by object and frame."""
        return [prompt for place in self._known.values() for prompt in place]

    def give(self, prompts: Iterable[Prompt]) -> None:
        """Give prompts of many objects as one action; the layers follow.

        Parameters
        ----------
        prompts
            They take the place of what their objects have on those frames.
        """
        places = by_place(prompts)
        self._known |= places
        self._lay_out(places)
        every = [prompt for given in places.values() for prompt in given]
        self._command(lambda: self.desk.give(every), list(places))

    def do(
        self, change: Callable[[Any], Any], text: str, *, masks: bool = True
    ) -> None:
        """Change the session in the worker; the viewer follows.

        Parameters
        ----------
        change
            Called with the `TrackingSession`.
        text
            What is done, for people.
        masks
            Whether masklets may look otherwise afterwards.
        """
        self._command(lambda: self.desk.act(change, text, masks=masks))

    def _command(
        self,
        work: Callable[[], Update],
        places: Collection[Place] = (),
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        """Do something, perhaps answer prompts, after all prompts so far."""
        self._pending = Pending()
        self._ask(places, work, answered)

    def track(
        self, plan: Callable[[TrackingSession], list[Reach]], asked: object = None
    ) -> None:
        """Track in the worker; masklets appear frame by frame.

        Parameters
        ----------
        plan
            Says for the session what to track, when its turn has come.
        asked
            What it was asked for by: until it is done, or something else is asked for,
            the same is not asked for once more.
        """
        if asked is not None and asked == self._last_run:
            return
        self._last_run = asked
        self._runs += 1
        self._pending = Pending()
        self.jobs.run(lambda: self.desk.propagate(plan), self._show, self._tracked)
        self._tell(phase="busy", text="tracking")

    def _send(self, place: Place, prompts: tuple[Prompt, ...]) -> None:
        """Have a place answered; clicks that wait are joined, none is lost."""
        self._note({place: prompts})
        pending = self._pending
        pending.put(place, prompts)
        self._ask([place], lambda: self.desk.answer(pending))

    def _send_all(self, places: Places) -> None:
        """Have what one gesture changed answered, and undone, together."""
        if len(places) == 1:
            self._send(*next(iter(places.items())))
        elif places:
            self._note(places)
            self._command(lambda: self.desk.answer_all(places), list(places))

    def _note(self, places: Places) -> None:
        self._known |= places
        for place in [place for place, prompts in places.items() if not prompts]:
            del self._known[place]

    def _ask(
        self,
        places: Collection[Place],
        work: Callable[[], Update],
        answered: Callable[[], None] = lambda: None,
    ) -> None:
        """Have prompts answered that nothing asked for before is to take back."""
        self._last_run = None
        self._unanswered.update(places)

        def done(update: Update) -> None:
            self._unanswered.subtract(places)
            answered()
            self._show(update)

        def failed(error: Exception) -> None:
            self._unanswered.subtract(places)
            answered()
            self._failed(error)
            self._resync()  # a part of it may be done

        self.jobs.submit(work, done, failed, lasting=True)
        self._tell()

    def _lay_out(self, places: Places) -> None:
        """Have the layers say what is given; masks are painted, whatever they were."""
        self.layers.put(places)
        self._outlined -= places.keys()

    # What comes back.

    def _submit(self, work: Callable[[], Update]) -> None:
        self.jobs.submit(work, self._show)
        self._tell()

    def _resync(self) -> None:
        """Have the prompt layers say again what the session holds."""
        self._submit(self.desk.recall)

    def _opened(self, update: Update) -> None:
        self._tell(phase="ready", text=update.text)
        if update.found is not None:
            self.found.emit(update.found)

    def _reopened(self, update: Update) -> None:
        self._show(update)
        self._tell(phase="ready")

    def _not_opened(self, error: Exception) -> None:
        self._failed(error)
        self._tell(phase="failed", text="the model could not be loaded")

    def _show(self, update: Update) -> None:
        for frame, labels in update.frames.items():
            self._show_frame(frame, labels)
        if update.places is not None:
            self._put_back(update.places)
        if update.objects is not None:
            self._list(update)
        if update.progress is not None:
            self._tell(phase="busy", text="tracking", progress=update.progress)
        else:
            self._tell(text=update.text or self.status.text)

    def _show_frame(self, frame: int, labels: np.ndarray) -> None:
        """Show masklets, and what was painted over them and is not answered yet."""
        waiting = [place for place, times in self._unanswered.items() if times > 0]
        masks = [
            prompt
            for place in waiting
            if place[0] == frame
            for prompt in self._known.get(place, ())
            if isinstance(prompt, MaskPrompt)
        ]
        if masks:
            labels = labels.astype(np.uint32)
            for mask in masks:
                write_masks(labels, mask.object_id, [mask])
        self.layers.show(frame, labels)

    def _list(self, update: Update) -> None:
        self.objects = update.objects or []
        self.layers.ids = (one.object_id for one in self.objects)
        before, hidden = self.styles, self.hidden
        self.styles = dict(update.styles)
        if not self.jobs.busy:
            self._promised.clear()
        if (before, hidden) != (self.styles, self.hidden):
            self.recolour()
        self.select(i for i in self.selected if i in self.layers.ids)
        self.objects_changed.emit(self.objects)

    def select(self, object_ids: Iterable[int]) -> None:
        """Have actions concern some objects, which stand out from the others."""
        ids = tuple(sorted(object_ids))
        if ids != self.selected:
            self.selected = ids
            self.recolour()
            self.selection_changed.emit(ids)

    def recolour(self) -> None:
        """Draw objects in their colours, not hidden ones; selected ones stand out."""
        chosen = {
            object_id: style.colour
            for object_id, style in self.styles.items()
            if style.colour is not None
        }
        self.layers.recolour(chosen, self.hidden, self.selected)

    def _replaying(self, frame: int) -> None:
        text = f"first going over frame {frame} again"
        self.jobs.post(lambda: self._tell(text=text))

    def _tracked(self, cut: bool) -> None:
        self._runs -= 1
        self._last_run = self._last_run if self._runs else None
        text = "cancelled; what was done is kept" if cut else "tracked"
        self._tell(phase="ready" if self.desk.is_open else "failed", text=text)
        self._submit(self.desk.summary)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, InputError):
            show_warning(str(error))
        else:
            _log.error("a job failed", exc_info=error)
            show_error(
                f"{type(error).__name__}: {error}. Your work is kept; please report "
                "this with what you did"
            )
        phase = "ready" if self.status.phase == "busy" else self.status.phase
        text = str(error) or type(error).__name__
        self._tell(phase=phase, text=text.splitlines()[0][:200])

    def _idle(self) -> bool:
        # One at a time: the viewer may be slower than the worker.
        if self._is_painting or (painted := self.desk.paint()) is None:
            return False
        self._is_painting = True
        self.jobs.post(lambda: self._painted(*painted))
        return False

    def _painted(self, frame: int, labels: np.ndarray) -> None:
        try:
            self._show_frame(frame, labels)
        finally:
            self._is_painting = False
            self.jobs.nudge()

    def _tell(self, **changes: Any) -> None:
        """Say what is being done; what is not given stays as it was."""
        kept = {"phase": self.status.phase, "text": self.status.text}
        self.status = Status(**(kept | {"waiting": self.jobs.waiting} | changes))
        self.jobs.nudge()
        self.status_changed.emit(self.status)

    @abstractmethod
    def _put_back(self, places: Places) -> None:
        """Have the prompt layers say what is given, and nothing else."""
