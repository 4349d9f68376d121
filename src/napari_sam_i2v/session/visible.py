"""The stored masks that count, as the document says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.session.document import Document, State
from napari_sam_i2v.session.store import MaskStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Where masks that count are: arrays with a value for each, by object and frame.

    Attributes
    ----------
    object_ids, frames
        Where they are.
    filled
        Whether the mask has pixels; without, the object is absent.
    predicted_iou
        The network's estimate, 0 to 1.
    """

    object_ids: NDArray[np.int64]
    frames: NDArray[np.int64]
    filled: NDArray[np.bool_]
    predicted_iou: NDArray[np.float64]


class VisibleMasks:
    """A view of a store at the end of a document; it follows both.

    Parameters
    ----------
    store
        Masks of all versions.
    document
        Says which versions count.
    """

    def __init__(self, store: MaskStore, document: Document) -> None:
        self._store = store
        self._document = document

    @property
    def object_ids(self) -> list[int]:
        """Ids of the objects, sorted."""
        return self._document.state.object_ids

    @property
    def revision(self) -> object:
        """A value that differs whenever the masks may."""
        return self._document.log

    def places(
        self, object_id: int | None = None, state: State | None = None
    ) -> Places:
        """Tell where masks are, without reading them.

        Parameters
        ----------
        object_id
            Whose; by default all.
        state
            An earlier state of the document, to see what counted then.
        """
        state = self._document.state if state is None else state
        rows = self._store.places(object_id)
        flat = np.fromiter(chain.from_iterable(rows), np.float64, 4 * len(rows))
        object_ids, frames, versions, scores = flat.reshape(-1, 4).T
        counts = state.are_visible(object_ids, frames, versions.astype(np.int64))
        object_ids, frames, scores = (c[counts] for c in (object_ids, frames, scores))
        # Versions ascend: the last of an object's masks on a frame is the one to show.
        last = np.ones(len(frames), bool)
        last[:-1] = (frames[1:] != frames[:-1]) | (object_ids[1:] != object_ids[:-1])
        return Places(
            object_ids=object_ids[last].astype(np.int64),
            frames=frames[last].astype(np.int64),
            filled=scores[last] >= 0,
            predicted_iou=np.where(scores[last] < 0, -1 - scores[last], scores[last]),
        )

    def frames_of(self, object_id: int, state: State | None = None) -> list[int]:
        """List the frames on which an object has a mask with pixels, sorted."""
        places = self.places(object_id, state)
        frames: list[int] = places.frames[places.filled].tolist()
        return frames

    def masks_on(self, frame: int) -> dict[int, ObjectMask]:
        """Masks of a frame by object id, sorted."""
        versions: dict[int, list[int]] = {}
        for object_id, version in self._store.versions(frame):
            versions.setdefault(object_id, []).append(version)
        state = self._document.state
        masks = {}
        for object_id, known in versions.items():
            newest = max(_counting(state, object_id, frame, known), default=None)
            if newest is not None:
                masks[object_id] = self._store.read(frame, object_id, newest)
        return masks

    def approved_on(self, frame: int) -> set[int]:
        """Ids of the objects whose masks on a frame a person vouched for."""
        # A copy, because a worker may add to what a viewer asks about.
        approved = list(self._document.state.approved.items())
        return {object_id for object_id, frames in approved if frame in frames}

    def mask(
        self, object_id: int, frame: int, state: State | None = None
    ) -> ObjectMask | None:
        """Return one mask, where there is one.

        Parameters
        ----------
        object_id
            Id of the object.
        frame
            Frame number.
        state
            An earlier state of the document, to see what counted then.
        """
        version = self.version(object_id, frame, state)
        if version is None:
            return None
        return self._store.read(frame, object_id, version)

    def read(self, object_id: int, frame: int, version: int) -> ObjectMask:
        """Read the mask of one of `versions`."""
        return self._store.read(frame, object_id, version)

    def version(
        self, object_id: int, frame: int, state: State | None = None
    ) -> int | None:
        """Return the version under which a mask that counts is stored."""
        return max(self.versions(object_id, frame, state), default=None)

    def versions(
        self, object_id: int, frame: int, state: State | None = None
    ) -> list[int]:
        """List the versions of all masks on a frame that nothing has taken back."""
        known = self._store.versions_of(frame, object_id)
        state = self._document.state if state is None else state
        return list(_counting(state, object_id, frame, known))


def _counting(
    state: State, object_id: int, frame: int, versions: Iterable[int]
) -> Iterable[int]:
    return (v for v in versions if state.is_visible(object_id, frame, v))
