"""Of each cell the largest piece is labelled."""

from __future__ import annotations

import numpy as np

from napari_sam_i2v.simulation.tracks import _keep_largest_pieces


def test_what_a_neighbour_has_cut_off_is_unlabelled() -> None:
    labels = np.zeros((20, 20), np.uint16)
    labels[5:9, 1:19] = 3
    labels[2:12, 6:9] = 7
    labels[15:18, 15:18] = 7
    kept = labels.copy()
    _keep_largest_pieces(kept)
    expected = labels.copy()
    expected[5:9, 1:6] = 0
    expected[15:18, 15:18] = 0
    np.testing.assert_array_equal(kept, expected)


def test_corners_that_touch_are_two_pieces() -> None:
    labels = np.zeros((6, 6), np.uint16)
    labels[:3, :3] = labels[3:5, 3:5] = 1
    _keep_largest_pieces(labels)
    assert labels[:3, :3].all() and not labels[3:, 3:].any()


def test_empty_and_full_frames_stay_as_they_are() -> None:
    for value in (0, 5):
        labels = np.full((8, 8), value, np.uint16)
        _keep_largest_pieces(labels)
        assert (labels == value).all()
