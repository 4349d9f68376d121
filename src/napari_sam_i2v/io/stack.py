"""What a reader hands over: an array that is read piece by piece, and its metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

_MICROMETRE = "µm"
_UNITS = {
    "micron": _MICROMETRE,
    "microns": _MICROMETRE,
    "um": _MICROMETRE,
    "μm": _MICROMETRE,  # Greek mu; the value above is the micro sign
    "\\u00b5m": _MICROMETRE,  # as ImageJ escapes it
    "micrometer": _MICROMETRE,
    "micrometre": _MICROMETRE,
    "nanometer": "nm",
    "millimeter": "mm",
}
_NO_UNITS = {"", "pixel", "pixels", "px"}


class Sliceable(Protocol):
    """An array as far as movies need one: numpy, dask, zarr and our own."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""

    @property
    def dtype(self) -> Any:
        """Type of a pixel."""

    def __getitem__(self, index: Any, /) -> Any:
        """Pixels at a tuple of integers and slices, one for every axis."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """An array as it was found, and what its file says of it.

    Attributes
    ----------
    array
        Nothing of it need be in memory.
    name
        What messages to the user call it.
    axes
        One letter for every axis of the array; ``None`` where nothing is said. Movies
        have ``TZCYXS``, ``S`` for the samples of colour: red, green, blue, alpha.
    path
        File or folder it was read from.
    pixel_size
        ``yx`` in ``unit``.
    unit
        Unit of ``pixel_size``, ``"µm"`` for all spellings of micrometre.
    contrast
        Limits that somebody has chosen already, as in an image layer.
    """

    array: Sliceable
    name: str
    axes: str | None = None
    path: Path | None = None
    pixel_size: tuple[float, float] | None = None
    unit: str | None = None
    contrast: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class MappedArray:
    """An uncompressed array in a file.

    The file is mapped for the length of one access only, so that pages which were read
    do not stay in the process's memory.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    order: str = "C"

    def __getitem__(self, index: Any, /) -> np.ndarray:
        """Copy of the pixels at an index."""
        mapped: np.ndarray = np.memmap(
            self.path,
            self.dtype,
            "r",
            self.offset,
            self.shape,
            "C" if self.order == "C" else "F",
        )
        return np.array(mapped[index])

    @property
    def end(self) -> int:
        """Bytes that the file must have at least."""
        return self.offset + int(np.prod(self.shape)) * self.dtype.itemsize


class PagedArray:
    """An array kept as pages that are decoded one by one when they are asked for.

    Parameters
    ----------
    shape
        The leading axes count the pages in row order, the others are a page's.
    dtype
        Type of a pixel.
    n_leading
        How many axes count pages.
    read_page
        Decodes page number n, of the shape ``shape[n_leading:]``.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        n_leading: int,
        read_page: Callable[[int], np.ndarray],
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._numbers = np.arange(int(np.prod(shape[:n_leading])))
        self._numbers = self._numbers.reshape(shape[:n_leading])
        self._read_page = read_page
        # One page is kept: the channels of a frame may lie within a page.
        self._last: tuple[int, np.ndarray] | None = None

    def __getitem__(self, index: tuple[int | slice, ...], /) -> np.ndarray:
        """Pixels at one integer or slice for every axis."""
        n_leading = self._numbers.ndim
        numbers = np.asarray(self._numbers[index[:n_leading]])
        inside = index[n_leading:]
        pages = [self._page(int(number))[inside] for number in numbers.flat]
        return np.stack(pages).reshape(numbers.shape + pages[0].shape)

    def _page(self, number: int) -> np.ndarray:
        if self._last is None or self._last[0] != number:
            self._last = (number, self._read_page(number))
        return self._last[1]


def unit_symbol(name: object) -> str | None:
    """Give a unit of length one spelling.

    Parameters
    ----------
    name
        As found in a file.

    Returns
    -------
    str or None
        ``None`` where the name says that there is no unit but pixels.
    """
    text = "" if name is None else str(name).strip()
    if text.lower() in _NO_UNITS:
        return None
    return _UNITS.get(text.lower(), text)
