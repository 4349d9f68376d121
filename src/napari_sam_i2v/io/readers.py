"""Open anything that can be a movie, without reading its pixels."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.stack import MappedArray, Sliceable, Stack, unit_symbol

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".lsm", ".stk")
VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".wmv")
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
_ZARR_MARKERS = ("zarr.json", ".zarray", ".zgroup", ".zattrs")

MOVIE_PATH = "sam_i2v_movie"
"""Key of a layer's metadata that names the movie's file; empty for no one file."""


def open_stack(movie: object) -> Stack:
    """Find the pixels and the metadata of a movie.

    Parameters
    ----------
    movie
        Path of a TIFF, ``.npy`` or video file, of a folder of frames or of a Zarr
        image; an array with ``shape``, ``dtype`` and slicing; a napari Image layer.

    Returns
    -------
    Stack
        Nothing but the metadata has been read.

    Raises
    ------
    InputError
        The movie is missing, damaged, or of a kind that is not read.
    """
    if isinstance(movie, str | os.PathLike):
        stack = _open_path(Path(os.fspath(movie)).expanduser())
    elif _is_array(movie):
        stack = Stack(array=movie, name=f"the {type(movie).__name__}")
    elif hasattr(movie, "data") and hasattr(movie, "rgb"):
        stack = _open_layer(movie)
    else:
        raise InputError(
            f"a {type(movie).__name__} is no movie; give a path, an array of shape "
            "(T, Y, X) or a napari Image layer"
        )
    _check_dtype(stack)
    return stack


def _is_array(movie: object) -> TypeGuard[Sliceable]:
    return all(hasattr(movie, name) for name in ("shape", "dtype", "__getitem__"))


def _check_dtype(stack: Stack) -> None:
    try:
        dtype = np.dtype(stack.array.dtype)
    except TypeError as error:
        raise InputError(
            f"{stack.name} has pixels of the type {stack.array.dtype}; give a numpy, "
            "dask or zarr array of integers or floats"
        ) from error
    if dtype.kind == "c":
        raise InputError(
            f"{stack.name} has complex pixels ({dtype}); give real ones, such as their "
            "magnitude"
        )
    if dtype.kind not in "biuf":
        raise InputError(
            f"{stack.name} has pixels of the type {dtype}; give integers or floats"
        )


def _open_path(path: Path) -> Stack:
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    reader = _choose_reader(path)
    try:
        return reader(path)
    except InputError:
        raise
    except Exception as error:
        # The libraries raise whatever comes first in a file that is not theirs.
        raise InputError(
            f"{path} cannot be read as {_expected(path)}: {one_line(error)}; it is "
            "damaged or of another kind"
        ) from error


def _choose_reader(path: Path) -> Callable[[Path], Stack]:
    # Each library is loaded by the first movie that needs it.
    suffix = path.suffix.lower()
    if path.is_dir():
        if suffix == ".zarr" or any((path / name).exists() for name in _ZARR_MARKERS):
            from napari_sam_i2v.io.ome_zarr import open_zarr

            return open_zarr
        from napari_sam_i2v.io.frame_folder import open_frame_folder

        return open_frame_folder
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); give a movie with frames in it")
    if suffix in TIFF_SUFFIXES:
        from napari_sam_i2v.io.tiff import open_tiff

        return open_tiff
    if suffix == ".npy":
        return _open_npy
    if suffix in VIDEO_SUFFIXES:
        from napari_sam_i2v.io.video_file import open_video_file

        return open_video_file
    if suffix in _IMAGE_SUFFIXES:
        raise InputError(
            f"{path} is one single image; give the folder that holds all the frames"
        )
    raise InputError(
        f"{path}: files ending in {suffix or 'no suffix'!r} are not read; give a TIFF, "
        ".npy, OME-Zarr or video file, or a folder of frames"
    )


def _expected(path: Path) -> str:
    if path.is_dir():
        return "an image folder"
    return {".npy": "a numpy file"}.get(path.suffix.lower(), f"a {path.suffix} file")


def _open_npy(path: Path) -> Stack:
    with path.open("rb") as file:
        major, _ = np.lib.format.read_magic(file)
        if major == 1:
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(file)
        array = MappedArray(
            path=path,
            shape=shape,
            dtype=dtype,
            offset=file.tell(),
            order="F" if is_fortran else "C",
        )
    stack = Stack(array=array, name=str(path), path=path)
    _check_dtype(stack)
    if array.end > path.stat().st_size:
        raise InputError(
            f"{path} is truncated: it ends before its last frame does; copy it again "
            "from where it came"
        )
    return stack


def _open_layer(layer: Any) -> Stack:
    # A multiscale layer keeps its levels as a list, the finest first.
    array = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    if not _is_array(array):
        raise InputError("the layer holds no image; choose an Image layer")
    shape = tuple(array.shape)
    axes = {4: "TYXS", 3: "YXS"}.get(len(shape)) if layer.rgb else None
    if not layer.rgb and len(shape) == 3:
        # The layer knows that a short last axis is not colour.
        axes = "TYX"
    limits = None if layer.rgb else getattr(layer, "contrast_limits", None)
    pixel_size, unit = _layer_pixel_size(layer)
    return Stack(
        array=array,
        name=f"the layer {getattr(layer, 'name', '')!r}",
        axes=axes,
        path=layer_path(layer),
        pixel_size=pixel_size,
        unit=unit,
        contrast=None if limits is None else (float(limits[0]), float(limits[1])),
    )


def layer_path(layer: Any) -> Path | None:
    """Name the file that an image layer shows; ``None`` where there is no one file."""
    # Napari says what was opened, which may have been a session.
    source = getattr(getattr(layer, "source", None), "path", None)
    path = getattr(layer, "metadata", {}).get(MOVIE_PATH, source)
    return Path(path) if path else None


def _layer_pixel_size(layer: Any) -> tuple[tuple[float, float] | None, str | None]:
    units = getattr(layer, "units", None)
    unit = unit_symbol(units[-1]) if units else None
    if unit is None:
        return None, None
    height, width = layer.scale[-2:]
    return (abs(float(height)), abs(float(width))), unit


def one_line(error: BaseException) -> str:
    """First line of an exception's text, or its name where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
