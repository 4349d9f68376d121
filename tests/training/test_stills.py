"""Stills that are trained on, and evaluation movies, which never are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from conftest import ROOT
from napari_sam_i2v.config import read_yaml

CONFIGS = ROOT / "configs" / "train"
SIDE = 8


def pieces(image: np.ndarray) -> np.ndarray:
    """Every row of eight bytes in an image, as one number each."""
    rows = np.lib.stride_tricks.sliding_window_view(image, SIDE, axis=1)
    return np.ascontiguousarray(rows).view(np.uint64)[..., 0]


def shows(still: np.ndarray, movie: np.ndarray) -> bool:
    """Whether a still has the middle of a frame of a movie in it, pixel by pixel."""
    y, x = (length // 2 for length in movie.shape[1:])
    patches = movie[:, y : y + SIDE, x : x + SIDE]
    found = pieces(still)[: -SIDE + 1]
    for patch in patches:
        for row, column in np.argwhere(found == pieces(patch)[0, 0]):
            if (still[row : row + SIDE, column : column + SIDE] == patch).all():
                return True
    return False


@pytest.mark.slow
def test_no_still_that_is_trained_on_is_a_frame_of_the_movie(data_folder: Path) -> None:
    movie = tifffile.imread(data_folder / "phc_t98g" / "images.tif")
    stills = sorted((data_folder / "stills" / "usiigaci_phc" / "images").glob("*.tif"))
    taken = [path.stem for path in stills if shows(tifffile.imread(path), movie)]
    recipe = read_yaml(CONFIGS / "sam-i2v-cell.yaml")
    sources = recipe["movies"]["sources"]
    [theirs] = [s for s in sources if "usiigaci_phc" in str(s.get("stills"))]
    assert taken
    assert set(taken) <= set(theirs["excluded"])
