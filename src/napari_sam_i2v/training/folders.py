"""Movies with labels, from folders: to fine-tune on one's own cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.movies import load_movie
from napari_sam_i2v.fine_tuning.vouched import runs
from napari_sam_i2v.io.frame_folder import frame_files, frame_number
from napari_sam_i2v.io.session_folder import has_session
from napari_sam_i2v.training.cutting import Shape, cut_square, grey, run_of_frames
from napari_sam_i2v.training.sessions import cut_session
from napari_sam_i2v.training.stills import warp
from napari_sam_i2v.video import VideoSource, open_video


@dataclass(frozen=True, eq=False)
class LabelledMovie:
    """A movie with labels; only the frames in use are read.

    Attributes
    ----------
    video
        The movie.
    labels, markers
        ``(T, Y, X)``. Cells with a marker but no label on a frame are not annotated
        there; without markers, cells without a label are gone.
    """

    video: VideoSource
    labels: Any
    markers: Any | None = None

    @cached_property
    def labelled(self) -> tuple[int, ...]:
        """Frames with labels, sorted; of others nothing is known."""
        frames = range(len(self.labels))
        return tuple(t for t in frames if np.asarray(self.labels[t]).any())

    def share(self, span: tuple[float, float]) -> tuple[int, ...]:
        """Give part of the labelled frames; all where there are too few."""
        first, last = (round(part * len(self.labelled)) for part in span)
        return self.labelled[first:last] or self.labelled


@cache
def open_labelled(folder: str) -> LabelledMovie:
    """Open a folder of one of two layouts.

    - ``images.tif`` or ``frames/``, ``labels.tif``, perhaps ``markers.tif``: what
      ``sam-i2v simulate`` writes;
    - Cell Tracking Challenge: a folder of images such as ``01``, with ``01_ST/SEG``,
      or ``01_GT/SEG``, beside it, and perhaps ``01_GT/TRA``.

    Raises
    ------
    InputError
        If it is none of these, or images and labels do not fit.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"no such folder: {folder}")
    if (path / "labels.tif").exists():
        movie = load_movie(path)
        opened = LabelledMovie(open_video(movie.images), movie.labels, movie.markers)
    else:
        opened = _open_challenge(path)
    if tuple(opened.labels.shape) != opened.video.shape:
        raise InputError(
            f"{folder}: labels have shape {tuple(opened.labels.shape)}, the movie has "
            f"{opened.video.shape}; expected the same"
        )
    return opened


def _open_challenge(path: Path) -> LabelledMovie:
    choices = [f"{path}_{kind}" for kind in ("ST/SEG", "GT/SEG")]
    found = next((Path(c) for c in choices if Path(c).is_dir()), None)
    if found is None:
        raise InputError(
            f"{path}: no labels found; expected labels.tif in it, a session, or "
            f"{path.name}_ST/SEG or {path.name}_GT/SEG beside it"
        )
    video = open_video(path)
    numbers = {frame_number(file): t for t, file in enumerate(frame_files(path))}
    tracking = Path(f"{path}_GT/TRA")
    markers = None
    if tracking.is_dir():
        markers = _numbered_files(tracking, numbers, video.shape)
    labels = _numbered_files(found, numbers, video.shape)
    if markers is not None:
        labels = np.stack(
            [_named_after(*frame) for frame in zip(labels, markers, strict=True)]
        )
    return LabelledMovie(video, labels, markers)


def _numbered_files(
    folder: Path, numbers: Mapping[int | None, int], shape: tuple[int, int, int]
) -> NDArray[np.int32]:
    """Read label frames that are named after frames; others are empty."""
    stack = np.zeros(shape, np.int32)
    for path in sorted(folder.glob("*.tif")):
        number = numbers.get(frame_number(path))
        frame = tifffile.imread(path)
        if number is None:
            raise InputError(f"{path}: no frame of that number in the movie")
        if frame.shape != shape[1:]:
            raise InputError(f"{path}: has shape {frame.shape}, expected {shape[1:]}")
        stack[number] = frame
    return stack


def _named_after(labels: NDArray, markers: NDArray) -> NDArray:
    """Give segmented cells the ids of the markers in them; drop those without."""
    named = np.zeros_like(labels)
    for object_id in np.unique(labels[labels > 0]):
        inside = labels == object_id
        held = np.bincount(markers[inside])
        if len(held) > 1 and held[1:].any():
            named[inside] = 1 + held[1:].argmax()
    return named


def cut_movie(
    folder: str, span: tuple[float, float], shape: Shape, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Cut a square around some cell out of some frames of a movie.

    It is shrunk if the cell is wider than a fifth of the square, and smaller movies
    are filled up by mirroring; short ones by going back and forth in time. A labelled
    frame without labelled ones beside it is warped into a movie, as stills are.

    Parameters
    ----------
    folder
        As :func:`open_labelled` takes it, or a session; see :func:`cut_session`.
    span
        Which part of the movie's labelled frames.
    shape, rng
        Frames and side of the square; how to draw.

    Returns
    -------
    tuple of numpy.ndarray
        Images and labels, ``(frames, size, size)``.
    """
    if has_session(Path(folder)):
        return cut_session(folder, span, shape, rng)
    movie, (frames, size) = open_labelled(folder), shape
    known = movie.share(span)
    if not known:
        raise InputError(f"{folder}: there is no cell on any frame of its labels")
    centre = known[rng.integers(len(known))]
    run = next(r for r in runs(known) if centre in r)
    numbers = run_of_frames(run, centre, frames if len(run) > 1 else 1, rng)
    key = np.asarray(movie.labels[centre])
    images = np.stack([grey(movie.video.frame(n)) for n in numbers])
    labels = np.stack([movie.labels[n] for n in numbers]).astype(np.int32)
    if movie.markers is not None:
        marked = np.stack([movie.markers[n] for n in numbers])
        labels[np.isin(labels, _unsure(labels, marked))] = 0
    images, labels = cut_square(images, labels, key, size, rng)
    if len(run) > 1:
        return images, labels
    images, labels = warp(images[0], labels[0], frames, size, rng)
    return images.astype(np.float32), labels


def _unsure(labels: NDArray, markers: NDArray) -> list[int]:
    """Cells that are marked on a frame on which they have no mask."""
    return [
        int(object_id)
        for object_id in np.unique(labels[labels > 0])
        if np.any(
            (markers == object_id).any((1, 2)) & ~(labels == object_id).any((1, 2))
        )
    ]
