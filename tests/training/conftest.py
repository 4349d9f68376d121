"""A pool of small simulated movies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from napari_sam_i2v.training.movies import MovieSettings
from napari_sam_i2v.training.pool import MoviePool
from napari_sam_i2v.training.ranks import Ranks

SMALL = MovieSettings(frames=6, size=96, pool=3, draws=4)


@pytest.fixture(scope="package")
def pool() -> Iterator[MoviePool]:
    """Three movies of six frames."""
    pool = MoviePool(SMALL, 0, 0, Ranks(torch.device("cpu")))
    pool.advance(0)
    yield pool
    pool.close()
