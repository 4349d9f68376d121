"""The sample movies open in napari, with their truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_sam_i2v.samples import simulated_nuclei


def test_simulated_nuclei_come_with_their_truth() -> None:
    (movie, _, image_kind), (truth, _, labels_kind) = simulated_nuclei()
    assert (image_kind, labels_kind) == ("image", "labels")
    assert movie.shape == truth.shape
    assert all(np.any(frame) for frame in truth)


@pytest.mark.qt
def test_napari_opens_the_sample(make_napari_viewer: Callable[[], Any]) -> None:
    viewer = make_napari_viewer()
    viewer.open_sample("napari-sam-i2v", "simulated_nuclei")
    assert [layer.name for layer in viewer.layers] == [
        "simulated nuclei",
        "true nuclei",
    ]
