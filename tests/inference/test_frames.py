"""Frames and their features follow the contrast."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines import cells, click, engine, full, prompt, track
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.video import open_video

CPU = torch.device("cpu")
DARK = (500.0, 9000.0)


def test_frames_are_cut_again_in_another_contrast() -> None:
    video = open_video(cells())
    frames = FrameStore(video, 5, 64, CPU)
    before = [frames.native(3).clone(), frames.whole(3).clone()]
    assert not frames.is_blank("native", 3)
    frames.read_ahead("native", 4)
    video.recontrast(DARK, 0.5)
    after = [frames.native(3), frames.whole(3)]
    for then, now in zip(before, after, strict=True):
        assert not torch.equal(then, now)
    np.testing.assert_array_equal(frames.native(4)[0].numpy(), video.image(4))
    # Above all pixels there is nothing to see.
    video.recontrast((60000, 65000))
    assert frames.is_blank("native", 3)


@pytest.mark.parametrize("views", ["frame", "objects"])
def test_an_engine_sees_the_contrast_in_use(views: str) -> None:
    changed, opened = engine(views=views), engine(views=views)
    opened.video.recontrast(DARK, 0.5)
    prompt(changed, click())
    track(changed, range(1, 4))
    changed.video.recontrast(DARK, 0.5)
    changed.forget(1)
    for each in (changed, opened):
        prompt(each, click())
    ours, theirs = track(changed, range(1, 4)), track(opened, range(1, 4))
    for key in ours:
        np.testing.assert_array_equal(full(ours[key]), full(theirs[key]))
        assert ours[key].predicted_iou == pytest.approx(theirs[key].predicted_iou)
