"""What a user says about an object on a frame: points, a box or a mask.

Coordinates are ``yx`` in the pixels of the video; pixel centres are integers, so
``(0, 0)`` is the centre of the first pixel. Boxes include both corner pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_OBJECT_ID = 2**32 - 1


@dataclass(frozen=True, kw_only=True)
class PointPrompt:
    """A click.

    Attributes
    ----------
    frame
        Frame number, from 0.
    object_id
        The user's id for the object, 1 .. 2**32 - 1.
    yx
        Position in the video's pixel coordinates.
    positive
        ``True`` if the object is here, ``False`` if it is not.
    """

    frame: int
    object_id: int
    yx: tuple[float, float]
    positive: bool = True


@dataclass(frozen=True, kw_only=True)
class BoxPrompt:
    """A rectangle around an object.

    Attributes
    ----------
    frame
        Frame number, from 0.
    object_id
        The user's id for the object, 1 .. 2**32 - 1.
    yx_min
        Centre of the corner pixel with the smallest coordinates.
    yx_max
        Centre of the corner pixel with the largest coordinates, inside the box.
    """

    frame: int
    object_id: int
    yx_min: tuple[float, float]
    yx_max: tuple[float, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskPrompt:
    """A mask of an object, stored cropped.

    Attributes
    ----------
    frame
        Frame number, from 0.
    object_id
        The user's id for the object, 1 .. 2**32 - 1.
    mask
        Boolean crop of the frame, ``(h, w)``.
    offset
        ``yx`` of the crop's first pixel in the frame.
    """

    frame: int
    object_id: int
    mask: np.ndarray
    offset: tuple[int, int] = (0, 0)


Prompt = PointPrompt | BoxPrompt | MaskPrompt
