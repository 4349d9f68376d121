"""A session folder as layers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v.annotator.names import OBJECT_ID, POSITIVE, SESSION_KEY
from napari_sam_i2v.contributions.ctc_layers import Layer
from napari_sam_i2v.contributions.lazy import lazy_stack, whole_stack
from napari_sam_i2v.contributions.settings import plugin_settings
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.readers import MOVIE_PATH
from napari_sam_i2v.io.recorded_movie import find_movie
from napari_sam_i2v.io.session_folder import (
    MASK_FILE,
    SessionRecord,
    StoredSession,
    read_session,
)
from napari_sam_i2v.masklets import Masklets
from napari_sam_i2v.prompts import BoxPrompt, PointPrompt, Prompt
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.session.visible import VisibleMasks
from napari_sam_i2v.video import VideoSource

_PIXEL = "pixel"


def session_layers(folder: Path) -> list[Layer]:
    """Make layers of a session folder.

    Parameters
    ----------
    folder
        Holds ``session.json`` and ``masks.sqlite``; nothing of it is changed.

    Returns
    -------
    list of tuple
        The movie, where its file is still there and the same, an image layer for each
        channel; the masklets as labels; clicks as points with the features
        ``object_id`` and ``positive``; boxes as shapes. Mask prompts are seen in the
        masklets. ``metadata["sam_i2v_session"]`` of all is the folder's absolute path,
        ``metadata["sam_i2v_movie"]`` the movie's.

    Raises
    ------
    InputError
        The folder is damaged.
    """
    stored = read_session(folder)
    if not (folder / MASK_FILE).is_file():
        raise InputError(
            f"{folder} is no whole session: {MASK_FILE} is missing; copy it there again"
        )
    video = _find_movie(stored.record, folder)
    name = _name(folder, video)
    prompts = _prompts(stored)
    layers = [
        *([] if video is None else _images(video, stored.record, name)),
        _masklets(folder, stored, name),
        *_points([one for one in prompts if isinstance(one, PointPrompt)], name),
        *_boxes([one for one in prompts if isinstance(one, BoxPrompt)], name),
    ]
    return _placed(layers, folder, stored.record, video)


def movie_layers(folder: Path) -> list[Layer]:
    """Make layers of a session's movie alone, as `session_layers` does; or none."""
    record = read_session(folder).record
    video = _find_movie(record, folder)
    if video is None:
        return []
    images = [*_images(video, record, _name(folder, video))]
    return _placed(images, folder, record, video)


def _name(folder: Path, video: VideoSource | None) -> str:
    return folder.name if video is None or video.path is None else video.path.stem


def _placed(
    layers: list[Layer], folder: Path, record: SessionRecord, video: VideoSource | None
) -> list[Layer]:
    """Say where layers lie, and of which session and movie they are."""
    # A layer of one channel of several is not what the file holds.
    several = len(record.contrast) > 1
    path = None if video is None or several else video.path
    metadata = {SESSION_KEY: str(folder.resolve()), MOVIE_PATH: str(path or "")}
    common = {"metadata": metadata, **_placement(video)}
    return [(data, {**about, **common}, kind) for data, about, kind in layers]


def _find_movie(record: SessionRecord, folder: Path) -> VideoSource | None:
    """Open a session's movie, or say why not."""
    problem = "its movie was no file; open the movie beside it"
    if record.movie.path is not None:
        try:
            return find_movie(folder, record)
        except InputError as error:
            problem = f"{record.movie.path}: {error}"
    from napari.utils.notifications import show_warning

    show_warning(f"{folder} is opened without its movie: {problem}")
    return None


