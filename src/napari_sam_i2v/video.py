"""The movie: any array or file as frames, in the contrast the network is fed."""

from __future__ import annotations

import hashlib
import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_sam_i2v.contrast import (
    Limits,
    given_gamma,
    given_limits,
    robust_limits,
    stretch,
)
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.axes import Layout, choose_channels, find_layout
from napari_sam_i2v.io.readers import one_line, open_stack
from napari_sam_i2v.io.stack import Stack

_log = logging.getLogger(__name__)

_CONTRAST_FRAMES = 12
_FINGERPRINT_FRAMES = 4
# The network sees five frames at once; one more is being fetched.
_CACHED_FRAMES = 6


def open_video(
    movie: object,
    *,
    axes: str | None = None,
    channel: int | Sequence[int] | None = None,
    contrast: Limits | Sequence[Limits] | None = None,
    gamma: float | Sequence[float] | None = None,
) -> VideoSource:
    """Open a movie.

    Parameters
    ----------
    movie
        A path (TIFF stack, folder of frames, OME-Zarr, ``.npy``, video file), an array
        with ``shape``, ``dtype`` and slicing, or a napari Image layer. A
        `VideoSource` is returned as it is.
    axes
        One letter of ``TZCYXS`` for each axis, where what the file says is wrong or
        missing. Without either, a last axis of 3 or 4 in uint8 is colour, and other
        arrays are (T, Y, X) or (T, C, Y, X).
    channel
        The channel to track in, or up to three of them to be seen together. Without it
        all of a colour movie, the first channel of any other.
    contrast
        Pixel values that become black and white, one pair, or one for each channel.
        Without it they are taken from the layer, else from the movie's percentiles.
    gamma
        Exponent after that, one, or one for each channel; 1 by default.

    Returns
    -------
    VideoSource
        No frame has been read yet.

    Raises
    ------
    InputError
        The movie cannot be read, or is no movie.
    """
    if isinstance(movie, VideoSource):
        return movie
    stack = open_stack(movie)
    layout = find_layout(stack, axes)
    channels = choose_channels(channel, layout, stack.name)
    return VideoSource(
        stack,
        layout,
        channels,
        given_limits(contrast, len(channels)),
        given_gamma(1.0 if gamma is None else gamma, len(channels)),
    )


