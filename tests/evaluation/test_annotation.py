"""An annotator prompts and corrects a session; the engine paints around clicks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fakes import ThresholdPredictor
from napari_sam_i2v.evaluation.annotation import (
    correct_worst_frames,
    prompt_first_frame,
    worst_frames,
)
from napari_sam_i2v.evaluation.scores import Scores, prompted_frames, score_masklets
from napari_sam_i2v.masklets import ObjectMask, crop_positive
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.progress import run_through
from napari_sam_i2v.video import open_video

SHAPE = (40, 60)
BRUSH = 4


class Painter(ThresholdPredictor):
    """Paints discs at positive clicks, rubs out at negative ones, then stands still."""

    def segment(self, frame, object_id, prompts):
        known = self.memories.setdefault(object_id, {})
        mask = known.get(frame, self._before(known, frame))
        for prompt in prompts:
            mask = mask.copy()
            if isinstance(prompt, MaskPrompt):
                (top, left), (height, width) = prompt.offset, prompt.mask.shape
                mask[top : top + height, left : left + width] = prompt.mask
            else:
                y, x = np.indices(SHAPE)
                near = np.hypot(y - prompt.yx[0], x - prompt.yx[1]) <= BRUSH
                mask[near] = prompt.positive
        known[frame] = mask
        return self._painted(frame, object_id, mask)

    def track(self, frame, object_ids, *, reverse=False):
        return {
            i: self._painted(frame, i, self._before(self.memories[i], frame))
            for i in object_ids
        }

    def _before(self, known, frame):
        earlier = [t for t in known if t < frame]
        return known[max(earlier)] if earlier else np.zeros(SHAPE, bool)

    def _painted(self, frame, object_id, mask):
        offset, crop = crop_positive(mask.astype(np.float32))
        return ObjectMask(
            frame=frame,
            object_id=object_id,
            offset=offset,
            logits=crop,
            predicted_iou=1.0,
            object_score=1.0,
        )


def rods(n_frames: int = 6) -> np.ndarray:
    """A rod that stands still; one that jumps by its width in frame 3."""
    labels = np.zeros((n_frames, *SHAPE), np.uint16)
    labels[:, 4:11, 5:30] = 2
    labels[:3, 24:31, 5:12] = 5
    labels[3:, 24:31, 12:19] = 5
    return labels


def session() -> TrackingSession:
    video = open_video(rods(), axes="TYX")
    return TrackingSession(video, Painter(video))


def followed(kind) -> tuple[TrackingSession, Scores]:
    opened = session()
    prompt_first_frame(opened, rods(), kind)
    run_through(opened.propagate(), 6)
    return opened, scores_of(opened)


def scores_of(opened: TrackingSession) -> Scores:
    return score_masklets(
        opened.masklets.labels, rods(), prompted=prompted_frames(opened.prompts())
    )


def test_a_label_is_its_own_answer() -> None:
    assert prompt_first_frame(session(), rods(), "label") == 1


def test_more_clicks_show_more_of_a_rod() -> None:
    opened = session()
    one = prompt_first_frame(session(), rods(), "click")
    three = prompt_first_frame(opened, rods(), "clicks")
    assert 0.3 < one < three < 1
    clicks = [p for p in opened.prompts() if p.object_id == 2]
    assert len(clicks) == 3
    places = sorted(prompt.yx[1] for prompt in clicks)  # along the rod
    assert min(np.diff(places)) > BRUSH
    for prompt in opened.prompts():
        assert isinstance(prompt, PointPrompt)
        y, x = (int(place) for place in prompt.yx)
        assert prompt.positive == (rods()[0, y, x] == prompt.object_id)


def test_the_answer_to_a_click_is_measured() -> None:
    opened = session()
    only = np.where(rods() == 2, rods(), 0)
    measured = prompt_first_frame(opened, only, "click")
    (click,) = opened.prompts()
    assert isinstance(click, PointPrompt)
    y, x = np.indices(SHAPE)
    disc = np.hypot(y - click.yx[0], x - click.yx[1]) <= BRUSH
    truth = only[0] == 2
    assert measured == pytest.approx((disc & truth).sum() / (disc | truth).sum())


def test_what_was_followed_worst_is_clicked_and_followed_again() -> None:
    opened, before = followed("label")
    assert before.per_object()["j"].loc[2] == 1
    assert before.per_object()["j"].loc[5] == pytest.approx(2 / 5)
    correction = correct_worst_frames(
        opened, before.pairs, rods(), stop=6, follow=run_through
    )
    assert (correction.n_clicks, correction.n_object_frames) == (1, 3)
    assert correction.before == 0
    assert correction.after > 0.2
    (click,) = (p for p in opened.prompts() if p.frame != 0)
    assert (click.frame, click.object_id, click.positive) == (3, 5, True)

    after = scores_of(opened)
    kept = before.restricted_to(after)
    assert len(kept.pairs) == len(after.pairs) == len(before.pairs) - 1
    assert after.j > kept.j
    early = [scores.pairs.query("frame < 3") for scores in (before, after)]
    pd.testing.assert_frame_equal(*early)


def test_what_is_good_enough_is_left_alone() -> None:
    opened, scores = followed("label")
    good = scores.pairs[scores.pairs["object_id"] == 2]
    log = list(opened.log)
    correction = correct_worst_frames(opened, good, rods(), stop=6, follow=run_through)
    assert (correction.n_clicks, correction.n_object_frames) == (0, 0)
    assert np.isnan([correction.before, correction.after]).all()
    assert list(opened.log) == log


def test_the_first_of_the_worst_frames_is_chosen() -> None:
    nan = float("nan")
    rows = [
        *[(4, 1, True, 0.0), (2, 1, True, 0.0), (1, 1, True, 0.8)],
        *[(1, 9, True, 0.95), (2, 9, True, 0.91)],
        *[(1, 3, False, nan), (2, 3, True, 0.3), (4, 3, True, 0.5)],
        *[(3, 6, True, 0.89), (4, 6, False, nan)],
    ]
    pairs = pd.DataFrame(rows, columns=["frame", "object_id", "present", "j"])
    pairs = pairs.sort_values(["frame", "object_id"]).reset_index(drop=True)
    found = worst_frames(pairs)
    assert found == {2: [1, 3], 3: [6]}
    assert list(found) == [2, 3]
    assert worst_frames(pairs[:0]) == {}
