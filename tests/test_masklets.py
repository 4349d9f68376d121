"""Masks of objects, and the labels they make."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam_i2v.masklets import Masklets, ObjectMask, crop_positive, settle

SHAPE = (3, 6, 8)


class Source:
    """Masks in memory."""

    revision = 0

    def __init__(self, *masks: ObjectMask) -> None:
        self.masks = masks
        self.approved: set[int] = set()

    @property
    def object_ids(self) -> list[int]:
        return sorted({mask.object_id for mask in self.masks})

    def masks_on(self, frame: int) -> dict[int, ObjectMask]:
        return {mask.object_id: mask for mask in self.masks if mask.frame == frame}

    def approved_on(self, frame: int) -> set[int]:
        return self.approved


def mask(
    object_id: int,
    *,
    frame: int = 0,
    offset: tuple[int, int] = (1, 1),
    size: tuple[int, int] = (2, 3),
    logit: float = 1.0,
) -> ObjectMask:
    return ObjectMask(
        frame=frame,
        object_id=object_id,
        offset=offset,
        logits=np.full(size, logit, np.float16),
        predicted_iou=0.5,
        object_score=2.0,
    )


@pytest.fixture
def masklets() -> Masklets:
    return Masklets(
        Source(
            mask(1),
            mask(2, offset=(2, 2), logit=3),
            mask(1, frame=2, offset=(4, 5)),
            mask(2, frame=2, size=(0, 0)),
        ),
        SHAPE,
    )


@pytest.mark.parametrize("ids", [(1, 2), (2, 1)])
def test_the_higher_logit_wins_whatever_the_order(ids: tuple[int, int]) -> None:
    masks = {1: mask(1, logit=2), 2: mask(2, offset=(1, 2), logit=1)}
    labels = settle([masks[i] for i in ids], SHAPE[1:])
    np.testing.assert_array_equal(labels[1, 1:6], [1, 1, 1, 2, 0])


def test_equal_logits_go_to_the_lower_id() -> None:
    labels = settle([mask(7), mask(3)], SHAPE[1:])
    assert set(np.unique(labels)) == {0, 3}


@pytest.mark.parametrize("highest", [65535, 65536, 2**32 - 1])
def test_labels_are_as_wide_as_the_ids_need(highest: int) -> None:
    labels = Masklets(Source(mask(highest)), SHAPE).labels
    assert labels.dtype == (np.uint16 if highest < 2**16 else np.uint32)
    assert labels[0].max() == highest


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        np.int64(2),
        slice(None),
        slice(1, None),
        slice(None, None, -1),
        slice(5, 9),
        (0, 2),
        (0, slice(1, 4), 3),
        (slice(None), 2, slice(None)),
        (slice(0, 2), slice(1, 3), slice(2, 7, 2)),
        Ellipsis,
        (Ellipsis, 4),
        (1, Ellipsis),
        (slice(None), None),
        ([0, 2],),
        (slice(None), [1, 2], [3, 4]),
        (),
    ],
    ids=str,
)
def test_labels_are_indexed_as_an_array_is(masklets: Masklets, key) -> None:
    whole = np.asarray(masklets.labels)
    np.testing.assert_array_equal(masklets.labels[key], whole[key])


@pytest.mark.parametrize("key", [3, (0, 6), (0, 0, 8), (0, 0, 0, 0)], ids=str)
def test_labels_end_where_the_movie_does(masklets: Masklets, key) -> None:
    with pytest.raises(IndexError):
        masklets.labels[key]


def test_labels_are_like_an_array(masklets: Masklets) -> None:
    labels = masklets.labels
    assert (labels.shape, labels.ndim, labels.size, len(labels)) == (SHAPE, 3, 144, 3)
    assert labels.nbytes == np.asarray(labels).nbytes
    assert np.asarray(labels, np.int64).dtype == np.int64
    np.testing.assert_array_equal(np.stack(list(labels)), np.asarray(labels))


def test_scores_have_a_row_for_every_visit(masklets: Masklets) -> None:
    scores = masklets.scores
    assert list(scores) == [
        *("frame", "object_id", "area", "y", "x", "predicted_iou", "object_score")
    ]
    assert scores[["frame", "object_id"]].to_numpy().tolist() == [
        *([0, 1], [0, 2], [2, 1], [2, 2])
    ]
    assert scores["area"].tolist() == [4, 6, 6, 0]
    assert scores["y"].tolist()[1:3] == [2.5, 4.5]
    assert scores["x"].tolist()[1:3] == [3, 6]
    assert scores.iloc[3][["y", "x"]].isna().all()


def test_areas_are_those_of_the_labels(masklets: Masklets) -> None:
    for row in masklets.scores.itertuples():
        shown = np.count_nonzero(masklets.labels[row.frame] == row.object_id)
        assert row.area == shown


def test_frames_that_are_not_shown_are_empty(masklets: Masklets) -> None:
    some = Masklets(Source(mask(1), mask(1, frame=2)), SHAPE, range(1, 3))
    assert not some.labels[0].any()
    assert some.labels[2].any()
    assert some.frame(0).masks == {}
    assert some.scores["frame"].tolist() == [2]


def test_cropping_keeps_what_is_positive() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(9, 11))
    image[:3] = image[:, 8:] = -1
    (top, left), crop = crop_positive(image)
    again = np.full(image.shape, -1.0)
    again[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    np.testing.assert_array_equal(again > 0, image > 0)
    assert crop_positive(np.full((3, 3), -1.0))[1].size == 0


def test_what_is_approved_wins_overlaps() -> None:
    source = Source(mask(1, logit=1), mask(2, offset=(2, 2), logit=3))
    labels = Masklets(source, SHAPE).labels
    before = labels[0]
    assert np.count_nonzero(before == 1) < 6
    source.approved = {1}
    assert np.count_nonzero(labels[0] == 1) == 6
    source.approved = {1, 2}
    np.testing.assert_array_equal(labels[0], before)
