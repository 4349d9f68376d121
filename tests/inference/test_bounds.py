"""What the engine keeps does not grow with the movie."""

from __future__ import annotations

import numpy as np
import pytest

from engines import cells, click, disc, engine, prompt, track
from napari_sam_i2v.inference.frames import FrameStore, Recent
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.video import VideoSource, open_video
from tiny import EXTRAS, tiny_model

REACH = 8  # the tiny members' global reach
VIEWS = pytest.mark.parametrize("views", ["frame", "objects"])


def kept(predictor: SamI2VPredictor) -> dict[str, int]:
    """Count everything that is as large as a feature map or a mask."""
    objects = predictor._follower.objects.values()
    encoder = predictor._viewing.encoder
    return {
        "tracked": max(len(known.bank.tracked) for known in objects),
        "conditioning": max(len(known.bank.conditioning) for known in objects),
        "logits": max(len(known.logits) for known in objects),
        "maps": max(len(maps) for maps in predictor._follower.likeness.maps.values()),
        "likenesses": len(predictor._follower.likeness.maps),
        "features": len(encoder._features._values),
        "taps": len(encoder._taps._values),
        "frames": len(predictor._frames._cut._values),
    }


@VIEWS
def test_memory_stays_bounded(views: str) -> None:
    predictor = engine(cells(60), tiny_model(EXTRAS), views=views)
    prompt(predictor, disc())
    prompt(predictor, click(0, 2))
    track(predictor, range(1, 30), (1, 2))
    halfway = kept(predictor)
    sizes = [len(predictor.snapshot())]
    track(predictor, range(30, 60), (1, 2))
    assert kept(predictor) == halfway or views == "objects"
    assert kept(predictor)["tracked"] == kept(predictor)["logits"] == REACH + 1
    assert kept(predictor)["maps"] == REACH + 1
    assert kept(predictor)["conditioning"] == 1
    assert kept(predictor)["features"] <= 64
    assert kept(predictor)["frames"] <= predictor.model.config.temporal.window + 3
    sizes.append(len(predictor.snapshot()))
    per_object_frame = (sizes[1] - sizes[0]) / (30 * 2)
    assert per_object_frame < 2000  # places only


@VIEWS
def test_memory_stays_bounded_backward(views: str) -> None:
    predictor = engine(cells(40), tiny_model(EXTRAS), views=views)
    prompt(predictor, disc(39))
    track(predictor, range(38, -1, -1), reverse=True)
    assert kept(predictor)["tracked"] == REACH + 1
    assert kept(predictor)["maps"] == REACH + 1


@VIEWS
def test_nothing_stays_of_forgotten_objects(views: str) -> None:
    predictor = engine(cells(20), tiny_model(EXTRAS), views=views)
    for object_id in range(1, 6):
        prompt(predictor, disc(0, object_id))
        track(predictor, range(1, 5), (object_id,))
        predictor.forget(object_id)
    assert not predictor._follower.objects
    assert set(predictor._follower.likeness.maps) <= {0}


def test_the_latest_are_kept() -> None:
    recent = Recent[int](3)
    for key in "abc":
        recent.put(key, ord(key))
    assert recent.get("a") == 97
    recent.put("d", 100)
    assert recent.get("b") is None
    assert recent.get("a") == 97
    recent.clear()
    assert recent.get("a") is None


class Counting:
    """A movie that notes which frames are read."""

    def __init__(self, movie: np.ndarray) -> None:
        self._video = open_video(movie)
        self.read: list[int] = []

    def __getattr__(self, name: str):
        return getattr(self._video, name)

    def image(self, frame: int) -> np.ndarray:
        self.read.append(frame)
        return self._video.image(frame)


@pytest.fixture
def counted() -> Counting:
    return Counting(cells(30))


@VIEWS
@pytest.mark.parametrize("reverse", [False, True])
def test_every_frame_is_read_once(counted: Counting, views: str, reverse: bool) -> None:
    predictor = engine(cells(30), tiny_model(EXTRAS), views=views)
    predictor.video = counted
    predictor._frames._video = counted
    start, frames = (29, range(28, -1, -1)) if reverse else (0, range(1, 30))
    prompt(predictor, disc(start))
    track(predictor, frames, reverse=reverse)
    predictor.close()
    assert sorted(counted.read) == list(range(30))


def test_frames_read_ahead_are_the_frames_asked_for(counted: Counting) -> None:
    video: VideoSource = counted  # type: ignore[assignment]
    plain, ahead = (FrameStore(video, 3, 128, engine().computing.device) for _ in "ab")
    for frame in (0, 5, 6, 4, 29):
        for kind in ("native", "whole"):
            ahead.read_ahead(kind, frame)
            ahead.read_ahead(kind, frame + 1)
            wanted = getattr(plain, kind)(frame)
            assert getattr(ahead, kind)(frame).equal(wanted)
    assert len(ahead._ahead) <= 6
    for frame in (-1, 30):
        ahead.read_ahead("native", frame)
    plain.close()
    ahead.close()


def test_a_frame_that_cannot_be_read_raises_when_it_is_wanted() -> None:
    class Torn(Counting):
        def image(self, frame: int) -> np.ndarray:
            if frame == 3:
                raise OSError("torn")
            return super().image(frame)

    predictor = engine()
    predictor._frames._video = Torn(cells())
    prompt(predictor, disc())
    track(predictor, range(1, 3))
    with pytest.raises(OSError, match="torn"):
        track(predictor, [3])
