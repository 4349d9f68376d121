"""Which cells are ended where they divide, and which are that do not.

    python benchmarks/divisions.py FOLDER ...

Folders are as `sam-i2v simulate --out FOLDER` writes them, or as the Cell Tracking
Challenge does, with ``images.tif`` and ``labels.tif``. Cells are prompted by the true
masks of the first frame.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from napari_sam_i2v import open_session
from napari_sam_i2v.evaluation.movies import TruthMovie, load_movie
from napari_sam_i2v.evaluation.prompting import first_frame_prompts

LATEST = 4
"""How many frames after a division an object may be ended for it to count as found."""


def main() -> None:
    """Print a line for each movie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    print(f"{'movie':24} cells  divide  found  late  others ended")
    for folder in parser.parse_args().folders:
        movie = load_movie(folder)
        cells, divide, found, late, others = count(movie, ends(movie))
        print(f"{movie.name:24} {cells:5} {divide:7} {found:6} {late:5} {others:13}")


def ends(movie: TruthMovie) -> dict[int, int | None]:
    """Say for every cell from which frame on it was found gone for good."""
    session = open_session(movie.images)
    session.add_all(first_frame_prompts(movie.labels, "label"))
    for _ in session.propagate():
        pass
    return {line.object_id: line.gone for line in session.summary()}


def count(
    movie: TruthMovie, ended: dict[int, int | None]
) -> tuple[int, int, int, int, int]:
    """Count cells, those that divide, found in time, found later, and ended wrongly."""
    mothers = {track.parent for track in movie.tracks}
    found = late = others = 0
    for object_id, end in ended.items():
        if end is None:
            continue
        there = np.flatnonzero((movie.labels == object_id).any(axis=(1, 2)))
        delay = end - 1 - int(there[-1])
        if object_id not in mothers or delay < -1:
            others += 1
        elif delay <= LATEST:
            found += 1
        else:
            late += 1
    divide = len(mothers & ended.keys())
    return len(ended), divide, found, late, others


if __name__ == "__main__":
    main()
