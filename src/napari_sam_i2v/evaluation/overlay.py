"""A contact sheet: coloured outlines that follow objects over time, in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.panels import (
    GAP,
    Layer,
    gamma_of,
    grey,
    panel_of,
    tile,
    write_caption,
)
from napari_sam_i2v.evaluation.scores import LabelStack

LARGEST_PANEL = 640
LARGEST_ZOOM = 4.0


class FrameImages(Protocol):
    """What the sheet needs of a movie."""

    @property
    def n_frames(self) -> int:
        """Frames of the movie."""
        ...

    def image(self, t: int, /) -> np.ndarray:
        """Return a frame as uint8 ``(Y, X, 3)``, or 0 to 1, with or without colour."""
        ...


def contact_sheet(
    video: FrameImages,
    labels: LabelStack,
    path: str | Path,
    *,
    columns: int = 5,
    rows: int = 2,
    frames: Sequence[int] | None = None,
    truth: LabelStack | None = None,
    width: int = 2000,
) -> None:
    """Draw evenly chosen frames with the outlines of their objects.

    Parameters
    ----------
    video
        The movie.
    labels
        Masklets, ``(T, Y, X)``.
    path
        PNG file to write.
    columns, rows
        Panels of the sheet; a short movie fills fewer.
    frames
        Frames to show instead of evenly chosen ones.
    truth
        True labels, ``(T, Y, X)``, drawn as thin white lines.
    width
        Largest width of the sheet in pixels.
    """
    if tuple(labels.shape)[:1] != (video.n_frames,):
        raise InputError(
            f"the labels have shape {tuple(labels.shape)}, but the movie has "
            f"{video.n_frames} frames"
        )
    shown = list(frames) if frames else _evenly(video.n_frames, columns * rows)
    columns = min(columns, len(shown))
    layers = [Layer(np.asarray(labels[t]), None) for t in shown]
    crop = _crop([layer.labels for layer in layers])
    panel_width = min(LARGEST_PANEL, (width - GAP) // columns - GAP)
    zoom = min(panel_width / (crop[1].stop - crop[1].start), LARGEST_ZOOM)
    gamma = gamma_of(video.image(shown[0]))
    panels = []
    for t, layer in zip(shown, layers, strict=True):
        drawn = [Layer(layer.labels[crop], None)]
        if truth is not None:
            # Below the masklets: white shows only where they differ.
            drawn.insert(0, Layer(np.asarray(truth[t])[crop], (255, 255, 255)))
        panel = panel_of(grey(video.image(t)[crop], gamma), drawn, zoom)
        write_caption(panel, f"t = {t}")
        panels.append(panel)
    tile(panels, columns).save(path, format="PNG", optimize=True)


def _evenly(n_frames: int, n_panels: int) -> list[int]:
    places = np.linspace(0, n_frames - 1, min(n_panels, n_frames))
    return [int(t) for t in np.rint(places)]


def _crop(images: Sequence[np.ndarray]) -> tuple[slice, slice]:
    """Choose the part of the frame to show: where objects ever are, or all of it."""
    height, width = images[0].shape
    occupied = np.any([image != 0 for image in images], axis=0)
    if not occupied.any():
        return slice(0, height), slice(0, width)
    places = [np.flatnonzero(occupied.any(axis=axis)) for axis in (1, 0)]
    margin = round(0.06 * max(np.ptp(place) for place in places)) + 8
    top, left = (max(0, int(place[0]) - margin) for place in places)
    bottom = min(height, int(places[0][-1]) + margin + 1)
    right = min(width, int(places[1][-1]) + margin + 1)
    if (bottom - top) * (right - left) > 0.6 * height * width:
        return slice(0, height), slice(0, width)
    return slice(top, bottom), slice(left, right)
