"""A threshold engine: three verbs, a memory that counts, no network."""

from __future__ import annotations

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_sam_i2v.masklets import Masklets, ObjectMask, crop_positive
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.session import TrackingSession
from scenes import Scene

ABSENT = -10.0


@dataclass
class Memory:
    """What is remembered of one object: the mean brightness of its masks.

    ``conditioning`` and ``tracked`` map frames to (brightness, number of entries known
    when it was made); the number goes into the object score, so that a test sees
    whether two engines remember the same.
    """

    conditioning: dict[int, float] = field(default_factory=dict)
    tracked: dict[int, float] = field(default_factory=dict)


class ThresholdPredictor:
    """Follows objects by their brightness.

    Parameters
    ----------
    video
        The movie.
    delay
        Seconds that tracking a frame takes.
    """

    checkpoint_sha256 = "0" * 64
    views_name = "frame"
    device_name = "cpu"

    def __init__(self, video, *, delay: float = 0.0) -> None:
        self.video = video
        self.delay = delay
        self.memories: dict[int, Memory] = {}
        self.calls: list[tuple] = []

    def segment(
        self, frame: int, object_id: int, prompts: Sequence[Prompt]
    ) -> ObjectMask:
        self.calls.append(("segment", frame, object_id))
        pixels = _plane(self.video.frame(frame))
        if isinstance(prompts[0], MaskPrompt):
            mask = np.zeros(pixels.shape, bool)
            (top, left), crop = prompts[0].offset, prompts[0].mask
            mask[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
        else:
            mask = pixels == pixels[self._inside(prompts)]
            mask &= pixels > 0
        for prompt in prompts[1:]:
            y, x = (round(each) for each in prompt.yx)
            mask[y, x] = prompt.positive
        memory = self.memories.setdefault(object_id, Memory())
        memory.tracked.pop(frame, None)
        brightness = float(np.median(pixels[mask])) if mask.any() else 0.0
        memory.conditioning[frame] = brightness
        return self._answer(frame, object_id, mask, score=10.0)

    def track(
        self, frame: int, object_ids: Sequence[int], *, reverse: bool = False
    ) -> dict[int, ObjectMask]:
        self.calls.append(("track", frame, tuple(object_ids), reverse))
        time.sleep(self.delay)
        pixels = _plane(self.video.frame(frame))
        answers = {}
        for object_id in object_ids:
            memory = self.memories[object_id]
            behind = [
                t for t in memory.tracked if (t > frame) == reverse and t != frame
            ]
            memory.conditioning.pop(frame, None)
            known = list(memory.conditioning.values())
            mask = np.isin(pixels, known) & (pixels > 0)
            memory.tracked[frame] = float(len(behind))
            score = len(behind) + len(known) / 100
            answers[object_id] = self._answer(frame, object_id, mask, score)
        return answers

    def forget(self, object_id: int, frame: int | None = None) -> None:
        self.calls.append(("forget", object_id, frame))
        if frame is None:
            self.memories.pop(object_id, None)
        elif object_id in self.memories:
            self.memories[object_id].conditioning.pop(frame, None)
            self.memories[object_id].tracked.pop(frame, None)

    def snapshot(self) -> bytes:
        return pickle.dumps(self.memories)

    def restore(self, data: bytes) -> None:
        self.memories = pickle.loads(data)

    def _inside(self, prompts: Sequence[Prompt]) -> tuple[int, int]:
        for prompt in prompts:
            match prompt:
                case PointPrompt(positive=True):
                    return round(prompt.yx[0]), round(prompt.yx[1])
                case BoxPrompt():
                    middle = np.add(prompt.yx_min, prompt.yx_max) / 2
                    return round(middle[0]), round(middle[1])
        return 0, 0

    def _answer(
        self, frame: int, object_id: int, mask: np.ndarray, score: float
    ) -> ObjectMask:
        logits = np.where(mask, np.float32(5 + object_id / 10), np.float32(-5))
        offset, crop = crop_positive(logits)
        return ObjectMask(
            frame=frame,
            object_id=object_id,
            offset=offset,
            logits=crop,
            # Surer of some frames than of others.
            predicted_iou=0.9 - 0.05 * ((5 * frame + 3 * object_id) % 9),
            object_score=score if mask.any() else ABSENT,
        )


def _plane(pixels: np.ndarray) -> np.ndarray:
    """Give the first channel of a frame."""
    return pixels if pixels.ndim == 2 else pixels[..., 0]


def build_threshold(name, video, **options):
    """Stand in for an engine's builder."""
    del name, options
    return ThresholdPredictor(video)


def tracked(scene: Scene) -> Masklets:
    """Follow all objects of a scene from masks."""
    session = TrackingSession(scene.video, ThresholdPredictor(scene.video))
    session.add_all(scene.first_masks)
    for _ in session.propagate():
        pass
    return session.masklets
