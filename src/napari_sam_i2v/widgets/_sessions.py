"""Sessions in folders, and the layers of a viewer that show them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_sam_i2v.annotator.names import SESSION_KEY
from napari_sam_i2v.contributions.session_layers import movie_layers
from napari_sam_i2v.io.readers import layer_path
from napari_sam_i2v.io.session_folder import read_session

if TYPE_CHECKING:
    import napari


def movie_of(viewer: napari.Viewer, folder: Path, chosen: Image | None) -> Image | None:
    """Find the movie of a session in a viewer, or open it there.

    Parameters
    ----------
    viewer
        The viewer.
    folder
        The session.
    chosen
        The movie that is chosen now, which comes first where several would do.

    Returns
    -------
    napari.layers.Image or None
        ``None`` where none is known to be it.
    """
    path = read_session(folder).record.movie.path
    images = [layer for layer in viewer.layers if isinstance(layer, Image)]
    here = [one for one in images if _is_of(one, folder, path)]
    if not here and (path or not images):
        # The session shows the rest itself.
        here = [Image(data, **about) for data, about, _ in movie_layers(folder)]
        viewer.layers.extend(here)
    return chosen if chosen in here else next(iter(here), None)


def goes_on_with(image: Image, folder: Path) -> bool:
    """Whether an image is going to be annotated in a session when it is started."""
    return image.metadata.get(SESSION_KEY) == str(folder.resolve())


def hide_shown(viewer: napari.Viewer, folder: str) -> None:
    """Hide what was read of a session, which is shown otherwise from now on.

    It is not removed, as it may have been changed since.
    """
    for layer in viewer.layers:
        mine = layer.metadata.get(SESSION_KEY) == folder
        if mine and not isinstance(layer, Image):
            layer.visible = False


def _is_of(image: Any, folder: Path, path: str | None) -> bool:
    shown = layer_path(image)
    same = path is not None and shown is not None and shown.resolve() == Path(path)
    return same or goes_on_with(image, folder)
