"""Clips: what the network sees of a cell."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model.build import load_model_config
from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.training.clips import draw_clip, follow, look
from napari_sam_i2v.training.movies import (
    MoviePool,
    MovieSettings,
    TrainingMovie,
    make_movie,
    training_stills,
)

SETTINGS = MovieSettings(frames=4, size=96, pool=2, draws=4)


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    """The shipped member."""
    return load_model_config("sam-i2v-cell")


@pytest.fixture(scope="module")
def movie() -> TrainingMovie:
    """A simulated movie."""
    return make_movie(SETTINGS, seed=1, index=0)


def test_movies_depend_on_seed_and_index_alone(movie: TrainingMovie) -> None:
    again = make_movie(SETTINGS, seed=1, index=0)
    np.testing.assert_array_equal(movie.images, again.images)
    np.testing.assert_array_equal(movie.labels, again.labels)
    assert not np.array_equal(movie.labels, make_movie(SETTINGS, 1, 10).labels)


def test_a_clip_shows_its_cell_in_the_middle(
    config: ModelConfig, movie: TrainingMovie
) -> None:
    rng = np.random.default_rng(0)
    clips = [draw_clip([movie], 3, config.view.diameters, rng) for _ in range(12)]
    window, target = look(clips, 0, config, rng)
    assert window.shape == (12, config.temporal.window, 3, 128, 128)
    assert target.shape == (12, 1, 64, 64)
    middle = target[:, 0, 12:52, 12:52].flatten(1).any(1)
    assert middle.all()
    assert window.mean().abs() < 0.1 and 0.8 < window.std() < 1.2


def test_windows_follow_predictions(config: ModelConfig, movie: TrainingMovie) -> None:
    rng = np.random.default_rng(3)
    clip = draw_clip([movie], 2, config.view.diameters, rng)
    clip.away = None
    clip.centre = clip.centroid(clip.frames[0]) or clip.centre
    clip.centre = (clip.centre[0] + 0.15 * clip.side, clip.centre[1])
    _, target = look([clip], 0, config, rng)
    follow([clip], 0, target.float() * 2 - 1, torch.ones(1, 1), 1.0, rng)
    truth = clip.centroid(clip.frames[0])
    assert truth is not None
    assert np.hypot(*(np.subtract(clip.centre, truth))) < 0.04 * clip.side


def test_windows_stay_where_nothing_is_seen(
    config: ModelConfig, movie: TrainingMovie
) -> None:
    rng = np.random.default_rng(3)
    clip = draw_clip([movie], 2, config.view.diameters, rng)
    clip.away = None
    before = clip.centre
    logits = torch.ones(1, 1, 64, 64)
    follow([clip], 0, logits, -torch.ones(1, 1), 1.0, rng)
    assert clip.centre == before


def test_stills_are_held_out_and_warped(tmp_path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    for i in range(10):
        labels = np.zeros((96, 96), np.uint16)
        labels[30:60, 30:60] = 7
        image = (labels > 0) * 100 + rng.integers(0, 9, labels.shape)
        tifffile.imwrite(tmp_path / f"images/s{i}.tif", image.astype(np.uint8))
        tifffile.imwrite(tmp_path / f"labels/s{i}.tif", labels)
    settings = MovieSettings(
        frames=4, size=96, stills=(str(tmp_path),), stills_share=1.0, excluded=("s3",)
    )
    used = {image.stem for image, _ in training_stills(settings)[0]}
    assert used == {f"s{i}" for i in range(10)} - {"s0", "s5", "s3"}
    movie = make_movie(settings, 0, 0)
    areas = (movie.labels == 7).sum((1, 2))
    assert (areas > 300).all() and len(set(areas.tolist())) > 1
    inside = movie.images[movie.labels == 7].mean()
    assert inside > movie.images[movie.labels == 0].mean() + 0.3


def test_a_folder_without_stills_is_an_error(tmp_path) -> None:
    settings = MovieSettings(stills=(str(tmp_path),), stills_share=1.0)
    with pytest.raises(InputError, match="images"):
        training_stills(settings)


def test_the_pool_depends_on_the_step_not_on_the_workers() -> None:
    def labels(pool: MoviePool, drawn: int) -> list[bytes]:
        return [movie.labels.tobytes() for movie in pool.at(drawn)]

    straight, jumped = MoviePool(SETTINGS, 0, 1), MoviePool(SETTINGS, 0, 1)
    try:
        for drawn in (0, 3, 4, 8):
            last = labels(straight, drawn)
        assert last == labels(jumped, 8)
        assert len(last) == SETTINGS.pool
    finally:
        straight.close()
        jumped.close()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into Linux's /proc")
def test_workers_end_with_the_run(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from napari_sam_i2v.training.movies import MoviePool, MovieSettings\n"
        "if __name__ == '__main__':\n"
        "    pool = MoviePool(MovieSettings(frames=2, size=64, pool=1), 0, 1)\n"
        "    pool.at(0)\n"
        "    print(*pool._executor._processes, flush=True)\n"
        "    time.sleep(60)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    run = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    worker = int(run.stdout.readline())
    run.kill()
    run.wait()
    run.stdout.close()
    for _ in range(100):
        if not _alive(worker):
            return
        time.sleep(0.1)
    pytest.fail("the worker lives on")


def _alive(process: int) -> bool:
    """Whether a process runs; one that has ended but is not waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
