"""Keeping a session's folder in step with it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import DiskFullError
from napari_sam_i2v.io.session_folder import (
    MASK_FILE,
    MovieRecord,
    SessionWriter,
    describe,
)
from napari_sam_i2v.session.actions import Action
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.video import VideoSource

LOCK_FILE = "session.lock"


class Autosave:
    """Writes ``session.json`` after every action.

    The masks are in the folder already: they are written before the action is in the
    log. A session that is cut off between the two is one without that action. As long
    as this is open, no other session may be in the folder.

    Parameters
    ----------
    folder
        The session's folder, with its masks.
    video, engine, settings
        What is put on record.
    files
        Names of the files of the session that the folder holds.
    """

    def __init__(
        self,
        folder: Path,
        video: VideoSource,
        engine: object,
        settings: TrackSettings,
        files: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self._lock = _lock(folder)
        self._video = video
        self._engine = engine
        self._settings = settings
        self._files = tuple(dict.fromkeys([MASK_FILE, LOCK_FILE, *files]))
        # Hashing frames after every action would cost more than all the rest.
        self._movie = MovieRecord.of(video)
        self._writer = SessionWriter(folder)

    def __call__(self, log: Sequence[Action]) -> None:
        """Write a log down.

        Raises
        ------
        InputError
            If that cannot be done; what was written before stays.
        """
        record = describe(self._video, self._engine, self._settings, self._movie)
        with self.explained():
            try:
                self._writer.write(replace(record, files=self._files), log)
            except OSError as error:
                raise InputError(
                    f"{self.folder} cannot be written ({error.strerror or error}), so "
                    "the last step is not saved; save the session to another folder"
                ) from error

    def close(self) -> None:
        """Let another session have the folder."""
        _unlock(self.folder, self._lock)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Say of a full disk, in one line, what it means for the session."""
        try:
            yield
        except DiskFullError as error:
            raise DiskFullError(
                f"no room left on the disk of {self.folder}, so the last step is not "
                "saved; free some, or save the session to another disk"
            ) from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other sessions out of a folder that exists.

    Raises
    ------
    InputError
        If a session is in it.
    """
    lock = _lock(folder)
    try:
        yield
    finally:
        _unlock(folder, lock)


def _unlock(folder: Path, lock: sqlite3.Connection) -> None:
    # First, so that nobody takes a file that is about to go.
    with contextlib.suppress(OSError):
        (folder / LOCK_FILE).unlink()
    lock.close()


def _lock(folder: Path) -> sqlite3.Connection:
    """Keep other sessions out of a folder, for as long as this process lives."""
    # SQLite knows on every system how to hold a lock that a kill lets go of.
    try:
        lock = sqlite3.connect(
            folder / LOCK_FILE, isolation_level=None, timeout=0, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise InputError(
            f"{folder} cannot be written; copy the session to a disk that can, and "
            "open the copy"
        ) from error
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        # Some network disks have no locks; that must not keep anybody from working.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            lock.close()
            raise InputError(
                f"{folder} is in use by another window or program; close it there, or "
                "open a copy"
            ) from error
    return lock