def _images(video: VideoSource, record: SessionRecord, name: str) -> Iterator[Layer]:
    shape = video.shape
    if video.is_rgb8:
        data = lazy_stack(video.frame, (*shape, 3), video.dtype)
        yield data, {"name": name, "rgb": True}, "image"
        return
    channels = record.options.channels or (0,) * len(record.contrast)
    for index, (channel, limits) in enumerate(
        zip(channels, record.contrast, strict=True)
    ):
        about: dict[str, Any] = {"name": name}
        if len(channels) > 1:
            about = {"name": f"{name} channel {channel}", "blending": "additive"}
        if limits[0] < limits[1]:
            about["contrast_limits"] = limits
        if record.gamma is not None:
            about["gamma"] = record.gamma[index]
        yield lazy_stack(_Plane(video, index), shape, video.dtype), about, "image"


class _Plane:
    """One of the channels of a movie, as a function of the frame."""

    def __init__(self, video: VideoSource, index: int) -> None:
        self._video = video
        self._index = index

    def __call__(self, frame: int) -> np.ndarray:
        """Read a frame, ``(Y, X)``."""
        pixels = self._video.frame(frame)
        return pixels if pixels.ndim == 2 else np.asarray(pixels[..., self._index])


def _masklets(folder: Path, stored: StoredSession, name: str) -> Layer:
    shape = stored.record.movie.shape
    document = Document(stored.log)
    about = {"name": f"{name} masklets"}

    def masklets_in(store: MaskStore) -> Masklets:
        return Masklets(VisibleMasks(store, document), shape)

    with contextlib.closing(MaskStore(folder / MASK_FILE)) as store:
        labels = masklets_in(store).labels
        if plugin_settings().fits_memory(labels.nbytes):
            whole = whole_stack(labels.__getitem__, shape, labels.dtype)
            return whole, about, "labels"
    # A copy: the layer must show what was opened, whatever becomes of the folder.
    labels = masklets_in(MaskStore.copy_of(folder / MASK_FILE)).labels
    return lazy_stack(labels.__getitem__, shape, labels.dtype), about, "labels"


def _prompts(stored: StoredSession) -> list[Prompt]:
    state = Document(stored.log).state
    return [
        prompt
        for object_id in state.object_ids
        for _, prompts in sorted(state.prompts[object_id].items())
        for prompt in prompts
    ]


def _features(prompts: Sequence[PointPrompt | BoxPrompt]) -> dict[str, Any]:
    return {
        OBJECT_ID: [prompt.object_id for prompt in prompts],
        POSITIVE: [getattr(prompt, "positive", True) for prompt in prompts],
    }


def _points(prompts: Sequence[PointPrompt], name: str) -> list[Layer]:
    if not prompts:
        return []
    about = {
        "name": f"{name} clicks",
        "features": _features(prompts),
        "symbol": ["disc" if prompt.positive else "cross" for prompt in prompts],
        "face_color": ["limegreen" if prompt.positive else "red" for prompt in prompts],
        "border_color": "white",
        "size": 5,
    }
    return [([(one.frame, *one.yx) for one in prompts], about, "points")]


def _boxes(prompts: Sequence[BoxPrompt], name: str) -> list[Layer]:
    if not prompts:
        return []
    about = {
        "name": f"{name} boxes",
        "features": _features(prompts),
        "shape_type": "rectangle",
        "face_color": "transparent",
        "edge_color": "limegreen",
        "edge_width": 1,
    }
    return [([_corners(prompt) for prompt in prompts], about, "shapes")]


def _corners(box: BoxPrompt) -> list[tuple[int, float, float]]:
    (top, left), (bottom, right) = box.yx_min, box.yx_max
    around = ((top, left), (top, right), (bottom, right), (bottom, left))
    return [(box.frame, y, x) for y, x in around]


def _placement(video: VideoSource | None) -> dict[str, Any]:
    """Say where the layers lie: pixel size and axes."""
    place: dict[str, Any] = {"axis_labels": ("t", "y", "x")}
    if video is None or video.pixel_size is None:
        return place
    place["scale"] = (1.0, *video.pixel_size)
    if video.unit in ("m", "cm", "mm", "µm", "nm"):
        place["units"] = (_PIXEL, video.unit, video.unit)
    return place
