"""Read a folder of numbered frames: TIFF, PNG or JPEG files."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageFile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.stack import PagedArray, Stack

_log = logging.getLogger(__name__)

_TIFF = (".tif", ".tiff")
_SUFFIXES = (*_TIFF, ".png", ".jpg", ".jpeg")
_RGB, _GREY = "RGB", "L"
# What Pillow's modes are read as; those not named here stay what they are.
_READ_AS = {"RGBA": _RGB, "P": _RGB, "CMYK": _RGB, "YCbCr": _RGB, "LA": _GREY}


@dataclass(frozen=True)
class _Kind:
    """What all frames of a folder have in common."""

    shape: tuple[int, ...]
    dtype: str


def open_frame_folder(path: Path) -> Stack:
    """Open a folder whose files are the frames, in the order of their last number.

    Parameters
    ----------
    path
        The folder. Files of other types in it are ignored.

    Returns
    -------
    Stack
        Axes T, Y, X, or T, Y, X, S for colour.

    Raises
    ------
    InputError
        There are no frames, their order is not clear, or they differ in size or type.
    """
    files = frame_files(path)
    kind = _kind(files[0])
    for file in files[1:]:
        if (other := _kind(file)) != kind:
            raise InputError(
                f"{path}: {file.name} is {_describe(other)}, but {files[0].name} is "
                f"{_describe(kind)}; all frames must be alike"
            )
    array = PagedArray(
        (len(files), *kind.shape),
        np.dtype(kind.dtype),
        n_leading=1,
        read_page=lambda t: _read(files[t]),
    )
    axes = "TYX" if len(kind.shape) == 2 else "TYXS"
    return Stack(array=array, name=str(path), axes=axes, path=path)


def frame_files(path: Path) -> list[Path]:
    """List the frames of a folder, in order; errors as `open_frame_folder`."""
    files = [
        file
        for file in path.iterdir()
        if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")
    ]
    if not files:
        raise InputError(
            f"{path} holds no frames; give a folder of numbered TIFF, PNG or JPEG files"
        )
    number = {file: frame_number(file) for file in files}
    for file in sorted(files):
        if number[file] is None:
            raise InputError(
                f"{path}: {file.name} has no number in its name; keep nothing but "
                "numbered frames in the folder"
            )
    repeated = [n for n, times in Counter(number.values()).items() if times > 1]
    if repeated:
        first, second, *_ = sorted(f.name for f in files if number[f] == repeated[0])
        raise InputError(
            f"{path}: {first} and {second} both end in number {repeated[0]}; keep the "
            "frames of one movie and channel in the folder, numbered at the end"
        )
    ordered = sorted(files, key=lambda file: number[file] or 0)
    first_number, last_number = number[ordered[0]] or 0, number[ordered[-1]] or 0
    missing = last_number - first_number + 1 - len(files)
    if missing:
        _log.warning("%s: %d numbers are missing between the frames", path, missing)
    return ordered


def frame_number(file: Path) -> int | None:
    """Read the number that a file's name ends in, the frame's."""
    numbers = re.findall(r"[0-9]+", file.stem)
    return int(numbers[-1]) if numbers else None


def _kind(file: Path) -> _Kind:
    """Shape and type of a frame, from the file's header alone."""
    try:
        if file.suffix.lower() in _TIFF:
            return _tiff_kind(file)
        with Image.open(file) as image:
            size = image.height, image.width
            if _is_deep_colour(image):
                return _Kind((*size, 3), "uint16")
            mode = _READ_AS.get(image.mode, image.mode)
    except InputError:
        raise
    except Exception as error:
        # The libraries raise whatever comes first in a damaged file.
        raise InputError(
            f"{file} is not a readable image; it is damaged or of another kind"
        ) from error
    if mode == _RGB:
        return _Kind((*size, 3), "uint8")
    types = {_GREY: "uint8", "1": "bool", "I": "int32", "F": "float32"}
    return _Kind(size, types.get(mode, "uint16"))


def _tiff_kind(file: Path) -> _Kind:
    with tifffile.TiffFile(file) as tif:
        series = tif.series[0]
        if len(tif.series) > 1 or series.axes not in ("YX", "YXS"):
            raise InputError(
                f"{file} is a stack of images; give it as the movie, or a folder whose "
                "files are single frames"
            )
        return _Kind(tuple(series.shape), np.dtype(series.dtype).name)


def _read(file: Path) -> np.ndarray:
    if file.suffix.lower() in _TIFF:
        return np.asarray(tifffile.imread(file))
    with Image.open(file) as image:
        if not _is_deep_colour(image):
            mode = _READ_AS.get(image.mode, image.mode)
            return np.asarray(image if mode == image.mode else image.convert(mode))
    return np.asarray(imagecodecs.png_decode(file.read_bytes()))[..., :3]


def _is_deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow would cut 16-bit colour down to 8 bits."""
    raw_mode = image.tile[0][3] if image.tile else ""
    return image.mode in ("RGB", "RGBA") and str(raw_mode).endswith(";16B")


def _describe(kind: _Kind) -> str:
    height, width = kind.shape[:2]
    colour = " in colour" if len(kind.shape) == 3 else ""
    return f"{height} x {width} {kind.dtype}{colour}"
