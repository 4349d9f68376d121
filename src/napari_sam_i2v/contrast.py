"""Limits between which a movie's pixels are stretched for the network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from napari_sam_i2v.errors import InputError

Limits = tuple[float, float]
Contrast = Limits | Sequence[Limits]

_PERCENTILES = (0.1, 99.9)
_SAMPLED_PIXELS = 2**16  # of each frame


def given_limits(
    contrast: Contrast | None, n_channels: int
) -> tuple[Limits, ...] | None:
    """Check the limits that a user gave.

    Parameters
    ----------
    contrast
        One pair for all channels, or a pair for each.
    n_channels
        How many channels are used.

    Returns
    -------
    tuple of Limits, or None
        A pair for each channel; ``None`` where none was given.

    Raises
    ------
    InputError
        They are not pairs of finite numbers, the lower one first.
    """
    if contrast is None:
        return None
    wrong = f"contrast {contrast!r} is not LO HI; give two finite numbers with LO < HI"
    try:
        pairs = np.array(contrast, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(wrong) from error
    if pairs.shape == (2,):
        pairs = np.tile(pairs, (n_channels, 1))
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise InputError(wrong)
    if len(pairs) != n_channels:
        raise InputError(
            f"contrast has limits for {len(pairs)} channels, but {n_channels} are "
            "used; give one pair for all, or one for each"
        )
    if not np.isfinite(pairs).all() or (pairs[:, 0] >= pairs[:, 1]).any():
        raise InputError(wrong)
    return tuple((float(low), float(high)) for low, high in pairs)


def given_gamma(gamma: float | Sequence[float], n_channels: int) -> tuple[float, ...]:
    """Check the exponents that a user gave.

    Parameters
    ----------
    gamma
        One for all channels, or one for each.
    n_channels
        How many channels are used.

    Returns
    -------
    tuple of float
        One for each channel.

    Raises
    ------
    InputError
        They are not finite numbers above 0.
    """
    wrong = f"gamma {gamma!r} is no exponent; give a finite number above 0"
    try:
        exponents = np.array(gamma, np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise InputError(wrong) from error
    if len(exponents) == 1:
        exponents = np.tile(exponents, n_channels)
    if len(exponents) != n_channels:
        raise InputError(
            f"gamma has exponents for {len(exponents)} channels, but {n_channels} are "
            "used; give one for all, or one for each"
        )
    if not np.isfinite(exponents).all() or (exponents <= 0).any():
        raise InputError(wrong)
    return tuple(float(exponent) for exponent in exponents)


def robust_limits(frames: Iterable[np.ndarray]) -> tuple[Limits, ...]:
    """Choose limits that a few outlying pixels do not move.

    Parameters
    ----------
    frames
        Some frames of the movie, ``(Y, X)`` or ``(Y, X, C)``.

    Returns
    -------
    tuple of Limits
        For each channel the 0.1 and 99.9 percentiles of the finite pixels, or their
        extremes where these agree; equal limits where there is nothing to see.
    """
    samples: dict[int, list[np.ndarray]] = {}
    for frame in frames:
        for channel, plane in enumerate(np.moveaxis(np.atleast_3d(frame), -1, 0)):
            samples.setdefault(channel, []).append(_sample(plane))
    return tuple(_limits(np.concatenate(sampled)) for sampled in samples.values())


def stretch(pixels: np.ndarray, limits: Limits, gamma: float = 1.0) -> np.ndarray:
    """Map pixels to 0 at the lower limit and to 1 at the upper one.

    Parameters
    ----------
    pixels
        Any real type. NaN becomes 0; what lies outside is clipped.
    limits
        Equal limits make every pixel 0.
    gamma
        Exponent of what comes of that: below 1 brightens, as in napari.

    Returns
    -------
    numpy.ndarray
        float32, 0 to 1.
    """
    low, high = limits
    if low >= high:
        return np.zeros(pixels.shape, np.float32)
    # float32 holds all 16-bit integers, but not all those of more bits.
    is_narrow = pixels.dtype.itemsize <= 2 or pixels.dtype == np.float32
    values: Any = pixels.astype(np.float32 if is_narrow else np.float64)
    with np.errstate(all="ignore"):
        values -= low
        values /= high - low
    np.nan_to_num(values, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
    values.clip(0.0, 1.0, out=values)
    if gamma != 1.0:
        np.power(values, gamma, out=values)
    return np.asarray(values, np.float32)


def as_contrast(
    contrast: Contrast | None,
) -> tuple[Limits, ...] | None:
    """Write contrast limits the way settings hold them: a pair for each channel."""
    if contrast is None:
        return None
    limits = np.asarray(contrast, float)
    if limits.ndim not in (1, 2) or limits.shape[-1] != 2:
        raise InputError("contrast takes two numbers, or two for each channel")
    return tuple((float(low), float(high)) for low, high in limits.reshape(-1, 2))


def as_gamma(gamma: float | Sequence[float] | None) -> tuple[float, ...] | None:
    """Write exponents the way settings hold them."""
    if gamma is None:
        return None
    return tuple(float(exponent) for exponent in np.ravel(gamma))


def _sample(plane: np.ndarray) -> np.ndarray:
    """Finite pixels on a grid, after the smallest and the largest of all."""
    step = math.ceil(math.sqrt(plane.size / _SAMPLED_PIXELS))
    on_grid, everywhere = _finite(plane[::step, ::step]), _finite(plane)
    if everywhere.size == 0:
        return everywhere
    # Cells may be too few or too small for the grid to meet them.
    return np.concatenate([[everywhere.min(), everywhere.max()], on_grid])


def _finite(plane: np.ndarray) -> np.ndarray:
    return plane[np.isfinite(plane)] if plane.dtype.kind == "f" else plane.ravel()


def _limits(sampled: np.ndarray) -> Limits:
    if sampled.size == 0:
        return 0.0, 0.0
    values = sampled.astype(np.float64)
    low, high = (float(limit) for limit in np.percentile(values, _PERCENTILES))
    if low == high:
        return float(values.min()), float(values.max())
    return low, high
