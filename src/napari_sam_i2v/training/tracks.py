"""Where the cells of a training movie are, measured once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_sam_i2v.views import object_diameter


@dataclass(frozen=True)
class Tracks:
    """K cells over T frames.

    Attributes
    ----------
    ids
        Their labels, ``(K,)``.
    area
        In pixels, 0 where a cell is not there, ``(K, T)``.
    centre
        Centroids, ``yx``, NaN where a cell is not there, ``(K, T, 2)``.
    diameter
        See :func:`views.object_diameter`, ``(K, T)``.
    whole
        Whether a cell is there and keeps off the border of the frame, ``(K, T)``.
    """

    ids: NDArray[np.int64]
    area: NDArray[np.int64]
    centre: NDArray[np.float32]
    diameter: NDArray[np.float32]
    whole: NDArray[np.bool_]

    @property
    def frames(self) -> int:
        """Length of the movie."""
        return self.area.shape[1]


def measure_tracks(labels: NDArray[np.integer]) -> Tracks:
    """Measure the cells of label frames, ``(T, H, W)``."""
    ids = np.unique(labels)
    ids = ids[ids > 0].astype(np.int64)
    shape = (len(ids), len(labels))
    area = np.zeros(shape, np.int64)
    centre = np.full((*shape, 2), np.nan, np.float32)
    diameter = np.zeros(shape, np.float32)
    whole = np.zeros(shape, bool)
    for frame, image in enumerate(labels):
        boxes = ndimage.find_objects(image)
        for row, object_id in enumerate(ids):
            box = boxes[object_id - 1] if object_id <= len(boxes) else None
            if box is None:
                continue
            y, x = np.nonzero(image[box] == object_id)
            area[row, frame] = y.size
            corner = box[0].start, box[1].start
            centre[row, frame] = y.mean() + corner[0], x.mean() + corner[1]
            height, width = (side.stop - side.start for side in box)
            diameter[row, frame] = object_diameter(y.size, height, width)
            ends = zip(box, image.shape, strict=True)
            whole[row, frame] = all(0 < s.start and s.stop < n for s, n in ends)
    return Tracks(ids, area, centre, diameter, whole)
