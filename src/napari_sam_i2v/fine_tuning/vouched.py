"""What of a session is learned from: its movie, and masks a person vouched for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.session_folder import SessionRecord
from napari_sam_i2v.session.actions import Action
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.video import VideoSource, open_video

MOVIE_FILE = "frames.tif"
"""Movie beside a session kept for training, where it is no file: frames in use."""


def open_recorded(folder: Path, record: SessionRecord) -> VideoSource:
    """Open the movie that a session was made on, from its file.

    Raises
    ------
    InputError
        If there is none, or it has other pixels: a layer may have shown one of several
        channels, or what was made of the file.
    """
    known, options = record.movie, record.options
    if known.path is None or not Path(known.path).exists():
        raise InputError(f"{folder}: its movie {known.path} is not there any more")
    video = open_video(known.path, axes=options.axes, channel=options.channels)
    if video.fingerprint() != known.fingerprint:
        raise InputError(
            f"{folder}: {known.path} is not what the session was made on; learn from "
            "'this session' while it is open in napari"
        )
    return video


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
