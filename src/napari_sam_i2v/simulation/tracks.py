"""Labels and track ids of what comes into view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from napari_sam_i2v.simulation.cell import Cell
from napari_sam_i2v.simulation.scene import Scene
from napari_sam_i2v.simulation.settings import Track


class TrackRoll:
    """Gives ids to cells as they come into view, and remembers when they leave.

    Parameters
    ----------
    least_area
        Pixels below which a cell counts as out of view.
    """

    def __init__(self, least_area: float) -> None:
        self.least_area = least_area
        self._tracks: list[Track] = []
        self._in_view: list[Cell] = []
        self._shown: list[dict[int, float]] = []

    def label(self, scene: Scene, frame: int) -> NDArray[np.uint16]:
        """Labels of a frame; the cells in it get their track ids.

        Parameters
        ----------
        scene
            Geometry of the frame.
        frame
            Frame number; frames come in order.
        """
        visible = scene.depth > 0
        areas = np.bincount(scene.owner[visible], minlength=len(scene.patches))
        # The last entry is for pixels without an owner.
        ids = np.zeros(len(scene.patches) + 1, np.uint16)
        self._forget_all_but(scene)
        for index, patch in enumerate(scene.patches):
            cell = patch.cell
            # A cell must show more to come into view than to stay in it.
            least = self.least_area if cell.track_id else 2 * self.least_area
            if areas[index] < least:
                cell.track_id = 0
                continue
            if cell.track_id == 0:
                cell.track_id = self._begin(frame, cell.parent)
                cell.parent = 0
            ids[index] = cell.track_id
            self._extend(cell.track_id, frame)
        labels = np.where(visible, ids.take(scene.owner), 0).astype(np.uint16)
        if any(patch.cell.crawls for patch in scene.patches):
            _keep_largest_pieces(labels)
        self._note_visibility(scene, labels)
        return labels

    def _note_visibility(self, scene: Scene, labels: NDArray[np.uint16]) -> None:
        areas = np.bincount(labels.ravel(), minlength=len(self._tracks) + 1)
        self._shown.append(
            {
                patch.cell.track_id: areas[patch.cell.track_id]
                / np.count_nonzero(patch.depth > 0)
                for patch in scene.patches
                if patch.cell.track_id
            }
        )

    def visibility(self) -> NDArray[np.float32]:
        """Part of each cell that is seen, ``(frames so far, tracks so far)``."""
        table = np.zeros((len(self._shown), len(self._tracks)), np.float32)
        for row, shown in zip(table, self._shown, strict=True):
            for track_id, part in shown.items():
                row[track_id - 1] = part
        return table

    def _forget_all_but(self, scene: Scene) -> None:
        """Take the ids of cells that have left the scene altogether."""
        cells = [patch.cell for patch in scene.patches]
        here = {id(cell) for cell in cells}
        for cell in self._in_view:
            if id(cell) not in here:
                cell.track_id = 0
        self._in_view = cells

    def _begin(self, frame: int, parent: int) -> int:
        # A daughter that is seen only later is, to a viewer, a cell that came in.
        known = parent > 0 and self._tracks[parent - 1].end == frame - 1
        track_id = len(self._tracks) + 1
        self._tracks.append(
            Track(
                track_id=track_id,
                begin=frame,
                end=frame,
                parent=parent if known else 0,
            )
        )
        return track_id

    def _extend(self, track_id: int, frame: int) -> None:
        track = self._tracks[track_id - 1]
        self._tracks[track_id - 1] = Track(
            track_id=track_id, begin=track.begin, end=frame, parent=track.parent
        )

    def tracks(self) -> tuple[Track, ...]:
        """All tracks so far, in order of id."""
        return tuple(self._tracks)


def _keep_largest_pieces(labels: NDArray[np.uint16]) -> None:
    """Unlabel, in place, what neighbours have cut off from cells."""
    pieces = label(labels, background=0, connectivity=1)
    areas = np.bincount(pieces.ravel())
    owner = np.zeros(len(areas), np.int64)
    owner[pieces] = labels
    # Of each cell's pieces the largest comes first.
    order = np.lexsort((-areas, owner))
    first = np.diff(owner[order], prepend=-1) != 0
    dropped = np.zeros(len(areas), bool)
    dropped[order[~first]] = True
    labels[dropped.take(pieces)] = 0
