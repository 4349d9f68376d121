"""The movie that a session was made on, opened again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.session_folder import SessionRecord
from napari_sam_i2v.video import VideoSource, open_video

_MOST_CHANNELS = 8


def find_movie(
    folder: Path, record: SessionRecord, movie: object = None
) -> VideoSource:
    """Open the movie that a session was made on, and no other.

    A layer may have named its axes otherwise than the file it came from, or have shown
    one of its channels: the file is tried in these ways too.

    Parameters
    ----------
    folder
        Of the session, for messages.
    record
        What the session says of its movie.
    movie
        The movie, where it is not to be opened from its file.

    Returns
    -------
    VideoSource
        In the contrast that the session was made in.

    Raises
    ------
    InputError
        If it is not there, cannot be read, or has other pixels.
    """
    known = record.movie
    if movie is None and known.path is None:
        raise InputError(f"{folder} does not know its movie's file; give movie=")
    told = all(low < high for low, high in record.contrast)
    problems = []
    for axes, channels in _ways(record, on_file=movie is None):
        try:
            video = open_video(
                known.path if movie is None else movie,
                axes=axes,
                channel=channels,
                contrast=record.contrast if told else None,
                gamma=record.gamma,
            )
        except InputError as error:
            problems.append(error)
            continue
        if video.fingerprint() == known.fingerprint:
            return video
        problems.append(
            InputError(
                f"the movie is not the one that {folder} was made from, of shape "
                f"{known.shape}"
            )
        )
    raise problems[0]


def _ways(
    record: SessionRecord, *, on_file: bool
) -> Iterator[tuple[str | None, tuple[int, ...] | None]]:
    """List axes and channels to try; the first is as the session was opened."""
    options = record.options
    yield options.axes, options.channels
    if on_file:
        for axes in (None, "TYX"):
            yield axes, options.channels
        if len(record.contrast) == 1:
            for channel in range(_MOST_CHANNELS):
                yield options.axes, (channel,)
