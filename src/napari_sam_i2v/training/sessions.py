"""Sessions to train on: only the masks that a person vouched for.

Tracked masks are the model's own; learning from them would teach it its mistakes. A
frame on which a cell was prompted or approved counts, all others of that cell are
unknown: neither a mask nor proof that the cell is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning.vouched import (
    MOVIE_FILE,
    open_recorded,
    runs,
    vouched_frames,
)
from napari_sam_i2v.io.session_folder import MASK_FILE, read_session
from napari_sam_i2v.masklets import settle
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.session.visible import VisibleMasks
from napari_sam_i2v.training.cutting import Shape, cut_square, grey, run_of_frames
from napari_sam_i2v.training.stills import warp
from napari_sam_i2v.video import VideoSource, open_video


@dataclass(frozen=True, eq=False)
class SessionMovie:
    """A movie, and the masks in it that a person vouched for.

    Attributes
    ----------
    video
        The movie.
    masks
        Those of the session, vouched for or not.
    vouched
        Object id to the frames on which its mask is known, sorted.
    """

    video: VideoSource
    masks: VisibleMasks
    vouched: dict[int, tuple[int, ...]]

    def labels(self, frame: int, ids: frozenset[int]) -> NDArray[np.int32]:
        """Labels of some objects on a frame as a person saw them, ``(Y, X)``."""
        found = self.masks.masks_on(frame).values()
        approved = self.masks.approved_on(frame)
        seen = settle(found, self.video.shape[1:], approved).astype(np.int32)
        return np.where(np.isin(seen, list(ids)), seen, 0)

    def share(self, span: tuple[float, float]) -> dict[int, tuple[int, ...]]:
        """Give part of the objects, in order of id; all where there are too few."""
        ids = sorted(self.vouched)
        first, last = (round(part * len(ids)) for part in span)
        return {each: self.vouched[each] for each in ids[first:last] or ids}


@cache
def open_session_movie(folder: str) -> SessionMovie:
    """Open a session folder to train on it.

    Raises
    ------
    InputError
        If its movie is gone or another, or no mask was vouched for.
    """
    path = Path(folder)
    stored = read_session(path)
    if (path / MOVIE_FILE).is_file():
        video = open_video(path / MOVIE_FILE, axes="TYX")
    else:
        video = open_recorded(path, stored.record)
    if not (path / MASK_FILE).is_file():
        raise InputError(f"{path} is no whole session: {MASK_FILE} is missing")
    masks = VisibleMasks(MaskStore.copy_of(path / MASK_FILE), Document(stored.log))
    vouched = {
        object_id: frames
        for object_id, frames in vouched_frames(stored.log).items()
        if any(_area(masks, object_id, t) for t in frames)
    }
    if not vouched:
        raise InputError(
            f"{path}: no cell with a mask was prompted or approved; do that first"
        )
    return SessionMovie(video, masks, vouched)


def cut_session(
    folder: str, span: tuple[float, float], shape: Shape, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Cut a square around some vouched cell out of frames on which it is known.

    A cell that is known on a single frame is warped into a movie, as stills are.

    Parameters
    ----------
    folder
        Of the session.
    span
        Which part of the objects, in order of id.
    shape, rng
        Frames and side of the square; how to draw.

    Returns
    -------
    tuple of numpy.ndarray
        Images and labels, ``(frames, size, size)``.
    """
    movie, (frames, size) = open_session_movie(folder), shape
    chosen = movie.share(span)
    pairs = [
        (t, object_id)
        for object_id, known in chosen.items()
        for t in known
        if _area(movie.masks, object_id, t)
    ]
    centre, object_id = pairs[rng.integers(len(pairs))]
    run = next(r for r in runs(chosen[object_id]) if centre in r)
    numbers = run_of_frames(run, centre, frames if len(run) > 1 else 1, rng)
    ids = frozenset(i for i, known in chosen.items() if set(numbers) <= {*known})
    images = np.stack([grey(movie.video.frame(n)) for n in numbers])
    labels = np.stack([movie.labels(n, ids) for n in numbers])
    key = np.where(movie.labels(centre, frozenset([object_id])), 1, 0)
    images, labels = cut_square(images, labels, key, size, rng)
    if len(run) > 1:
        return images, labels
    images, labels = warp(images[0], labels[0], frames, size, rng)
    return images.astype(np.float32), labels


def _area(masks: VisibleMasks, object_id: int, frame: int) -> int:
    mask = masks.mask(object_id, frame)
    return 0 if mask is None else mask.area
