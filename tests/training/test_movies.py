"""Where movies to train on come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.training.movies import MovieSettings, Source, held_out, make_movie
from napari_sam_i2v.training.stills import training_stills

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
