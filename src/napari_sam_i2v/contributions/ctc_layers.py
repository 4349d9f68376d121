"""A Cell Tracking Challenge folder as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_sam_i2v.contrast import robust_limits
from napari_sam_i2v.contributions.lazy import lazy_stack, whole_stack
from napari_sam_i2v.contributions.settings import plugin_settings
from napari_sam_i2v.io.ctc_folder import CtcFolder, FrameFiles

Layer = tuple[Any, dict[str, Any], str]
"""Data, settings and kind of a layer, as napari takes them."""

_CONTRAST_FRAMES = 5


def ctc_layers(folder: CtcFolder, *, name: str) -> list[Layer]:
    """Make layers of what a folder of the challenge holds.

    Parameters
    ----------
    folder
        The folder.
    name
        What to call the images.

    Returns
    -------
    list of tuple
        An image, a labels and a tracks layer, of those there are. The tracks run
        through the masks' centres, and have the parents of the track file.
    """
    layers = [] if folder.images is None else [_image(folder.images, name)]
    if folder.masks is None:
        return layers
    masks = folder.masks
    n_bytes = int(np.prod(masks.shape)) * np.dtype(masks.dtype).itemsize
    is_small = plugin_settings().fits_memory(n_bytes)
    stack = whole_stack if is_small else lazy_stack
    labels = stack(masks.read, masks.shape, masks.dtype)
    layers.append((labels, {"name": folder.masks_name}, "labels"))
    vertices = track_vertices(labels)
    if len(vertices):
        drawn = set(vertices[:, 0].astype(int).tolist())
        graph = {
            track.object_id: [track.parent]
            for track in folder.tracks
            if {track.object_id, track.parent} <= drawn
        }
        about = {"name": f"{folder.masks_name} tracks", "graph": graph}
        layers.append((vertices, about, "tracks"))
    return layers


def track_vertices(labels: Any) -> np.ndarray:
    """Find the centres of labels.

    Parameters
    ----------
    labels
        ``(T, Y, X)``, read frame by frame.

    Returns
    -------
    numpy.ndarray
        ``(N, 4)`` of label, frame, y and x, sorted by label, then frame.
    """
    parts = [np.zeros((0, 4))]
    for frame in range(len(labels)):
        image = np.asarray(labels[frame])
        rows, columns = np.nonzero(image)
        found, places, areas = np.unique(
            image[rows, columns], return_inverse=True, return_counts=True
        )
        y, x = (np.bincount(places, axis) / areas for axis in (rows, columns))
        parts.append(np.stack([found, np.full(len(found), frame), y, x], axis=1))
    vertices: np.ndarray = np.concatenate(parts)
    order = np.lexsort((vertices[:, 1], vertices[:, 0]))
    return np.asarray(vertices[order])


def _image(images: FrameFiles, name: str) -> Layer:
    n_frames = images.shape[0]
    sampled = np.unique(np.linspace(0, n_frames - 1, _CONTRAST_FRAMES).astype(int))
    low, high = robust_limits(images.read(int(frame)) for frame in sampled)[0]
    about: dict[str, Any] = {"name": name}
    if low < high:
        about["contrast_limits"] = (low, high)
    return lazy_stack(images.read, images.shape, images.dtype), about, "image"
