"""Which axis of an array is time, which are the image's, and which holds channels."""

from __future__ import annotations

import logging
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.stack import Stack

_log = logging.getLogger(__name__)

_LETTERS = "TZCYXS"
# More channels than this on a single image are frames whose axis has the wrong name.
_MOST_CHANNELS = 4


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the frames of a movie are in an array.

    Attributes
    ----------
    n_axes
        Axes of the array; those not named here have length one.
    time, y, x
        Numbers of the axes.
    channel
        Number of the axis of channels or colours, ``None`` without one.
    n_channels
        Length of that axis, 1 without one.
    is_colour
        The first three channels are red, green and blue.
    """

    n_axes: int
    time: int
    y: int
    x: int
    channel: int | None
    n_channels: int
    is_colour: bool


def find_layout(stack: Stack, axes: str | None = None) -> Layout:
    """Decide what the axes of an array are.

    Parameters
    ----------
    stack
        An array and what its file says of its axes.
    axes
        What the user says, one letter of ``TZCYXS`` for each axis; it is believed.

    Returns
    -------
    Layout
        Layout of a movie that can be tracked.

    Raises
    ------
    InputError
        The array is no movie, or its axes are not known.
    """
    shape = tuple(int(length) for length in stack.array.shape)
    dtype = np.dtype(stack.array.dtype)
    if axes is not None:
        letters = _checked(axes, shape, stack.name)
    elif stack.axes is not None:
        letters = _understood(stack.axes, shape, stack.name)
    else:
        letters = _guess(shape, dtype, stack.name)

    length = dict(zip(letters, shape, strict=True))
    kept = [one for one in letters if one in "TYX" or length[one] != 1]
    time = _time_axis(kept, length, stack.name, believed=axes is not None)
    channels = [one for one in kept if one in "CS" and one != time]
    if len(channels) == 2:
        raise InputError(
            f"{stack.name} has {length['C']} channels of {length['S']} colours each; "
            "give a movie with one or the other"
        )
    channel = letters.index(channels[0]) if channels else None
    n_channels = shape[channel] if channel is not None else 1
    is_rgb8 = dtype == np.uint8 and channel == len(shape) - 1
    return Layout(
        n_axes=len(shape),
        time=letters.index(time),
        y=letters.index("Y"),
        x=letters.index("X"),
        channel=channel,
        n_channels=n_channels,
        is_colour=n_channels in (3, 4) and (channels == ["S"] or is_rgb8),
    )


def choose_channels(
    channel: int | Sequence[int] | None, layout: Layout, name: str
) -> tuple[int, ...]:
    """Check the channels that a user chose, or choose.

    Parameters
    ----------
    channel
        One number, up to three, or ``None``.
    layout
        The movie's axes.
    name
        What messages call the movie.

    Returns
    -------
    tuple of int
        Without a choice the colours of a colour movie, else the first channel.

    Raises
    ------
    InputError
        The movie does not have these channels.
    """
    # A fourth channel of colours is their opacity.
    n_channels = min(layout.n_channels, 3) if layout.is_colour else layout.n_channels
    if channel is None:
        if n_channels > 1 and not layout.is_colour:
            _log.warning(
                "%s has %d channels: channel 0 is used; choose with --channel N, or up "
                "to three with N,N,N",
                name,
                n_channels,
            )
        return (0, 1, 2) if layout.is_colour else (0,)
    try:
        channels = tuple(operator.index(one) for one in np.atleast_1d(channel).tolist())
    except TypeError as error:
        raise InputError(
            f"channel {channel!r} is no number; give one, or up to three"
        ) from error
    if not 1 <= len(channels) <= 3:
        raise InputError(f"channel names {len(channels)} channels; give one to three")
    for one in channels:
        if not 0 <= one < n_channels:
            raise InputError(
                f"{name} has no channel {one}; it has {n_channels}, counted from 0"
            )
    return channels


def _checked(axes: str, shape: tuple[int, ...], name: str) -> str:
    """Check the letters that a user gave."""
    letters = str(axes).strip().upper()
    unknown = sorted(set(letters) - set(_LETTERS))
    if unknown:
        raise InputError(
            f"axes {axes!r} holds {unknown[0]!r}; use the letters T (time), Z, "
            "C (channel), Y, X and S (colour samples)"
        )
    if len(set(letters)) != len(letters):
        raise InputError(f"axes {axes!r} names an axis twice; name each axis once")
    if len(letters) != len(shape):
        raise InputError(
            f"axes {axes!r} names {len(letters)} axes, but {name} has {len(shape)} of "
            f"lengths {_lengths(shape)}; give one letter for each"
        )
    if "Y" not in letters or "X" not in letters:
        raise InputError(f"axes {axes!r} lacks Y or X; name both, as in TYX")
    return letters


def _understood(axes: str, shape: tuple[int, ...], name: str) -> str:
    """Check the letters that a file gave."""
    is_clear = set(axes) <= set(_LETTERS) and len(set(axes)) == len(axes) == len(shape)
    if not is_clear or "Y" not in axes or "X" not in axes:
        raise InputError(
            f"{name} says that its axes of lengths {_lengths(shape)} are {axes}, which "
            "is no movie; name each, as in --axes TCYX"
        )
    return axes


def _guess(shape: tuple[int, ...], dtype: np.dtype, name: str) -> str:
    """Name the axes of an array that says nothing of them."""
    is_rgb8 = dtype == np.uint8 and len(shape) > 2 and shape[-1] in (3, 4)
    if len(shape) < 2:
        raise InputError(
            f"{name} has {len(shape)} axes; a movie has at least three: T, Y, X"
        )
    if len(shape) - is_rgb8 == 2:
        raise _single_image(name, shape)
    if len(shape) == 3:
        return "TYX"
    if len(shape) > 4:
        raise InputError(
            f"{name} has {len(shape)} axes of lengths {_lengths(shape)} and nothing "
            "says what they are; name them, as in --axes TCZYX"
        )
    if not is_rgb8 and shape[-1] in (3, 4):
        # Read as T, C, Y, X this would be a movie three pixels wide.
        raise InputError(
            f"{name} has axes of lengths {_lengths(shape)}, of type {dtype}; if the "
            "last one is colour, say --axes TYXS, else --axes TCYX"
        )
    return "TYXS" if is_rgb8 else "TCYX"


def _time_axis(
    kept: list[str], length: dict[str, int], name: str, *, believed: bool
) -> str:
    """Choose the letter of the axis to track along, given axes longer than one."""
    n_z = length["Z"] if "Z" in kept else 1
    n_frames = length.get("T", 1)
    if n_frames != 1 and n_z != 1:
        raise InputError(
            f"{name} has {n_frames} frames of {n_z} z planes each; choose a plane or "
            "project along z first (for one z stack, --axes ZYX treats z as time)"
        )
    if n_z != 1:
        if not believed:
            _log.warning(
                "%s is a z stack: its %d planes are taken as frames "
                "(--axes ZYX says so and silences this)",
                name,
                n_z,
            )
        return "Z"
    if "T" in kept:
        return "T"
    if "C" in kept and not believed and length["C"] > _MOST_CHANNELS:
        # What tifffile writes for an ImageJ file when nobody names the axes.
        _log.warning(
            "%s has %d channels and no time axis: they are taken as frames "
            "(--axes TYX says so and silences this)",
            name,
            length["C"],
        )
        return "C"
    raise _single_image(name, tuple(length.values()))


def _single_image(name: str, shape: tuple[int, ...]) -> InputError:
    return InputError(
        f"{name} is one single image, of shape {_lengths(shape)}; a movie has a time "
        "axis too: T, Y, X (--axes names the axes where this is wrong)"
    )


def _lengths(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)
