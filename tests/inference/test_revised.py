"""The engine goes on with objects that were merged, split or ended."""

from __future__ import annotations

import numpy as np
import pytest

from engines import disc, engine
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.replay import replay

EDITS = {
    "merge": lambda s: s.merge(1, 2),
    "split": lambda s: s.split(2, 3, 5),
    "end": lambda s: s.end(2, 3),
    "replace": lambda s: s.replace([disc(0, 1, (12.0, 30.0))]),
    "undone": lambda s: (s.merge(1, 2), s.split(1, 4, 3), s.undo(), s.undo()),
}


def session(views: str) -> TrackingSession:
    predictor = engine(views=views)
    return TrackingSession(predictor.video, predictor)


def edited(views: str, name: str) -> TrackingSession:
    new = session(views)
    new.add_all([disc(0, 1), disc(1, 2, (14.0, 40.0))])
    for _ in new.propagate(0, 6):
        pass
    new.approve(2, [2])
    EDITS[name](new)
    return new


@pytest.mark.parametrize("views", ["frame", "objects"])
@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("start", [0, 6])
def test_tracking_goes_on_and_can_be_replayed(views: str, name: str, start) -> None:
    worked = edited(views, name)
    kept = {i: worked.approved_frames(i) for i in worked.object_ids}
    before = {
        (i, t): worked.masklets.frame(t).masks[i].mask for i in kept for t in kept[i]
    }
    for _ in worked.propagate(start):
        pass
    for (object_id, t), mask in before.items():
        now = worked.masklets.frame(t).masks[object_id].mask
        np.testing.assert_array_equal(now, mask)
    tracked = worked.masklets.scores.query("frame == 9")
    there = [one.object_id for one in worked.summary() if one.ended is None]
    assert sorted(tracked["object_id"]) == there
    again = session(views)
    replay(again, worked.log)
    labels = np.asarray(again.masklets.labels)
    np.testing.assert_array_equal(labels, np.asarray(worked.masklets.labels))
