"""Simulated movies as files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tifffile

from napari_sam_i2v.io.disk import make_folder, replacing
from napari_sam_i2v.simulation.settings import SimulatedMovie


def write_movie(movie: SimulatedMovie, folder: str | Path) -> list[Path]:
    """Write a movie, its truth and its settings.

    Parameters
    ----------
    movie
        What to write.
    folder
        Where to; made if it does not exist.

    Returns
    -------
    list of Path
        ``images.tif``, ``labels.tif``, ``man_track.txt`` (CTC format) and
        ``settings.json``.
    """
    folder = Path(folder)
    make_folder(folder)
    names = ("images.tif", "labels.tif", "man_track.txt", "settings.json")
    images, labels, tracks, settings = (folder / name for name in names)
    for path, stack in ((images, movie.images), (labels, movie.labels)):
        with replacing(path) as part:
            tifffile.imwrite(
                part,
                stack,
                photometric="minisblack",
                compression="zlib",
                metadata={"axes": "TYX"},
            )
    lines = [f"{t.track_id} {t.begin} {t.end} {t.parent}\n" for t in movie.tracks]
    tracks.write_text("".join(lines), encoding="utf-8")
    settings.write_text(
        json.dumps(asdict(movie.settings), indent=2) + "\n", encoding="utf-8"
    )
    return [images, labels, tracks, settings]


def write_visibility(movie: SimulatedMovie, folder: str | Path) -> Path:
    """Write how much of each cell is seen as ``visibility.csv``.

    Parameters
    ----------
    movie
        What to write.
    folder
        Where to; it must exist.

    Returns
    -------
    Path
        The file: a row per frame, a column per track, a heading of track ids.
    """
    path = Path(folder) / "visibility.csv"
    heading = ",".join(str(track.track_id) for track in movie.tracks)
    np.savetxt(
        path, movie.visibility, fmt="%.3f", delimiter=",", header=heading, comments=""
    )
    return path
