"""Simulated movies as files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import tifffile

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
    folder.mkdir(parents=True, exist_ok=True)
    names = ("images.tif", "labels.tif", "man_track.txt", "settings.json")
    images, labels, tracks, settings = (folder / name for name in names)
    for path, stack in ((images, movie.images), (labels, movie.labels)):
        tifffile.imwrite(
            path,
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
