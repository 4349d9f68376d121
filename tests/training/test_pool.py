"""The pool holds the movies that the clips drawn so far call for."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from napari_sam_i2v.training.movies import MovieSettings
from napari_sam_i2v.training.pool import MoviePool
from napari_sam_i2v.training.ranks import Ranks

SETTINGS = MovieSettings(frames=3, size=64, pool=2, draws=4)
HERE = Ranks(torch.device("cpu"))


def test_the_pool_depends_on_the_clips_drawn_not_on_the_workers() -> None:
    straight = MoviePool(SETTINGS, 0, 2, HERE)
    jumped = MoviePool(SETTINGS, 0, 0, HERE)
    try:
        for drawn in (0, 3, 4, 8, 20):
            straight.advance(drawn)
        jumped.advance(20)
        assert torch.equal(straight.labels, jumped.labels)
        assert torch.equal(straight.images, jumped.images)
        for ours, theirs in zip(straight.tracks, jumped.tracks, strict=True):
            assert (ours.area == theirs.area).all()
        before = straight.labels.clone()
        straight.advance(24)  # one of two is replaced
        changed = (straight.labels != before).flatten(1).any(1)
        assert changed.sum() == 1
    finally:
        straight.close()
        jumped.close()


def test_tables_are_of_the_movie_in_the_slot(pool: MoviePool) -> None:
    for slot, table in enumerate(pool.tracks):
        labels = pool.labels[slot].numpy()
        for row, object_id in enumerate(table.ids):
            counted = (labels == object_id).sum((1, 2))
            assert (counted == table.area[row]).all()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into Linux's /proc")
def test_workers_end_with_the_run(tmp_path: Path) -> None:
    code = (
        "import time, torch\n"
        "from napari_sam_i2v.training.movies import MovieSettings\n"
        "from napari_sam_i2v.training.pool import MoviePool\n"
        "from napari_sam_i2v.training.ranks import Ranks\n"
        "if __name__ == '__main__':\n"
        "    settings = MovieSettings(frames=2, size=64, pool=1)\n"
        "    pool = MoviePool(settings, 0, 1, Ranks(torch.device('cpu')))\n"
        "    pool.advance(0)\n"
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
