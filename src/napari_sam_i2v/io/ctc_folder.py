"""Read folders of the Cell Tracking Challenge: frames, masks and the track file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.movies import Track, read_tracks

IMAGES, RESULTS, TRUTH = "t", "mask", "man_track"
_TRACK_FILES = {"res_track.txt": RESULTS, "man_track.txt": TRUTH}
_FRAME = re.compile(r"(t|mask|man_track)([0-9]{3,})\.tiff?")


@dataclass(frozen=True, kw_only=True)
class FrameFiles:
    """One file for every frame, all alike.

    Attributes
    ----------
    files
        By frame number, from 0.
    shape
        ``(T, Y, X)``.
    dtype
        Name of the pixels' type.
    """

    files: tuple[Path, ...]
    shape: tuple[int, int, int]
    dtype: str

    def read(self, frame: int) -> np.ndarray:
        """Read one frame, ``(Y, X)``."""
        path = self.files[frame]
        pixels = _decode(path)
        if pixels.shape != self.shape[1:] or pixels.dtype.name != self.dtype:
            raise InputError(
                f"{path} is {pixels.dtype} of shape {pixels.shape}, not {self.dtype} "
                f"of shape {self.shape[1:]} as the first frame"
            )
        return pixels


@dataclass(frozen=True, kw_only=True)
class CtcFolder:
    """What a folder of the challenge holds.

    Attributes
    ----------
    images
        The movie, where it is there.
    masks
        Labels of the frames, where they are there.
    tracks
        Lifetimes and parents of the labels, in the order of the file.
    masks_name
        What to call the masks, as ``"01_RES"``.
    """

    images: FrameFiles | None
    masks: FrameFiles | None
    tracks: tuple[Track, ...]
    masks_name: str


def is_ctc(path: Path) -> bool:
    """Whether a path looks like a folder of the challenge, or its track file.

    Parameters
    ----------
    path
        Files of folders are listed, none is read.
    """
    if path.is_file():
        return path.name in _TRACK_FILES
    if not path.is_dir():
        return False
    return _track_file(path) is not None or bool(_numbered(path, IMAGES))


def read_ctc(path: Path) -> CtcFolder:
    """Read a folder of the challenge.

    Parameters
    ----------
    path
        One of: a folder with a track file and its masks (``01_RES``, ``01_GT/TRA``,
        our own ``ctc``), or that track file; ``01_GT``; a folder of images (``01``),
        to which the truth beside it is added, or else the results.

    Returns
    -------
    CtcFolder
        The track file has been read, of images and masks one frame each.

    Raises
    ------
    InputError
        Frames are missing, differ, are no images, or do not fit the track file.
    """
    folder = path if path.is_dir() else path.parent
    images = _frames(folder, IMAGES)
    track_file = path if path.is_file() else _track_file(folder)
    if track_file is None:
        return CtcFolder(images=images, masks=None, tracks=(), masks_name="")
    masks = _frames(track_file.parent, _TRACK_FILES[track_file.name])
    if masks is None:
        raise InputError(
            f"{track_file.parent} has a {track_file.name}, but no "
            f"{_TRACK_FILES[track_file.name]}000.tif and so on; copy the masks there"
        )
    try:
        tracks = read_tracks(track_file)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{track_file} cannot be read as text") from error
    _check_tracks(tracks, masks.shape[0], track_file)
    home = track_file.parent
    name = f"{home.parent.name}/{home.name}" if home.name == "TRA" else home.name
    return CtcFolder(images=images, masks=masks, tracks=tracks, masks_name=name)


def _track_file(folder: Path) -> Path | None:
    """Find the track file in a folder, in its ``TRA``, or in one that goes with it."""
    near = (f"{folder.name}_GT/TRA", f"{folder.name}_RES")
    homes = [folder, folder / "TRA"]
    if _numbered(folder, IMAGES):
        homes += [folder.parent / name for name in near]
    files = (home / name for home in homes for name in _TRACK_FILES)
    return next((file for file in files if file.is_file()), None)


def _numbered(folder: Path, prefix: str) -> dict[int, Path]:
    """List the frames of a kind by number."""
    matches = ((_FRAME.fullmatch(file.name), file) for file in folder.iterdir())
    return {
        int(match[2]): file
        for match, file in matches
        if match is not None and match[1] == prefix
    }


def _frames(folder: Path, prefix: str) -> FrameFiles | None:
    files = _numbered(folder, prefix)
    if not files:
        return None
    missing = next((n for n in range(len(files)) if n not in files), None)
    if missing is not None:
        raise InputError(
            f"{folder} has {len(files)} files {prefix}NNN.tif, but none for frame "
            f"{missing}; frames count from 0 without gaps, copy them again"
        )
    first = _decode(files[0])
    if first.ndim != 2 or (prefix != IMAGES and first.dtype.kind not in "iu"):
        wanted = "an image" if prefix == IMAGES else "a mask of whole numbers"
        raise InputError(
            f"{files[0]} is {first.dtype} of shape {first.shape}; expected {wanted}, "
            "(Y, X)"
        )
    return FrameFiles(
        files=tuple(files[n] for n in range(len(files))),
        shape=(len(files), first.shape[0], first.shape[1]),
        dtype=first.dtype.name,
    )


def _decode(path: Path) -> np.ndarray:
    try:
        return np.asarray(tifffile.imread(path))
    except Exception as error:
        # The library raises whatever comes first in a damaged file.
        raise InputError(
            f"{path} is not a readable TIFF image; it is damaged, copy it again"
        ) from error


def _check_tracks(tracks: Sequence[Track], n_frames: int, path: Path) -> None:
    ids = set()
    for track in tracks:
        if track.object_id in ids or track.object_id <= 0:
            raise InputError(
                f"{path} has two tracks {track.object_id}"
                if track.object_id in ids
                else f"{path} has a track {track.object_id}; ids count from 1"
            )
        ids.add(track.object_id)
        if not 0 <= track.first <= track.last < n_frames:
            raise InputError(
                f"{path}: track {track.object_id} lives from frame {track.first} to "
                f"{track.last}, but the masks' frames are 0 to {n_frames - 1}"
            )
    for track in tracks:
        if track.parent and track.parent not in ids:
            raise InputError(
                f"{path}: track {track.object_id} has the parent {track.parent}, which "
                "has no line"
            )