class VideoSource:
    """A movie whose frames are read when they are asked for; made by `open_video`.

    It may be read from several threads.

    Parameters
    ----------
    stack
        Pixels and metadata.
    layout
        What the axes of the pixels are.
    channels
        The channels to use, at most three.
    contrast
        Lower and upper limit for each of these channels; ``None`` for percentiles.
    gamma
        Exponent for each of these channels; ``None`` for 1.

    Attributes
    ----------
    shape
        ``(T, Y, X)``.
    dtype
        Type of the pixels of `frame`, in native byte order.
    is_rgb8
        Whether the movie is 8-bit colour, which is never stretched.
    path
        File or folder, where the movie is one.
    pixel_size
        ``yx`` in `unit`, where known.
    unit
        As ``"µm"``, where known.
    """

    def __init__(
        self,
        stack: Stack,
        layout: Layout,
        channels: tuple[int, ...],
        contrast: tuple[Limits, ...] | None = None,
        gamma: tuple[float, ...] | None = None,
    ) -> None:
        lengths = [int(length) for length in stack.array.shape]
        self.shape = lengths[layout.time], lengths[layout.y], lengths[layout.x]
        if self.shape[0] == 0:
            raise InputError(f"{stack.name} has no frames; give a movie with some")
        if 0 in self.shape:
            raise InputError(f"{stack.name} has frames without pixels, {self.shape}")
        dtype = np.dtype(stack.array.dtype)
        self.dtype = (
            np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")
        )
        self.is_rgb8 = (
            layout.is_colour and channels == (0, 1, 2) and self.dtype == np.uint8
        )
        self.path: Path | None = stack.path
        self.pixel_size = stack.pixel_size
        self.unit = stack.unit
        self._stack = stack
        self._layout = layout
        self._channels = channels
        self._limits = self._first_limits(contrast)
        linear = (1.0,) * len(channels)
        self._gamma = linear if gamma is None or self.is_rgb8 else gamma
        self._look = 0
        self._lock = threading.RLock()
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.shape[0]

    @property
    def height(self) -> int:
        """Pixels along y."""
        return self.shape[1]

    @property
    def width(self) -> int:
        """Pixels along x."""
        return self.shape[2]

    @property
    def contrast(self) -> tuple[Limits, ...]:
        """Values shown as black and white for each channel, the same for all frames.

        Reads a few frames the first time. Equal limits mean that there is nothing to
        see: every image is zero.
        """
        with self._lock:
            if self._limits is None:
                self._limits = self._robust_limits()
            return self._limits

    @property
    def gamma(self) -> tuple[float, ...]:
        """Exponent for each channel, after the limits: ``value ** gamma``."""
        return self._gamma

    @property
    def look(self) -> int:
        """A number that differs whenever `image` may."""
        return self._look

    def recontrast(
        self, limits: Limits | Sequence[Limits], gamma: float | Sequence[float] = 1.0
    ) -> None:
        """Show the movie in another contrast from now on.

        8-bit colour stays as it is.

        Parameters
        ----------
        limits
            Values shown as black and white, one pair, or one for each channel.
        gamma
            Exponent after that, one, or one for each channel.

        Raises
        ------
        InputError
            They are no limits and exponents; nothing was changed.
        """
        if self.is_rgb8:
            return
        chosen = given_limits(limits, len(self._channels))
        exponents = given_gamma(gamma, len(self._channels))
        with self._lock:
            if (chosen, exponents) != (self._limits, self._gamma):
                self._limits, self._gamma = chosen, exponents
                # Last, so that who sees the new number gets the new images.
                self._look += 1

    def frame(self, t: int) -> np.ndarray:
        """Read one frame.

        Parameters
        ----------
        t
            Frame number, from 0.

        Returns
        -------
        numpy.ndarray
            Pixels as they are, ``(Y, X)``, or ``(Y, X, 2 or 3)`` for several channels.
            Not to be written to.

        Raises
        ------
        InputError
            The file is damaged there.
        IndexError
            There is no such frame.
        """
        if not 0 <= t < self.n_frames:
            raise IndexError(f"frame {t} of a movie of {self.n_frames} frames")
        with self._lock:
            if t in self._cache:
                self._cache.move_to_end(t)
                return self._cache[t]
            pixels = self._read(t)
            pixels.flags.writeable = False
            if not isinstance(self._stack.array, np.ndarray):
                self._cache[t] = pixels
            if len(self._cache) > _CACHED_FRAMES:
                self._cache.popitem(last=False)
            return pixels

    def image(self, t: int) -> np.ndarray:
        """Read one frame as the network is fed it.

        Parameters
        ----------
        t
            Frame number, from 0.

        Returns
        -------
        numpy.ndarray
            An 8-bit colour movie as it is, uint8 ``(Y, X, 3)``; else float32 in 0 to 1
            between the limits of `contrast`, ``(Y, X)``, or ``(Y, X, 3)`` for several
            channels, of two the third is 0. NaN is 0.
        """
        pixels = self.frame(t)
        if self.is_rgb8:
            return pixels.copy()
        with self._lock:
            limits, gamma = self.contrast, self._gamma
        if len(limits) == 1:
            return stretch(pixels, limits[0], gamma[0])
        image = np.zeros((*pixels.shape[:2], 3), np.float32)
        for index, pair in enumerate(limits):
            image[..., index] = stretch(pixels[..., index], pair, gamma[index])
        return image

    def fingerprint(self) -> str:
        """Hash of the shape, the type and a few frames, to tell movies apart."""
        digest = hashlib.sha256(f"{self.shape} {self.dtype.name}".encode())
        for t in _spread(self.n_frames, _FINGERPRINT_FRAMES):
            digest.update(np.ascontiguousarray(self.frame(t)).tobytes())
        return digest.hexdigest()

    def _read(self, t: int) -> np.ndarray:
        layout = self._layout
        index: list[int | slice] = [0] * layout.n_axes
        index[layout.time] = t
        index[layout.y] = index[layout.x] = slice(None)
        try:
            if layout.channel is None:
                planes = [self._plane(index)]
            elif layout.channel > max(layout.y, layout.x):
                # Interleaved: reading one channel costs as much as reading all.
                index[layout.channel] = slice(None)
                pixels = self._plane(index)
                planes = [pixels[..., channel] for channel in self._channels]
            else:
                planes = []
                for channel in self._channels:
                    index[layout.channel] = channel
                    planes.append(self._plane(index))
        except InputError:
            raise
        except Exception as error:
            # The libraries raise whatever comes first in a damaged file.
            raise InputError(
                f"frame {t} of {self._stack.name} cannot be read: {one_line(error)}; "
                "the movie is damaged or truncated, copy it again or use --stop"
            ) from error
        return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1)

    def _plane(self, index: list[int | slice]) -> np.ndarray:
        pixels = np.asarray(self._stack.array[tuple(index)])
        if self._layout.y > self._layout.x:
            pixels = pixels.swapaxes(0, 1)
        return pixels.astype(self.dtype, copy=False)[...]

    def _first_limits(
        self, given: tuple[Limits, ...] | None
    ) -> tuple[Limits, ...] | None:
        """Limits that are known before any frame is read."""
        if self.is_rgb8:
            as_it_is = ((0.0, 255.0),) * 3
            if given not in (None, as_it_is):
                _log.warning("contrast has no effect: 8-bit colour is used as it is")
            return as_it_is
        if given is None and self._stack.contrast is not None:
            low, high = self._stack.contrast
            if math.isfinite(high - low) and low < high:
                return ((low, high),) * len(self._channels)
        return given

    def _robust_limits(self) -> tuple[Limits, ...]:
        frames = _spread(self.n_frames, _CONTRAST_FRAMES)
        limits = robust_limits(self.frame(t) for t in frames)
        for channel, (low, high) in zip(self._channels, limits, strict=True):
            if low == high:
                _log.warning(
                    "%s: all sampled pixels of channel %d are %s: nothing to see there",
                    self._stack.name,
                    channel,
                    low,
                )
        return limits


def _spread(n_frames: int, n_wanted: int) -> list[int]:
    """Evenly spaced frame numbers, the first and the last among them."""
    chosen = np.linspace(0, n_frames - 1, min(n_frames, n_wanted))
    return [int(t) for t in np.unique(chosen.round())]
