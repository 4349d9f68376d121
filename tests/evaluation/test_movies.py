"""Movie folders are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.movies import Track, load_movie


def small_labels() -> np.ndarray:
    labels = np.zeros((3, 20, 24), np.uint16)
    labels[:, 2:9, 3:8] = 300
    labels[:, 2:4, 3:18] = 300  # an L, whose centre of mass is not its heart
    labels[:, 15:20, 20:24] = 4  # cut by the frame
    labels[1:, 12, 2] = 9  # appears later
    return labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labels = small_labels()
    tifffile.imwrite(tmp_path / "images.tif", labels, photometric="minisblack")
    tifffile.imwrite(tmp_path / "labels.tif", labels, photometric="minisblack")
    (tmp_path / "man_track.txt").write_text("300 0 2 0\n4 0 2 0\n\n9 1 2 300\n")
    return tmp_path


def test_a_folder_is_read(folder: Path) -> None:
    movie = load_movie(folder)
    assert movie.images == folder / "images.tif"
    np.testing.assert_array_equal(movie.labels, small_labels())
    assert movie.markers is None
    assert movie.tracks[2] == Track(object_id=9, first=1, last=2, parent=300)
    assert (movie.name, movie.n_frames) == (folder.name, 3)


def test_frames_and_markers(folder: Path) -> None:
    (folder / "images.tif").unlink()
    (folder / "frames").mkdir()
    tifffile.imwrite(folder / "markers.tif", small_labels(), photometric="minisblack")
    movie = load_movie(folder)
    assert movie.images == folder / "frames"
    assert movie.markers is not None


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "images.tif").unlink(), "neither images.tif"),
        (lambda folder: (folder / "labels.tif").unlink(), "no labels.tif"),
        (lambda folder: (folder / "labels.tif").write_text("x"), "cannot be read"),
        (
            lambda folder: tifffile.imwrite(
                folder / "labels.tif", np.zeros((4, 4), int)
            ),
            "expected labels",
        ),
        (
            lambda folder: tifffile.imwrite(
                folder / "markers.tif", np.zeros((7, 4, 4), np.uint8)
            ),
            "both must be",
        ),
        (
            lambda folder: (folder / "man_track.txt").write_text("1 0 2 0\n1 2\n"),
            "line 2: expected four whole numbers",
        ),
    ],
)
def test_what_is_wrong_with_a_folder(folder: Path, break_it, message: str) -> None:
    break_it(folder)
    with pytest.raises(InputError, match=message):
        load_movie(folder)


def test_a_missing_folder() -> None:
    with pytest.raises(InputError, match="no such movie folder"):
        load_movie("nowhere")
