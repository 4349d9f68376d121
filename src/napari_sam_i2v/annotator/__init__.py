"""A movie in napari, annotated: layers and a session kept in step, without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    import napari

    from napari_sam_i2v.annotator.annotator import Annotator

_OPEN: WeakSet[Annotator] = WeakSet()


def of(viewer: napari.Viewer) -> Annotator | None:
    """Return the annotator that was started last in a viewer."""
    found = [one for one in _OPEN if one.viewer is viewer and one.is_open]
    return max(found, key=lambda one: one.started, default=None)


def enrol(annotator: Annotator) -> None:
    """Have an annotator be found by `of` while it is open."""
    _OPEN.add(annotator)
