"""What of a session is learned from: its movie, and masks a person vouched for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.recorded_movie import find_movie
from napari_sam_i2v.io.session_folder import SessionRecord
from napari_sam_i2v.session.actions import Action
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.video import VideoSource

MOVIE_FILE = "frames.tif"
"""Movie beside a session kept for training, where it is no file: frames in use."""


def open_recorded(folder: Path, record: SessionRecord) -> VideoSource:
    """Open the movie that a session was made on, from its file.

    Raises
    ------
    InputError
        If there is none, or it has other pixels: a layer may have shown what was made
        of the file.
    """
    path = record.movie.path
    if path is None or not Path(path).exists():
        raise InputError(f"{folder}: its movie {path} is not there any more")
    try:
        return find_movie(folder, record)
    except InputError as error:
        raise InputError(
            f"{error}; learn from 'this session' while it is open in napari"
        ) from None


def vouched_frames(log: Iterable[Action]) -> dict[int, tuple[int, ...]]:
    """Map each object's id to the frames on which it was prompted or approved, sorted.

    Parameters
    ----------
    log
        Actions of the session, oldest first.
    """
    state = Document(log).state
    return {
        object_id: tuple(state.conditioning_frames(object_id))
        for object_id in state.object_ids
    }


def runs(frames: Sequence[int]) -> list[range]:
    """Join sorted frame numbers into runs without gaps."""
    found: list[range] = []
    for frame in frames:
        if found and found[-1].stop == frame:
            found[-1] = range(found[-1].start, frame + 1)
        else:
            found.append(range(frame, frame + 1))
    return found
