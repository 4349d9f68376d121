"""Where movies to train on come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.training.movies import MovieSettings, Source, held_out, make_movie
from napari_sam_i2v.training.settings import Stage, TrainingSettings
from napari_sam_i2v.training.stills import read_still, training_stills, warp

SIMULATED = MovieSettings(frames=4, size=96)


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    """Ten stills with a bright square."""
    rng = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    for i in range(10):
        labels = np.zeros((96, 90), np.uint16)
        labels[30:60, 30:60] = 700
        image = (labels > 0) * 100 + rng.integers(0, 9, labels.shape)
        tifffile.imwrite(tmp_path / f"images/s{i}.tif", image.astype(np.uint8))
        tifffile.imwrite(tmp_path / f"labels/s{i}.tif", labels)
    return tmp_path


def test_movies_depend_on_seed_and_index_alone() -> None:
    movie, again = (make_movie(SIMULATED, seed=1, index=0) for _ in range(2))
    np.testing.assert_array_equal(movie.images, again.images)
    np.testing.assert_array_equal(movie.labels, again.labels)
    assert not np.array_equal(movie.labels, make_movie(SIMULATED, 1, 10).labels)


def test_labels_are_numbered_without_gaps() -> None:
    movie = make_movie(SIMULATED, seed=1, index=3)
    ids = np.unique(movie.labels)
    assert ids.tolist() == list(range(int(ids[0]), int(ids[-1]) + 1))


def test_stills_are_held_out(stills: Path) -> None:
    used = training_stills(str(stills), 5, ("s3",))
    kept = training_stills(str(stills), 5, (), validating=True)
    assert {i.stem for i, _ in used} == {f"s{i}" for i in range(10)} - {
        "s0",
        "s5",
        "s3",
    }
    assert {image.stem for image, _ in kept} == {"s0", "s5"}
    settings = MovieSettings(sources=(Source(stills=str(stills)),))
    assert held_out(settings).sources[0].validating


def test_a_single_still_is_trained_on_and_validated_with(tmp_path: Path) -> None:
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        tifffile.imwrite(tmp_path / kind / "only.tif", np.ones((40, 40), np.uint8))
    for validating in (False, True):
        [found] = training_stills(str(tmp_path), 5, validating=validating)
        assert found[0].stem == "only"


@pytest.mark.parametrize("seed", range(4))
def test_a_sparse_still_is_cut_around_its_cells(seed: int) -> None:
    image, labels = np.zeros((900, 1100), np.float32), np.zeros((900, 1100), np.int32)
    labels[700:720, 800:825] = 3
    rng = np.random.default_rng(seed)
    images, masks = warp(image, labels, 4, 64, rng)
    assert images.shape == masks.shape == (4, 64, 64)
    assert (masks == 3).any(axis=(1, 2)).all()
    empty = warp(image, np.zeros_like(labels), 4, 64, rng)[1]
    assert not empty.any()


def test_stills_and_labels_that_do_not_fit_are_told(tmp_path: Path) -> None:
    image, labels = tmp_path / "image.tif", tmp_path / "labels.tif"
    pixels = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    tifffile.imwrite(image, pixels, photometric="minisblack")
    tifffile.imwrite(labels, np.ones((20, 30), np.uint8))
    np.testing.assert_allclose(read_still((image, labels))[0], pixels.mean(0))
    tifffile.imwrite(labels, np.ones((30, 20), np.uint8))
    with pytest.raises(InputError, match=r"its labels have \(30, 20\)"):
        read_still((image, labels))
    tifffile.imwrite(labels, np.ones((20, 30), np.float32))
    with pytest.raises(InputError, match="expected labels of whole numbers"):
        read_still((image, labels))


def test_a_warped_still_moves_with_its_labels(stills: Path) -> None:
    source = Source(stills=str(stills))
    movie = make_movie(MovieSettings(sources=(source,), frames=4, size=96), 0, 0)
    assert movie.images.shape == movie.labels.shape == (4, 96, 96)
    areas = (movie.labels == 1).sum((1, 2))
    assert (areas > 300).all() and len(set(areas.tolist())) > 1
    inside = movie.images[movie.labels == 1].mean()
    assert inside > movie.images[movie.labels == 0].mean() + 0.3


def test_sources_are_drawn_by_weight(stills: Path) -> None:
    sources = (Source(weight=3, stills=str(stills)), Source(modalities=("nuclei",)))
    settings = MovieSettings(sources=sources, frames=1, size=48)
    movies = [make_movie(settings, 0, i) for i in range(24)]
    # Only the stills have noise as weak as theirs around one square.
    one_cell = sum(movie.tracks.ids.size <= 1 for movie in movies)
    assert 12 <= one_cell <= 23


def test_bad_sources_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="images"):
        training_stills(str(tmp_path))
    with pytest.raises(InputError, match="one of"):
        Source()
    with pytest.raises(InputError, match="one of"):
        Source(modalities=("nuclei",), stills="somewhere")
    with pytest.raises(InputError, match="weight"):
        Source(modalities=("nuclei",), weight=0)


def test_clips_longer_than_their_movies_are_refused() -> None:
    stage = Stage(steps=1, batch=1, frames=6, warm=8, rate=1e-3, rate_end=1e-5)
    with pytest.raises(InputError, match="need movies of 14, movies.frames is 10"):
        TrainingSettings(
            model="tiny", out="out", stages=(stage,), movies=MovieSettings(frames=10)
        )
