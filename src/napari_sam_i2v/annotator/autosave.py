"""Where sessions live that nobody has given a place: found again after a crash."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.session_folder import SESSION_FILE, has_session, read_session
from napari_sam_i2v.session.document import Document


@dataclass(frozen=True, kw_only=True)
class FoundSession:
    """A session of the same movie that was not closed with a save.

    Attributes
    ----------
    folder
        Where it is.
    objects
        How many objects it has.
    age
        Seconds since its last action.
    """

    folder: Path
    objects: int
    age: float


def autosave_folder() -> Path:
    """Folder of all autosaved sessions; it need not exist yet.

    ``NAPARI_SAM_I2V_SESSIONS`` names another.
    """
    chosen = os.environ.get("NAPARI_SAM_I2V_SESSIONS")
    if chosen:
        return Path(chosen)
    return platformdirs.user_data_path("napari-sam-i2v", appauthor=False) / "sessions"


def new_folder(name: str, fingerprint: str) -> Path:
    """Name a folder for a new session of a movie; it does not exist yet."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "movie"
    stem = f"{plain}-{fingerprint[:10]}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder, count = autosave_folder() / stem, 1
    while folder.exists():
        count += 1
        folder = autosave_folder() / f"{stem}-{count}"
    return folder


def find_session(fingerprint: str) -> FoundSession | None:
    """Find the newest autosaved session of a movie that has objects."""
    found = []
    for folder in autosave_folder().glob(f"*-{fingerprint[:10]}-*"):
        if not has_session(folder):
            continue
        try:
            stored = read_session(folder)
        except InputError:
            continue
        objects = len(Document(stored.log).state.object_ids)
        if objects and stored.record.movie.fingerprint == fingerprint:
            age = time.time() - (folder / SESSION_FILE).stat().st_mtime
            found.append(FoundSession(folder=folder, objects=objects, age=age))
    return min(found, key=lambda one: one.age, default=None)


def drop(folder: Path) -> None:
    """Delete an autosaved session; a folder elsewhere is left alone."""
    if folder.parent == autosave_folder():
        shutil.rmtree(folder, ignore_errors=True)
