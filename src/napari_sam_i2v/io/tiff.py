"""Read TIFF stacks: plain, OME, ImageJ, and what microscopes make of the format."""

from __future__ import annotations

import logging
import struct
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.stack import MappedArray, PagedArray, Stack, unit_symbol

_log = logging.getLogger(__name__)

_KNOWN_AXES = "TZCYXS"
_IMAGE_AXES = ("YX", "YXS", "SYX")


def open_tiff(path: Path) -> Stack:
    """Open a TIFF stack without reading its pixels.

    Uncompressed contiguous data are mapped, everything else is decoded page by page.

    Parameters
    ----------
    path
        The file; for an OME-TIFF of several files any one of them.

    Returns
    -------
    Stack
        With axes, pixel size and unit from ImageJ or OME metadata where there are any.

    Raises
    ------
    InputError
        The file is truncated.
    """
    with _quiet_library() as errors:
        tif = tifffile.TiffFile(path)
        try:
            stack = _read_structure(tif, path)
        except BaseException:
            tif.close()
            raise
    if errors:
        _log.warning(
            "%s: part of its metadata cannot be read; if the frames look wrong, name "
            "the axes with --axes",
            path,
        )
    if isinstance(stack.array, MappedArray):
        tif.close()
    else:
        weakref.finalize(stack.array, tif.close)
    return stack


def _read_structure(tif: tifffile.TiffFile, path: Path) -> Stack:
    series, shape, axes = _main_series(tif, path)
    pages: Sequence[Any] = series[0].pages
    if len(series) > 1:
        pages = [one.keyframe for one in series]
    _refuse_truncated(tif, series[0], pages, path)

    array: MappedArray | PagedArray
    dtype = np.dtype(series[0].dtype)
    offset = series[0].dataoffset if len(series) == 1 else None
    if offset is not None:
        dtype = dtype.newbyteorder(tif.byteorder)
        array = MappedArray(path=path, shape=shape, dtype=dtype, offset=offset)
        if array.end > tif.filehandle.size:
            raise _truncated(path)
    else:
        n_leading = _count_leading(shape, len(pages))
        page_shape = shape[n_leading:]
        array = PagedArray(
            shape,
            dtype,
            n_leading=n_leading,
            read_page=lambda number: _decode(pages[number]).reshape(page_shape),
        )
    pixel_size, unit = _pixel_size(tif)
    return Stack(
        array=array,
        name=str(path),
        axes=axes,
        path=path,
        pixel_size=pixel_size,
        unit=unit,
    )


def _main_series(
    tif: tifffile.TiffFile, path: Path
) -> tuple[list[tifffile.TiffPageSeries], tuple[int, ...], str | None]:
    """Series of images that make the movie, its shape, and its axes where known."""
    everything = list(tif.series)
    if not everything:
        raise InputError(f"{path} holds no image; give a TIFF stack with axes T, Y, X")
    # Some microscopes add thumbnails.
    series = [one for one in everything if not one.keyframe.is_reduced] or everything
    first = series[0]
    alike = {(one.shape, one.axes, one.dtype) for one in series}
    if len(series) > 1 and len(alike) == 1 and first.axes in _IMAGE_AXES:
        # A program that appended frame after frame made a series of each.
        return series, (len(series), *first.shape), "T" + first.axes
    if len(series) > 1:
        _log.warning("%s holds %d images; the first is used", path, len(series))
    return [first], tuple(first.shape), _letters(first.axes)


def _letters(axes: str) -> str | None:
    """Take the one axis that a file leaves unnamed for time; give up on several."""
    unknown = [letter for letter in axes if letter not in _KNOWN_AXES]
    if len(unknown) == 1 and "T" not in axes:
        return axes.replace(unknown[0], "T")
    is_unnamed = len(unknown) > 1 and not set("TZC") & set(axes)
    return None if is_unnamed else axes


def _count_leading(shape: tuple[int, ...], n_pages: int) -> int:
    for n_leading in range(len(shape) + 1):
        if int(np.prod(shape[:n_leading])) == n_pages:
            return n_leading
    raise ValueError(f"{n_pages} pages do not make an array of the shape {shape}")


def _refuse_truncated(
    tif: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    pages: Sequence[Any],
    path: Path,
) -> None:
    # The list of pages must end by itself, not at the end of the file.
    pointer_at = tif.pages.next_page_offset
    if pointer_at is not None:
        tif.filehandle.seek(pointer_at)
        pointer = tif.filehandle.read(tif.tiff.offsetsize)
        if struct.unpack(tif.tiff.offsetformat, pointer)[0] != 0:
            raise _truncated(path)
    # ImageJ names the number of images; fewer of them leave a plain series.
    if tif.is_imagej and series.kind != "imagej":
        raise _truncated(path)
    if len(pages) > 1 and series.dataoffset is None and not _is_whole(pages[-1]):
        raise _truncated(path)


def _truncated(path: Path) -> InputError:
    return InputError(
        f"{path} is truncated: it ends before its last frame does; copy it again "
        "from where it came"
    )


def _is_whole(page: Any) -> bool:
    """Whether a page's pixels all lie within the file."""
    if page is None:
        return False
    ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
    return max(ends, default=0) <= int(page.parent.filehandle.size)


def _decode(page: Any) -> np.ndarray:
    if page is None:
        raise ValueError("its page is missing from the file")
    if not _is_whole(page):
        raise ValueError("the file ends before its pixels do")
    with _quiet_library():
        return np.asarray(page.asarray())


def _pixel_size(
    tif: tifffile.TiffFile,
) -> tuple[tuple[float, float] | None, str | None]:
    """Pixel size yx and its unit, from OME or ImageJ metadata only.

    The resolution in other files speaks of printers.
    """
    if tif.is_ome and tif.ome_metadata:
        pixels = ElementTree.fromstring(tif.ome_metadata).find(".//{*}Pixels")
        found = {} if pixels is None else pixels.attrib
        height = float(found.get("PhysicalSizeY", 0))
        width = float(found.get("PhysicalSizeX", 0))
        unit = unit_symbol(found.get("PhysicalSizeXUnit", "µm"))
    elif tif.is_imagej and tif.imagej_metadata:
        tags = tif.pages.first.tags
        height = _spacing(tags.get("YResolution"))
        width = _spacing(tags.get("XResolution"))
        unit = unit_symbol(tif.imagej_metadata.get("unit"))
    else:
        return None, None
    if unit is None or not (0 < height < np.inf and 0 < width < np.inf):
        return None, None
    return (height, width), unit


def _spacing(resolution: Any) -> float:
    """Length of a pixel, from a tag that holds pixels per length; 0 where unknown."""
    if resolution is None or not resolution.value[0]:
        return 0.0
    numerator, denominator = resolution.value
    return float(denominator / numerator)


@contextmanager
def _quiet_library() -> Iterator[list[str]]:
    """Keep tifffile's remarks on this thread's file from the user's terminal.

    Yields
    ------
    list of str
        What it reported as errors.
    """
    here = threading.get_ident()
    errors: list[str] = []

    def is_foreign(record: logging.LogRecord) -> bool:
        if record.thread != here:
            return True
        if record.levelno >= logging.ERROR:
            errors.append(record.getMessage())
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(is_foreign)
    try:
        yield errors
    finally:
        logger.removeFilter(is_foreign)
