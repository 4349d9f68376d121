"""Movies with known masks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from napari_sam_i2v.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Track:
    """One line of ``man_track.txt``.

    Attributes
    ----------
    object_id
        The track's id in the labels.
    first, last
        Frames between which it lives, both included.
    parent
        Id of the track it divided from, 0 if none.
    """

    object_id: int
    first: int
    last: int
    parent: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class TruthMovie:
    """A movie and its true masks.

    Attributes
    ----------
    folder
        Where it was read from.
    images
        The movie: a TIFF file or a folder of frames.
    labels
        True labels, ``(T, Y, X)``; an id means the same object in every frame.
    markers
        Blobs inside every tracked object, same shape and ids, where masks are missing
        for some; else ``None``.
    tracks
        Lifetimes and parents, where known.
    """

    folder: Path
    images: Path
    labels: np.ndarray
    markers: np.ndarray | None = None
    tracks: tuple[Track, ...] = ()

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def n_frames(self) -> int:
        """Frames of the labels."""
        return len(self.labels)


def load_movie(folder: str | Path) -> TruthMovie:
    """Read a folder that holds a movie with its truth.

    Parameters
    ----------
    folder
        Holds ``images.tif`` or ``frames/``, ``labels.tif``, and possibly
        ``markers.tif`` and ``man_track.txt``.

    Returns
    -------
    TruthMovie
        Labels in memory, images by path.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"no such movie folder: {folder}")
    candidates = [folder / "images.tif", folder / "frames"]
    images = next((path for path in candidates if path.exists()), None)
    if images is None:
        raise InputError(f"{folder} holds neither images.tif nor a folder frames")
    labels = _read_labels(folder / "labels.tif")
    markers = None
    if (folder / "markers.tif").exists():
        markers = _read_labels(folder / "markers.tif")
        if markers.shape != labels.shape:
            raise InputError(
                f"{folder}: markers.tif has shape {markers.shape}, labels.tif "
                f"{labels.shape}; both must be of the movie's"
            )
    track_file = folder / "man_track.txt"
    tracks = read_tracks(track_file) if track_file.exists() else ()
    return TruthMovie(
        folder=folder, images=images, labels=labels, markers=markers, tracks=tracks
    )


def read_tracks(path: str | Path) -> tuple[Track, ...]:
    """Read a Cell Tracking Challenge track file: id, first frame, last frame, parent.

    Parameters
    ----------
    path
        Text file with four whole numbers per line.

    Returns
    -------
    tuple of Track
        In the order of the file.
    """
    tracks = []
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            object_id, first, last, parent = (int(word) for word in line.split())
        except ValueError:
            raise InputError(
                f"{path} line {number}: expected four whole numbers (id, first frame, "
                f"last frame, parent), found '{line.strip()}'"
            ) from None
        tracks.append(Track(object_id=object_id, first=first, last=last, parent=parent))
    return tuple(tracks)


def _read_labels(path: Path) -> np.ndarray:
    if not path.exists():
        raise InputError(f"{path.parent} holds no {path.name}")
    try:
        labels = np.asarray(tifffile.imread(path))
    except Exception as error:  # decoders raise whatever the damage makes them trip on
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} cannot be read: {reason}") from None
    if labels.ndim != 3 or labels.dtype.kind not in "iu":
        raise InputError(
            f"{path} holds {labels.dtype} of shape {labels.shape}; expected labels "
            "(T, Y, X) of whole numbers"
        )
    return labels
