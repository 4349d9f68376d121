"""Tiny movies with known masks; every suite that a case concerns uses the same one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from napari_sam_i2v.masklets import crop_positive
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.video import VideoSource, open_video

SIZE = (24, 32)
BRIGHT = 1000
"""Brightness of object ``i`` is ``i * BRIGHT``: a threshold engine can tell them."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A movie in which object ``i`` has the brightness ``i * BRIGHT``.

    Attributes
    ----------
    name
        What happens.
    truth
        Labels ``(T, Y, X)``.
    first
        Object id to the frame of its first prompt.
    """

    name: str
    truth: np.ndarray
    first: dict[int, int] = field(default_factory=dict)

    @property
    def images(self) -> np.ndarray:
        return (self.truth * BRIGHT).astype(np.uint16)

    @property
    def video(self) -> VideoSource:
        return open_video(self.images, axes="TYX")

    @property
    def n_frames(self) -> int:
        return len(self.truth)

    @property
    def ids(self) -> list[int]:
        return sorted(self.first)

    def mask(self, object_id: int, frame: int) -> np.ndarray:
        return self.truth[frame] == object_id

    def mask_prompt(self, object_id: int, frame: int) -> MaskPrompt:
        offset, crop = crop_positive(self.mask(object_id, frame))
        return MaskPrompt(
            frame=frame, object_id=object_id, mask=crop > 0, offset=offset
        )

    def click(self, object_id: int, frame: int) -> PointPrompt:
        rows, columns = np.nonzero(self.mask(object_id, frame))
        middle = len(rows) // 2
        yx = float(rows[middle]), float(columns[middle])
        return PointPrompt(frame=frame, object_id=object_id, yx=yx)

    @property
    def first_masks(self) -> list[Prompt]:
        return [self.mask_prompt(i, frame) for i, frame in self.first.items()]

    @property
    def first_clicks(self) -> list[Prompt]:
        return [self.click(i, frame) for i, frame in self.first.items()]

    def label_image(self, frame: int = 0) -> np.ndarray:
        return self.truth[frame].astype(np.uint16)


def disc(centre: tuple[float, float], radius: float = 4) -> np.ndarray:
    y, x = np.indices(SIZE)
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def stack(*frames: dict[int, np.ndarray]) -> np.ndarray:
    truth = np.zeros((len(frames), *SIZE), np.int64)
    for labels, objects in zip(truth, frames, strict=True):
        for object_id, mask in objects.items():
            labels[mask] = object_id
    return truth


moving_disc = Scene(
    "moving_disc", stack(*[{1: disc((12, 6 + 2 * t))} for t in range(8)]), {1: 0}
)
two_crossing = Scene(
    "two_crossing",
    stack(
        *[
            {1: disc((10, 5 + 3 * t)), 2: disc((14, 26 - 3 * t), radius=3)}
            for t in range(8)
        ]
    ),
    {1: 0, 2: 0},
)
leaves_and_returns = Scene(
    "leaves_and_returns",
    stack(*[{} if 3 <= t < 5 else {1: disc((12, 8 + t))} for t in range(8)]),
    {1: 0},
)
divides = Scene(
    "divides",
    stack(
        *[
            {1: disc((12, 15), radius=5)}
            if t < 3
            else {2: disc((12, 9), radius=3), 3: disc((12, 21), radius=3)}
            for t in range(6)
        ]
    ),
    {1: 0, 2: 3, 3: 3},
)
touching = Scene(
    "touching",
    stack(*[{1: disc((12, 8 + t)), 2: disc((12, 17 + t))} for t in range(6)]),
    {1: 0, 2: 0},
)
late_arrival = Scene(
    "late_arrival",
    stack(
        *[
            {1: disc((6, 6 + t))} | ({2: disc((18, 20 - t))} if t >= 4 else {})
            for t in range(8)
        ]
    ),
    {1: 0, 2: 4},
)
high_ids = Scene(
    "high_ids",
    stack(
        *[
            {3: disc((7, 7 + t))} | ({5: disc((17, 20 - t), radius=3)} if t else {})
            for t in range(4)
        ]
    ),
    {3: 0, 5: 1},
)
single_frame = Scene("single_frame", stack({1: disc((12, 12))}), {1: 0})
empty = Scene("empty", stack(*[{} for _ in range(4)]))

SCENES = [
    moving_disc,
    two_crossing,
    leaves_and_returns,
    divides,
    touching,
    late_arrival,
    high_ids,
    single_frame,
]
"""Scenes with something to follow; ``empty`` has nothing."""
