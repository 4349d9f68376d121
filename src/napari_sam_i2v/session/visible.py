"""The stored masks that count, as the document says."""

from __future__ import annotations

from collections.abc import Iterable

from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.session.document import Document, State
from napari_sam_i2v.session.store import MaskStore


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

    def masks_on(self, frame: int) -> dict[int, ObjectMask]:
        """Masks of a frame by object id, sorted."""
        versions: dict[int, list[int]] = {}
        for object_id, version in self._store.versions(frame):
            versions.setdefault(object_id, []).append(version)
        state = self._document.state
        masks = {}
        for object_id, known in versions.items():
            newest = _newest(state, object_id, frame, known)
            if newest is not None:
                masks[object_id] = self._store.read(frame, object_id, newest)
        return masks

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

    def version(
        self, object_id: int, frame: int, state: State | None = None
    ) -> int | None:
        """Return the version under which a mask that counts is stored."""
        known = self._store.versions_of(frame, object_id)
        state = self._document.state if state is None else state
        return _newest(state, object_id, frame, known)


def _newest(
    state: State, object_id: int, frame: int, versions: Iterable[int]
) -> int | None:
    counting = (v for v in versions if state.is_visible(object_id, frame, v))
    return max(counting, default=None)
