"""Read multi-frame video files with PyAV, the extra ``video``."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.stack import PagedArray, Stack

# Playing backwards decodes a run of frames anew for each step outside these.
_CACHE_BYTES = 64 * 2**20
# Decoding on over so few frames is cheaper than seeking.
_NEAR = 16


def open_video_file(path: Path) -> Stack:
    """Open a video file.

    Parameters
    ----------
    path
        Any file that FFmpeg reads.

    Returns
    -------
    Stack
        Axes T, Y, X, S, or T, Y, X for grey video; uint16 where the file has more than
        8 bits.

    Raises
    ------
    InputError
        PyAV is not installed, or the file holds no video.
    """
    try:
        import av
    except ImportError as error:
        raise InputError(
            f"{path}: reading video files needs PyAV; install napari-sam-i2v[video], "
            "or give a TIFF stack or a folder of frames"
        ) from error
    container = av.open(str(path))
    if not container.streams.video:
        container.close()
        raise InputError(f"{path} holds no video; give a file with moving pictures")
    decoder = _Decoder(container)
    array = PagedArray(
        (len(decoder.times), *decoder.shape),
        decoder.dtype,
        n_leading=1,
        read_page=decoder.read,
    )
    weakref.finalize(array, container.close)
    axes = "TYXS" if len(decoder.shape) == 3 else "TYX"
    return Stack(array=array, name=str(path), axes=axes, path=path)


class _Decoder:
    """Random access to the frames of the first video stream."""

    def __init__(self, container: Any) -> None:
        self._container = container
        self._stream = container.streams.video[0]
        pixel_format = self._stream.codec_context.format
        n_bits = max(component.bits for component in pixel_format.components)
        is_grey = pixel_format.name.startswith("gray")
        self._format = {
            (False, False): "rgb24",
            (False, True): "rgb48le",
            (True, False): "gray",
            (True, True): "gray16le",
        }[is_grey, n_bits > 8]
        size = self._stream.codec_context.height, self._stream.codec_context.width
        self.shape: tuple[int, ...] = size if is_grey else (*size, 3)
        self.dtype = np.dtype(np.uint16 if n_bits > 8 else np.uint8)
        self.times = self._list_times()
        self._number = {time: number for number, time in enumerate(self.times)}
        n_bytes = int(np.prod(self.shape)) * self.dtype.itemsize
        self._n_cached = max(1, _CACHE_BYTES // max(1, n_bytes))
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._frames: Iterator[Any] = iter(())
        self._next: int | None = None  # frame that decoding on would give

    def _list_times(self) -> list[int]:
        """List the times of all frames, in showing order, without decoding any."""
        times = {
            packet.dts if packet.pts is None else packet.pts
            for packet in self._container.demux(self._stream)
            if packet.size and not packet.is_discard
        }
        return sorted(times - {None})

    def read(self, number: int) -> np.ndarray:
        """Decode a frame, going on from the last one or from a key frame before it."""
        if number in self._cache:
            return self._cache[number]
        found = None
        if self._next is not None and self._next <= number <= self._next + _NEAR:
            found = self._decode_up_to(number)
        # Some files have key frames later than they say: then from the beginning.
        for start in (number, 0):
            if found is None:
                self._seek(self.times[start])
                found = self._decode_up_to(number)
        if found is None:
            raise ValueError("the video cannot be decoded there")
        return found

    def _seek(self, time: int) -> None:
        self._container.seek(time, stream=self._stream, backward=True)
        self._frames = self._container.decode(self._stream)

    def _decode_up_to(self, wanted: int) -> np.ndarray | None:
        for frame in self._frames:
            number = self._number.get(frame.dts if frame.pts is None else frame.pts)
            if number is None:
                continue
            self._next = number + 1
            if number > wanted:
                return None
            pixels = frame.to_ndarray(format=self._format)
            self._cache[number] = pixels
            if len(self._cache) > self._n_cached:
                self._cache.popitem(last=False)
            if number == wanted:
                return np.asarray(pixels)
        self._next = None
        return None
