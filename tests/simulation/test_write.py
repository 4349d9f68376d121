"""Written movies read back as they were."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tifffile

from napari_sam_i2v.simulation import SimulationSettings, simulate, write_movie


def test_a_written_movie_reads_back(tmp_path: Path) -> None:
    settings = SimulationSettings(frames=3, height=64, width=80, cells=5, seed=2)
    movie = simulate(settings)
    paths = write_movie(movie, tmp_path / "made" / "here")
    names = ["images.tif", "labels.tif", "man_track.txt", "settings.json"]
    assert [path.name for path in paths] == names
    assert np.array_equal(tifffile.imread(paths[0]), movie.images)
    for path in paths[:2]:  # three frames are no colours
        with tifffile.TiffFile(path) as tif:
            assert tif.pages[0].photometric == tifffile.PHOTOMETRIC.MINISBLACK
    assert np.array_equal(tifffile.imread(paths[1]), movie.labels)
    rows = [line.split() for line in paths[2].read_text().splitlines()]
    expected = [(t.track_id, t.begin, t.end, t.parent) for t in movie.tracks]
    assert [tuple(map(int, row)) for row in rows] == expected
    assert SimulationSettings(**json.loads(paths[3].read_text())) == settings
    assert json.loads(paths[3].read_text()) == asdict(settings)
