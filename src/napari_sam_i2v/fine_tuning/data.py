"""What there is to learn from in a folder."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning.vouched import (
    MOVIE_FILE,
    open_recorded,
    vouched_frames,
)
from napari_sam_i2v.io.disk import replacing
from napari_sam_i2v.io.session_folder import (
    MASK_FILE,
    SESSION_FILE,
    SessionRecord,
    has_session,
    read_session,
)
from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.video import VideoSource

Kind = Literal["session", "movie", "stills", "challenge"]

_ENOUGH = 3
"""Cells, or frames, of which a fifth, rounded, is one, to be kept out."""

_EXPECTED = (
    "expected a session, images.tif with labels.tif, images/*.tif with labels/*.tif, "
    "or a Cell Tracking Challenge folder such as 01 with 01_ST/SEG beside it"
)


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """A folder to learn from.

    Attributes
    ----------
    folder
        Where it is.
    kind
        Its layout.
    summary
        What is in it, in a few words.
    held_out
        Whether there is enough to keep some of it out, for validation.
    """

    folder: Path
    kind: Kind
    summary: str
    held_out: bool = True

    @property
    def training_source(self) -> dict[str, Any]:
        """An entry of ``movies.sources``."""
        return {("stills" if self.kind == "stills" else "movie"): str(self.folder)}


def describe_data(folder: str | Path) -> DataSource:
    """Find out what a folder holds, without reading its images.

    Parameters
    ----------
    folder
        A session, of which frames that were prompted or approved count; a movie
        ``images.tif`` with ``labels.tif``; stills ``images/*.tif`` with
        ``labels/*.tif``; or a folder of the Cell Tracking Challenge.

    Raises
    ------
    InputError
        If it is none of these, or there is nothing to learn from in it.
    """
    if not str(folder).strip():
        raise InputError(f"no folder to learn from; {_EXPECTED}")
    try:
        path = Path(folder).expanduser().absolute()
        if not path.is_dir():
            raise InputError(f"no such folder: {folder}; {_EXPECTED}")
        return _describe(path)
    except (OSError, RuntimeError) as error:  # no such user, no right to look
        raise InputError(f"{folder} cannot be read: {error}") from None


def _describe(path: Path) -> DataSource:
    if has_session(path):
        return _session(path)
    if (path / "labels.tif").is_file():
        summary = f"a movie with labels: {path.name}"
        return DataSource(folder=path, kind="movie", summary=summary)
    if (path / "images").is_dir() and (path / "labels").is_dir():
        return _stills(path)
    for kind in ("ST/SEG", "GT/SEG"):
        labels = Path(f"{path}_{kind}")
        if labels.is_dir():
            count = len(list(labels.glob("*.tif")))
            return DataSource(
                folder=path,
                kind="challenge",
                summary=f"Cell Tracking Challenge: {_count(count, 'labelled frame')}",
                held_out=count >= _ENOUGH,
            )
    raise InputError(f"{path} holds no labels; {_EXPECTED}")


def keep_session(session: Path, out: Path, video: VideoSource | None = None) -> Path:
    """Copy what a session teaches, so that it can go on while a run learns from it.

    Parameters
    ----------
    session
        Folder of the session.
    out
        Where the copy goes.
    video
        Its movie, for a session whose movie is no file, or not all that is in it:
        frames that a person vouched for are written beside it, all others as 0.

    Raises
    ------
    InputError
        If the session teaches nothing, or the disk is full.
    """
    describe_data(session)
    out.mkdir(parents=True, exist_ok=True)
    # In this order: masks are stored before the action that made them is in the log.
    with replacing(out / SESSION_FILE) as part:
        shutil.copyfile(session / SESSION_FILE, part)
    with contextlib.closing(MaskStore(session / MASK_FILE)) as store:
        store.copy_to(out / MASK_FILE)
    stored = read_session(out)
    if video is None or _is_on_file(out, stored.record):
        return out
    used = {t for frames in vouched_frames(stored.log).values() for t in frames}
    with replacing(out / MOVIE_FILE) as part:
        tifffile.imwrite(
            part,
            _frames(video, used),
            shape=video.shape,
            dtype=np.float32,
            compression="zlib",
            photometric="minisblack",
        )
    return out


def _is_on_file(folder: Path, record: SessionRecord) -> bool:
    try:
        open_recorded(folder, record)
    except InputError:
        return False
    return True


def _frames(video: VideoSource, used: set[int]) -> Iterator[np.ndarray]:
    blank = np.zeros(video.shape[1:], np.float32)
    for t in range(video.n_frames):
        frame = np.asarray(video.frame(t), np.float32) if t in used else blank
        yield frame if frame.ndim == 2 else frame.mean(axis=-1)


def _session(path: Path) -> DataSource:
    known = vouched_frames(read_session(path).log)
    masks = sum(len(frames) for frames in known.values())
    if not masks:
        raise InputError(f"{path}: no cell was prompted or approved; do that first")
    cells = _count(len(known), "cell")
    found = f"{cells}, {_count(masks, 'mask')} prompted or approved"
    held_out = len(known) >= _ENOUGH
    if not held_out:
        found += "; too few to keep a cell out: J will be of those it learned from"
    return DataSource(folder=path, kind="session", summary=found, held_out=held_out)


def _stills(path: Path) -> DataSource:
    images = sorted((path / "images").glob("*.tif"))
    missing = [i.name for i in images if not (path / "labels" / i.name).is_file()]
    if not images:
        raise InputError(f"{path}: images holds no .tif; save the images as TIFF")
    if missing:
        raise InputError(f"{path}: labels/{missing[0]} is missing; label every image")
    found, held_out = _count(len(images), "image") + " with labels", len(images) > 1
    if not held_out:
        found += "; J will be of its cells, which it learns from"
    return DataSource(folder=path, kind="stills", summary=found, held_out=held_out)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
