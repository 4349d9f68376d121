"""Opening the tracking widget from a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.widgets.track import TrackWidget

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Labels, Points, Shapes

    from napari_sam_i2v.annotator.annotator import Annotator


def annotate(
    viewer: napari.Viewer,
    image: Image | None = None,
    *,
    prompts: Labels | Points | Shapes | None = None,
    **options: Any,
) -> Annotator:
    """Open ``Segment & track`` in a viewer and start it, as its button does.

    Parameters
    ----------
    viewer
        The viewer.
    image
        The movie; by default the viewer's first Image layer.
    prompts
        Cells to begin with: all labels of the frame shown, or points, or boxes.
    **options
        Fields of `napari_sam_i2v.annotator.status.Options`, such as ``model`` and
        ``device``.

    Returns
    -------
    Annotator
        Has a method for everything the widget does. All work is in a worker: calls
        return at once and are done in order.

    Raises
    ------
    InputError
        There is no movie, or an option that is not known.
    """
    widget = _find_widget(viewer)
    if widget is None:
        widget = TrackWidget(viewer)
        viewer.window.add_dock_widget(widget, name="Segment & track", area="right")
    if image is not None:
        if image not in viewer.layers:
            raise InputError(f"the layer {image.name!r} is not in this viewer")
        widget.movie.choose(image)
    return widget.start(prompts=prompts, **options)


def _find_widget(viewer: napari.Viewer) -> TrackWidget | None:
    """Find the tracking widget that is docked in a viewer, if there is one.

    Of several it is the one that was started last.
    """
    docked = viewer.window.dock_widgets.values()
    return max(
        (each for each in docked if isinstance(each, TrackWidget)),
        key=lambda each: 0.0 if each.annotator is None else each.annotator.started,
        default=None,
    )
