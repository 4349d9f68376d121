"""The session as the worker sees it: what it is asked to do, and what it answers."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sam_i2v.annotator.autosave import (
    drop,
    find_session,
    new_folder,
)
from napari_sam_i2v.annotator.locks import check_others_left, check_unlocked
from napari_sam_i2v.annotator.messages import Pending, Reach, Update
from napari_sam_i2v.annotator.reading import Place, Places, by_place
from napari_sam_i2v.annotator.status import Options, Progress
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import in_reach
from napari_sam_i2v.io.results import EXPORTERS, check_formats
from napari_sam_i2v.io.session_folder import read_session
from napari_sam_i2v.masklets import FrameResult
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import Change
from napari_sam_i2v.tracking import load_session, open_session
from napari_sam_i2v.video import VideoSource

if TYPE_CHECKING:
    from napari_sam_i2v.session import TrackingSession

_log = logging.getLogger(__name__)
_SUMMARY_SECONDS, _SUMMARY_SHARE = 0.7, 20


class Desk:
    """A session at work; everything here runs in the worker.

    Parameters
    ----------
    here
        Says which frame the viewer shows; frames near it are painted first.
    stop
        Says whether tracking is to stop, asked between batches of objects.
    replaying
        Called with frames that have to be followed once more.
    """

    def __init__(
        self,
        here: Callable[[], int],
        stop: Callable[[], bool],
        replaying: Callable[[int], None],
    ) -> None:
        self._here = here
        self._stop = stop
        self._replaying = replaying
        self._session: TrackingSession | None = None
        self._shown: VideoSource | None = None
        self._device = "auto"
        self._dirty: set[int] = set()
        # Actions, by their places in the log, that one command came to.
        self._groups: list[range] = []

    @property
    def session(self) -> TrackingSession:
        """The session, which must be open."""
        if self._session is None:
            raise InputError("the model is not loaded; press Start again")
        return self._session

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    @property
    def folder(self) -> Path | None:
        """Where the session is kept."""
        return None if self._session is None else self._session.folder

    def open(self, video: VideoSource, options: Options, name: str) -> Update:
        """Load the model and begin a session, looking for an earlier one."""
        self._shown, self._device = video, options.device
        fingerprint = video.fingerprint()
        found = find_session(fingerprint)
        session = open_session(
            video,
            model=options.model,
            checkpoint=options.checkpoint,
            device=options.device,
            views=options.views,
            cell_size=options.cell_size,
            divisions=options.divisions,
            neighbours=options.neighbours,
            channel=options.channel,
        )
        folder = new_folder(name, fingerprint)
        with in_reach(folder, "name another in NAPARI_SAM_I2V_SESSIONS"):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                session.attach(folder)
            except BaseException:
                session.close()
                raise
        self._session = session
        self._attend(session)
        try:
            session.warm_up()
        except Exception:  # whatever is wrong will be said where it matters
            _log.warning("the model could not be tried out", exc_info=True)
        return Update(found=found, text=f"{options.model} is ready")

    def reopen(self, folder: Path) -> Update:
        """Go on with a session from a folder; what was begun here is kept aside."""
        session = self._load(folder)
        self.close()
        self._groups = []
        self._attend(session)
        self._session = session
        self._dirty.update(range(session.shape[0]))
        return self._whole(f"opened {folder}")

    def _attend(self, session: TrackingSession) -> None:
        """Have a session give way to the viewer, and say what takes so long."""
        session.give_way(self._stop)
        session.on_replay(self._replaying)

    def _load(self, folder: Path) -> TrackingSession:
        """Load a session of the movie that is shown.

        One of several channels, of which a layer may show one, is read from its file.
        """
        record, shown = read_session(folder).record, self._shown
        path, channels = record.movie.path, record.options.channels
        if (
            shown is None
            or path is None
            or len(channels or ()) < 2
            or shown.fingerprint() == record.movie.fingerprint
        ):
            return load_session(folder, shown, in_place=True, device=self._device)
        session = load_session(folder, in_place=True, device=self._device)
        if not _shows(shown, session.video):
            session.close()
            raise InputError(f"the movie is not the one that {folder} was made from")
        return session

    def answer(self, pending: Pending) -> Update:
        """Answer the prompts whose turn it is."""
        taken = pending.take()
        if taken is None:
            return Update()
        self._answer(*taken)
        return self._summary(frames=self._labels([taken[0][0]]))

    def answer_all(self, places: Places) -> Update:
        """Answer what one gesture changed; it is undone together.

        What is locked stays as it is, and is told of when the rest is done.
        """
        refused: InputError | None = None
        frames = sorted({frame for frame, _ in places})
        with self._one_undo():
            for place, prompts in places.items():
                try:
                    self._answer(place, prompts)
                except InputError as error:
                    refused = refused or error
        self._dirty.update(frames)
        if refused is not None:
            raise refused
        return self._summary(frames=self._labels(frames[:1]))

    def _answer(self, place: Place, prompts: tuple[Prompt, ...]) -> None:
        frame, object_id = place
        self._check_unlocked([place])
        if prompts:
            self.session.replace(prompts)
        elif any(
            (one.frame, one.object_id) == (frame, object_id)
            for one in self.session.prompts()
        ):
            check_others_left(self.session, frame, object_id)
            known = set(self.session.object_ids)
            self.session.clear_all([(frame, object_id)])
            if known - set(self.session.object_ids):
                # The object went with its last prompt, from all frames.
                self._dirty.update(range(self.session.shape[0]))

    def give(self, prompts: Iterable[Prompt]) -> Update:
        """Answer prompts of many objects as one action."""
        given = tuple(prompts)
        self._check_unlocked((one.frame, one.object_id) for one in given)
        self.session.replace(given)
        frames = sorted({prompt.frame for prompt in given})
        return self._summary(
            frames=self._labels(frames),
            text=f"{len({p.object_id for p in given})} objects prompted",
        )

    def act(
        self, change: Callable[[TrackingSession], Any], text: str, *, masks: bool
    ) -> Update:
        """Do something, to ``masks`` of any frame perhaps."""
        with self._one_undo():
            change(self.session)
        if masks:
            self._dirty.update(range(self.session.shape[0]))
        return self._whole(text)

    def undo(self) -> Update:
        """Undo the last command."""
        return self._turn(self.session.undo, "undo")

    def redo(self) -> Update:
        """Do again the command that was undone last."""
        return self._turn(self.session.redo, "redo")

    def _turn(self, turn: Callable[[], Change | None], text: str) -> Update:
        before = set(self.session.versions)
        if turn() is None:
            return Update(text=f"nothing to {text}")
        [turned] = before.symmetric_difference(self.session.versions)
        group = next((g for g in self._groups if turned in g), range(1))
        for _ in group[1:]:
            turn()
        self._dirty.update(range(self.session.shape[0]))
        return self._whole(text)

    @contextmanager
    def _one_undo(self) -> Iterator[None]:
        """Have what is done meanwhile undone together."""
        before = len(self.session.log)
        try:
            yield
        finally:
            done = range(before, len(self.session.log))
            if len(done) > 1:
                self._groups.append(done)

    def propagate(
        self, plan: Callable[[TrackingSession], list[Reach]]
    ) -> Iterator[Update]:
        """Track; every update but the first holds a frame."""
        jobs = [
            (reach, self.session.count_visits(*_range(reach), **_how(reach)))
            for reach in plan(self.session)
        ]
        total = sum(count for _, count in jobs)
        if not total:
            raise InputError(
                "there is nothing to track in that range; prompt an object first, or "
                "choose more frames"
            )
        begun, due, done = time.monotonic(), 0.0, 0
        yield Update(progress=Progress(done=0, total=total))
        with self._one_undo():
            for result in self._visit(reach for reach, _ in jobs):
                done += 1
                now = time.monotonic()
                progress = Progress(
                    done=done,
                    total=total,
                    seconds_left=(now - begun) / done * (total - done),
                )
                update = Update(frames=self._labels([result.frame]), progress=progress)
                if now >= due:
                    update = replace(update, **self._listed())
                    # Many masks take long to list, which is not to hold up tracking.
                    cost = time.monotonic() - now
                    due = now + max(_SUMMARY_SECONDS, _SUMMARY_SHARE * cost)
                yield update

    def _visit(self, reaches: Iterable[Reach]) -> Iterator[FrameResult]:
        for reach in reaches:
            if self._stop():
                return
            yield from self.session.propagate(*_range(reach), **_how(reach))

    def look(self, limits: tuple[float, float] | None, gamma: float) -> Update:
        """Look at the movie as the viewer shows it now."""
        # A session of several channels may have a movie of its own, seen in its way.
        if self._session is not None and limits and self._session.video is self._shown:
            self._session.video.recontrast(limits, gamma)
        return Update()

    def summary(self) -> Update:
        """Describe the objects."""
        return self._summary() if self.is_open else Update()

    def recall(self) -> Update:
        """Say what the session holds, which is nothing where there is none."""
        if not self.is_open:
            return Update(places={})
        self._dirty.update(range(self.session.shape[0]))
        return self._whole("")

    def save(self, folder: Path) -> Update:
        """Save a copy of the session into a folder of the user's choice."""
        with in_reach(folder, "choose another"):
            self.session.save(folder)
        return Update(text=f"saved to {folder}")

    def export(self, folder: Path, formats: tuple[str, ...]) -> Update:
        """Write the results as files."""
        chosen = check_formats(formats)
        with in_reach(folder, "choose another"):
            folder.mkdir(parents=True, exist_ok=True)
            for name in chosen:
                EXPORTERS[name].write(self.session.masklets, folder)
        return Update(text=f"exported to {folder}")

    def paint(self) -> tuple[int, np.ndarray] | None:
        """Compose a frame that is out of date, the nearest one; ``None`` without."""
        if not self._dirty or self._session is None:
            return None
        here = self._here()
        frame = min(self._dirty, key=lambda one: abs(one - here))
        self._dirty.discard(frame)
        return frame, self._labels([frame])[frame]

    def repaint(self, frame: int) -> Update:
        """Compose one frame anew."""
        return Update(frames=self._labels([frame]))

    def close(self) -> None:
        """Let go of the session; an autosaved one without objects is deleted."""
        session, folder = self._session, self.folder
        self._session = None
        if session is None:
            return
        empty = not session.object_ids
        session.close()
        if empty and folder is not None:
            drop(folder)

    def _check_unlocked(self, places: Iterable[Place]) -> None:
        """Refuse to change locked masks, and show what was painted over again."""
        session, chosen = self.session, list(places)
        try:
            check_unlocked(session, chosen)
        except InputError:
            self._dirty.update(frame for frame, _ in chosen)
            raise

    def _labels(self, frames: Iterable[int]) -> dict[int, np.ndarray]:
        self._dirty.difference_update(frames)
        labels = self.session.masklets.labels
        return {frame: np.asarray(labels[frame]) for frame in frames}

    def _summary(self, **others: Any) -> Update:
        return Update(**self._listed(), **others)

    def _listed(self) -> dict[str, Any]:
        session = self.session
        return {"objects": session.summary(), "styles": session.styles}

    def _whole(self, text: str) -> Update:
        places = by_place(self.session.prompts())
        here = self._labels([self._here()])
        return self._summary(frames=here, places=places, text=text)


def _shows(shown: VideoSource, video: VideoSource) -> bool:
    """Whether a movie is another, or a channel of it, going by its first frame."""
    if shown.shape != video.shape:
        return False
    one, every = shown.frame(0), video.frame(0)
    if one.shape == every.shape:
        return np.array_equal(one, every)
    return any(np.array_equal(one, channel) for channel in np.moveaxis(every, -1, 0))


def _range(reach: Reach) -> tuple[int, int | None]:
    return reach.start, reach.stop


def _how(reach: Reach) -> dict[str, Any]:
    return {"direction": reach.direction, "objects": reach.objects}
