"""What the training widget tells the tracking widgets of its viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sam_i2v.widgets.track import TrackWidget

if TYPE_CHECKING:
    import napari


def list_anew(viewer: napari.Viewer) -> None:
    """Have tracking widgets list the models there are now."""
    for widget in _trackers(viewer):
        widget.movie.list_models()


def use_model(viewer: napari.Viewer, name: str) -> None:
    """Have tracking widgets go on with a model."""
    for widget in _trackers(viewer):
        widget.use_model(name)


def _trackers(viewer: napari.Viewer) -> list[TrackWidget]:
    docked = viewer.window.dock_widgets.values()
    return [widget for widget in docked if isinstance(widget, TrackWidget)]
