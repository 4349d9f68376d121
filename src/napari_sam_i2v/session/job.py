"""Tracking into a folder: begun, continued or begun anew, until it is done."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import DiskFullError, in_reach, make_folder, room_on
from napari_sam_i2v.io.results import ALWAYS, EXPORTERS, files_of
from napari_sam_i2v.io.session_folder import (
    LOG_FILE,
    MASK_FILE,
    OWN_FILES,
    SESSION_FILE,
    SessionRecord,
    clashes,
    delete_session,
    first_difference,
    has_session,
    read_session,
    write_session,
)
from napari_sam_i2v.masklets import FrameResult, Masklets
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import Action, Propagate
from napari_sam_i2v.session.autosave import locked
from napari_sam_i2v.session.predictor import Predictor
from napari_sam_i2v.session.progress import run_through
from napari_sam_i2v.session.run_log import logging_to
from napari_sam_i2v.session.session import TrackingSession
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.video import VideoSource

_log = logging.getLogger(__name__)

Mode = Literal["new", "resume", "overwrite"]
Follow = Callable[[Iterator[FrameResult], int], None]
"""Runs through results; knows how many there will be."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is tracked, with what.

    Attributes
    ----------
    video
        The movie.
    prompts
        The prompts, checked.
    predictor
        The engine, fresh.
    options
        What was asked for.
    """

    video: VideoSource
    prompts: Sequence[Prompt]
    predictor: Predictor
    options: TrackSettings

    @property
    def stop(self) -> int:
        """First frame not visited."""
        n_frames = self.video.n_frames
        stop = self.options.stop
        return n_frames if stop is None else min(stop, n_frames)


def check_folder(folder: Path, mode: Mode) -> None:
    """Refuse a folder that results cannot or must not go into.

    Changes nothing, so that it can be called before the long work.
    """
    for parent in (folder, *folder.parents):
        if parent.is_dir():
            break
        if parent.exists():
            raise InputError(f"{parent} is a file; results need a folder")
    if mode == "new" and has_session(folder):
        raise InputError(
            f"{folder} already holds results; choose another folder, or continue with "
            "--resume, or replace them with --overwrite"
        )


def run_in_folder(
    task: Task,
    folder: Path,
    *,
    record: SessionRecord,
    mode: Mode = "new",
    formats: Sequence[str] = ALWAYS,
    follow: Follow = run_through,
) -> Masklets:
    """Track into a folder until its results are whole.

    Parameters
    ----------
    task
        What to track.
    folder
        Where to.
    record
        The task, put on record; the files it names will be the caller's.
    mode
        Whether the folder may hold results, and what becomes of them.
    formats
        Names in `EXPORTERS`.
    follow
        Runs through the frames, showing them.

    Returns
    -------
    Masklets
        The results; they read from the folder.
    """
    check_folder(folder, mode)
    make_folder(folder)
    with locked(folder):
        return _run(task, folder, record, mode, formats, follow)


def _run(
    task: Task,
    folder: Path,
    record: SessionRecord,
    mode: Mode,
    formats: Sequence[str],
    follow: Follow,
) -> Masklets:
    files = (*record.files, *OWN_FILES, *files_of(formats, task.video.n_frames))
    record = replace(record, files=files)
    log = _prepare(task, folder, record, mode)
    begun = read_session(folder) if log else None
    store = MaskStore(folder / MASK_FILE)

    def write_down(actions: Sequence[Action], *, finished: bool = False) -> None:
        # What "auto" views come to is known only when there are prompts.
        views = getattr(task.predictor, "views_name", record.views)
        now = replace(record, views=views, finished=finished)
        write_session(folder, now, actions)

    session = TrackingSession(
        task.video, task.predictor, store=store, log=log, recorder=write_down
    )
    masklets = session.masklets_in(task.options.start, task.stop)
    if begun is not None and begun.record.finished:
        _log.info("nothing to do: %s is finished", folder)
        return masklets
    with logging_to(folder / LOG_FILE) as note:
        note(f"napari-sam-i2v {record.version}, {record.device}, {task.options}")
        track_to_end(task, session, follow)
        note("tracked; writing results")
        for name in formats:
            EXPORTERS[name].write(masklets, folder)
        note("done")
    # The results are whole: a disk too full to make room on it is no matter.
    with contextlib.suppress(DiskFullError):
        store.drop_snapshot()
    write_down(session.log, finished=True)
    return masklets


def _prepare(
    task: Task, folder: Path, record: SessionRecord, mode: Mode
) -> tuple[Action, ...]:
    """Make the folder ready; returns the log that it holds."""
    known = has_session(folder)
    if known and mode != "overwrite":
        return _continued(task, folder, record)
    ours = read_session(folder).record.files if known else ()
    taken = [name for name in clashes(folder, record.files) if name not in ours]
    if taken:
        raise InputError(
            f"{folder / taken[0]} would be overwritten and no {SESSION_FILE} says that "
            "it is ours; choose another folder"
        )
    if known:
        delete_session(folder)
    with in_reach(folder), room_on(folder):
        write_session(folder, record, [])
    return ()


def _continued(task: Task, folder: Path, record: SessionRecord) -> tuple[Action, ...]:
    then = read_session(folder)
    difference = first_difference(then, record, task.prompts)
    if difference is not None:
        raise InputError(
            f"{folder} was begun with {difference}; use the same, or --overwrite, or "
            "another folder"
        )
    if then.log and not (folder / MASK_FILE).is_file():
        raise InputError(
            f"{folder / MASK_FILE} is gone; start anew with --overwrite or choose "
            "another folder"
        )
    for name, before, now in (
        ("version", then.record.version, record.version),
        ("device", then.record.device, record.device),
    ):
        if before != now:
            _log.warning(
                "%s was begun with %s %s and goes on with %s: masks may differ "
                "slightly from an uninterrupted run",
                *(folder, name, before, now),
            )
    return then.log


def track_to_end(task: Task, session: TrackingSession, follow: Follow) -> None:
    """Give a task's prompts and propagate them, or go on where that was cut off.

    Parameters
    ----------
    task
        What to track.
    session
        Its session, new or opened again.
    follow
        Runs through the frames, showing them.
    """
    options = task.options
    if not session.log:
        session.add_all(task.prompts)
    if any(isinstance(action, Propagate) for action in session.log):
        follow(session.resume(), session.visits_left())
        return
    bounds = options.start, options.stop
    total = session.count_visits(*bounds, direction=options.direction)
    if total == 0:
        _log.warning("no frame to track: every prompt lies beyond start and stop")
    follow(session.propagate(*bounds, direction=options.direction), total)
