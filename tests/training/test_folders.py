"""Movies with labels from folders of every layout we know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.simulation.write import write_movie
from napari_sam_i2v.training.folders import cut_movie, open_labelled

MOVIE = simulate(
    SimulationSettings(
        modality="nuclei", frames=8, height=80, width=100, cells=6, seed=4
    )
)


def as_stack(folder: Path) -> Path:
    """Write what ``sam-i2v simulate`` does."""
    write_movie(MOVIE, folder / "stack")
    return folder / "stack"


def as_challenge(folder: Path, kind: str = "ST") -> Path:
    """Write a challenge's folders; segmentation ids are not those of the tracks."""
    for name in ("01", f"01_{kind}/SEG", "01_GT/TRA"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for t, (image, labels) in enumerate(zip(MOVIE.images, MOVIE.labels, strict=True)):
        tifffile.imwrite(folder / f"01/t{t:03d}.tif", image)
        other = np.where(labels > 0, 500 - labels.astype(int), 0).astype(np.uint16)
        tifffile.imwrite(folder / f"01_{kind}/SEG/man_seg{t:03d}.tif", other)
        marker = labels.astype(np.uint16)
        tifffile.imwrite(folder / f"01_GT/TRA/man_track{t:03d}.tif", marker)
    return folder / "01"


@pytest.mark.parametrize("layout", [as_stack, as_challenge])
def test_labels_have_the_ids_of_the_tracks(layout, tmp_path: Path) -> None:
    movie = open_labelled(str(layout(tmp_path)))
    assert movie.video.shape == MOVIE.labels.shape
    for t in range(movie.video.n_frames):
        np.testing.assert_array_equal(movie.labels[t], MOVIE.labels[t])


def test_a_cut_shows_cells_and_keeps_to_its_frames(tmp_path: Path) -> None:
    folder = str(as_stack(tmp_path))
    rng = np.random.default_rng(0)
    for _ in range(5):
        images, labels = cut_movie(folder, (0, 0.5), (4, 48), rng)
        assert images.shape == labels.shape == (4, 48, 48)
        assert labels.any()
        first = set(np.unique(MOVIE.labels[:4]).tolist())
        assert set(np.unique(labels).tolist()) <= first


def test_a_short_movie_goes_back_and_forth(tmp_path: Path) -> None:
    folder = str(as_stack(tmp_path))
    rng = np.random.default_rng(0)
    images, _ = cut_movie(folder, (0, 3 / 8), (6, 96), rng)
    assert images.shape == (6, 96, 96)
    np.testing.assert_array_equal(images[0], images[4])
    np.testing.assert_array_equal(images[1], images[3])
    assert not np.array_equal(images[0], images[1])


def test_cells_marked_without_mask_are_left_out(tmp_path: Path) -> None:
    folder = as_challenge(tmp_path)
    gone = int(MOVIE.labels[2].max())
    path = tmp_path / "01_ST/SEG/man_seg002.tif"
    frame = tifffile.imread(path)
    frame[frame == 500 - gone] = 0
    tifffile.imwrite(path, frame)
    rng = np.random.default_rng(0)
    _, labels = cut_movie(str(folder), (0, 1), (8, 100), rng)
    assert gone in MOVIE.labels[1] and gone not in labels
    assert labels.any()


def test_only_labelled_frames_are_known(tmp_path: Path) -> None:
    """Ten of a hundred frames are labelled, say; the others are not empty."""
    folder = as_challenge(tmp_path)
    for t in (2, 5, 6, 7):
        (tmp_path / f"01_ST/SEG/man_seg{t:03d}.tif").unlink()
    movie = open_labelled(str(folder))
    assert movie.labelled == (0, 1, 3, 4)
    assert movie.share((0, 0.8)) == (0, 1, 3)
    assert movie.share((0.8, 1)) == (4,)
    assert movie.share((0.9, 0.95)) == movie.labelled
    rng = np.random.default_rng(0)
    for span in ((0, 0.8), (0.8, 1.0)) * 3:
        _, labels = cut_movie(str(folder), span, (5, 100), rng)
        assert labels.any(axis=(1, 2)).all()


def test_frames_are_known_by_their_numbers(tmp_path: Path) -> None:
    folder = as_challenge(tmp_path)
    for path in sorted(tmp_path.glob("01*/**/*.tif"), reverse=True):
        number = int(path.stem[-3:])
        path.rename(path.with_name(f"{path.stem[:-3]}{number + 5:03d}.tif"))
    movie = open_labelled(str(folder))
    np.testing.assert_array_equal(np.asarray(movie.labels), MOVIE.labels)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_labelled(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no labels found"):
        open_labelled(str(tmp_path / "empty"))
    as_challenge(tmp_path)
    tifffile.imwrite(tmp_path / "01_ST/SEG/man_seg099.tif", np.zeros((80, 100), "u2"))
    with pytest.raises(InputError, match="no frame of that number"):
        open_labelled(str(tmp_path / "01"))
