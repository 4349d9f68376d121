"""The simulated movies open in napari, with prompts that fit them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

PLUGIN = "napari-sam-i2v"
KEYS = ("simulated_nuclei", "simulated_phase", "simulated_yeast")


@pytest.mark.parametrize("key", KEYS)
def test_a_movie_comes_with_prompts_to_try(viewer: ViewerModel, key: str) -> None:
    viewer.open_sample(PLUGIN, key)
    movie, truth, first, clicks = viewer.layers
    assert movie.data.shape == truth.data.shape == first.data.shape
    assert min(movie.data.shape[1:]) >= 256
    assert all(np.any(frame) for frame in truth.data)
    np.testing.assert_array_equal(first.data[0], truth.data[0])
    assert not first.data[1:].any()
    assert (truth.visible, first.visible) == (False, True)

    places = clicks.data.astype(int)
    assert len(places) >= 3
    ids = clicks.features["object_id"].tolist()
    assert truth.data[tuple(places.T)].tolist() == ids
    assert len(set(ids)) == len(ids)
    assert clicks.features["positive"].all()


def test_a_movie_is_the_same_every_time(plugins: Any) -> None:
    one, other = (ViewerModel() for _ in range(2))
    for viewer in (one, other):
        viewer.open_sample(PLUGIN, KEYS[0])
    np.testing.assert_array_equal(one.layers[0].data, other.layers[0].data)


@pytest.mark.qt
def test_the_viewer_shows_a_sample(make_napari_viewer: Callable[[], Any]) -> None:
    viewer = make_napari_viewer()
    viewer.open_sample(PLUGIN, KEYS[0])
    assert len(viewer.layers) == 4
