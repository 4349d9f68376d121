"""How the network looks at a frame: squares, and policies that choose them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt


def object_diameter(area: float, height: float, width: float) -> float:
    """Give the size of an object that its view is measured in, in pixels.

    The diameter of a disc of the same area, or more where the object is long: a
    spindle's arms should stay in the view.
    """
    return max(2 * math.sqrt(area / math.pi), 0.7 * max(height, width))


@dataclass(frozen=True)
class View:
    """A rectangle of the frame, resampled to the network's square.

    Attributes
    ----------
    corner
        ``yx`` of its upper left corner; a pixel's centre is an integer, so the
        frame's own corner is ``(-0.5, -0.5)``.
    extent
        Height and width in pixels of the frame.
    """

    corner: tuple[float, float]
    extent: tuple[float, float]

    @property
    def centre(self) -> tuple[float, float]:
        """``yx`` of its middle."""
        (y, x), (height, width) = self.corner, self.extent
        return y + height / 2, x + width / 2

    def shows(self, yx: Sequence[float]) -> bool:
        """Whether a point lies in it."""
        return all(
            corner < at < corner + extent
            for at, corner, extent in zip(yx, self.corner, self.extent, strict=True)
        )

    def to_view(self, yx: Sequence[float], size: int) -> tuple[float, float]:
        """Frame coordinates to pixels of the view resampled to ``size``."""
        y, x = (
            (at - corner) / extent * size - 0.5
            for at, corner, extent in zip(yx, self.corner, self.extent, strict=True)
        )
        return y, x

    def to_frame(self, yx: Sequence[float], size: int) -> tuple[float, float]:
        """Pixels of the view resampled to ``size`` to frame coordinates."""
        y, x = (
            (at + 0.5) / size * extent + corner
            for at, corner, extent in zip(yx, self.corner, self.extent, strict=True)
        )
        return y, x

    def moved(self, by: tuple[float, float]) -> View:
        """Give the same view so far away, ``yx`` in pixels of the frame."""
        return View((self.corner[0] + by[0], self.corner[1] + by[1]), self.extent)

    @classmethod
    def square(cls, centre: tuple[float, float], side: float) -> View:
        """Build a square view around a point."""
        return cls((centre[0] - side / 2, centre[1] - side / 2), (side, side))


@dataclass(frozen=True)
class Extent:
    """Where an object is and how large.

    Attributes
    ----------
    centre
        Centroid, ``yx``.
    diameter
        See :func:`object_diameter`.
    """

    centre: tuple[float, float]
    diameter: float


def extent_of_mask(
    mask: NDArray[np.bool_], offset: tuple[int, int] = (0, 0)
) -> Extent | None:
    """Measure a mask crop; ``None`` if it is empty."""
    y, x = np.nonzero(mask)
    if y.size == 0:
        return None
    height, width = float(np.ptp(y)) + 1, float(np.ptp(x)) + 1
    centre = (float(y.mean()) + offset[0], float(x.mean()) + offset[1])
    return Extent(centre, object_diameter(y.size, height, width))


def extent_of_prompts(prompts: Sequence[Prompt]) -> Extent | None:
    """Measure what prompts enclose; ``None`` if there are only points."""
    for prompt in prompts:
        match prompt:
            case MaskPrompt():
                return extent_of_mask(prompt.mask, prompt.offset)
            case BoxPrompt():
                (top, left), (bottom, right) = prompt.yx_min, prompt.yx_max
                height, width = bottom - top + 1, right - left + 1
                area = math.pi / 4 * height * width
                centre = ((top + bottom) / 2, (left + right) / 2)
                return Extent(centre, object_diameter(area, height, width))
            case PointPrompt():
                pass
            case _:
                assert_never(prompt)
    return None


Given = Literal["mask", "box", "click"]
"""What is known of an object's size: all, about as much, or a guess."""


class ViewPolicy(Protocol):
    """Chooses views."""

    name: str
    shared: bool
    """Whether all objects of a frame look through one view."""

    def around(self, extent: Extent, *, given: Given = "mask") -> View:
        """Give the view for an object of known place; its size is known or guessed."""
        ...

    def guesses(self, yx: tuple[float, float]) -> list[View]:
        """Give views to try for an object of which a point is all that is known."""
        ...

    def after(self, view: View, seen: Extent | None) -> View:
        """Give the view of the next frame, from what was seen in this one."""
        ...


class WholeFrame:
    """The frame resized to the network's square: the released behaviour."""

    name = "frame"
    shared = True

    def __init__(self, shape: tuple[int, int]) -> None:
        self._view = View((-0.5, -0.5), (float(shape[0]), float(shape[1])))

    def around(self, extent: Extent, *, given: Given = "mask") -> View:
        """Give the whole frame."""
        return self._view

    def guesses(self, yx: tuple[float, float]) -> list[View]:
        """Give the whole frame."""
        return [self._view]

    def after(self, view: View, seen: Extent | None) -> View:
        """Give the whole frame."""
        return self._view


class FollowObjects:
    """A square of a few object diameters that moves with the object.

    It stays where it is until the object has left its middle, and keeps its size
    until the object has outgrown it: what memory holds is in the view's coordinates.

    Parameters
    ----------
    shape
        ``(Y, X)`` of the frame.
    diameters
        Side of the square in object diameters.
    cell_size
        Diameter of a cell in pixels, if the user gave one: the size of an object
        that is only clicked.
    """

    name = "objects"
    shared = False

    dead_zone = 0.04
    """Share of the side that the object may move before the view does."""
    tolerance = 1.35
    """How much larger or smaller the object may be before the view resizes."""
    growth = 1.05
    """How fast it then does, a frame."""
    smallest = 6.0
    """Diameter below which views do not zoom in further."""
    room: ClassVar[Mapping[Given, float]] = {"mask": 1.0, "box": 0.9, "click": 1.6}
    """Width of the view in that of one that follows the object, by what is known."""

    def __init__(
        self, shape: tuple[int, int], diameters: float, cell_size: float | None = None
    ) -> None:
        self._shape = shape
        self._diameters = diameters
        self._cell_size = cell_size

    def around(self, extent: Extent, *, given: Given = "mask") -> View:
        """Give a square of the wanted number of diameters around the object.

        It is wider where the object's size is guessed.
        """
        side = self._diameters * max(extent.diameter, self.smallest)
        return View.square(extent.centre, side * self.room[given])

    def guesses(self, yx: tuple[float, float]) -> list[View]:
        """Give one view at the user's cell size, or three scales to choose from."""
        if self._cell_size is not None:
            return [self.around(Extent(yx, self._cell_size), given="click")]
        largest = min(self._shape) / 3
        sizes = [size for size in (14.0, 28.0, 56.0, 112.0) if size < largest]
        sizes = sizes or [largest]
        return [self.around(Extent(yx, size), given="click") for size in sizes]

    def after(self, view: View, seen: Extent | None) -> View:
        """Follow the object; stay where nothing was seen."""
        if seen is None:
            return view
        side = view.extent[0]
        ratio = self._diameters * max(seen.diameter, self.smallest) / side
        if not 1 / self.tolerance < ratio < self.tolerance:
            side *= min(max(ratio, 1 / self.growth), self.growth)
        distance = math.dist(view.centre, seen.centre)
        moved = distance > self.dead_zone * side
        return View.square(seen.centre if moved else view.centre, side)


def choose_policy(
    views: str,
    shape: tuple[int, int],
    diameters: float,
    extents: Sequence[Extent],
    *,
    default: str = "objects",
    cell_size: float | None = None,
) -> ViewPolicy:
    """Choose how to look at a movie.

    Parameters
    ----------
    views
        ``frame``, ``objects``, or ``auto``: ``default`` decides, and where that is
        ``auto`` too, the whole frame is taken when the median object is wider than a
        third of the frame's shorter side.
    shape
        ``(Y, X)`` of the frame.
    diameters
        Side of a following view in object diameters.
    extents
        Objects that are known so far.
    default
        What the model's description says.
    cell_size
        The user's hint, in pixels.
    """
    if views == "auto":
        views = default
    if views == "auto":
        sizes = [extent.diameter for extent in extents]
        if not sizes and cell_size is not None:
            sizes = [cell_size]
        large = bool(sizes) and float(np.median(sizes)) > min(shape) / 3
        views = "frame" if large else "objects"
    if views == "frame":
        return WholeFrame(shape)
    return FollowObjects(shape, diameters, cell_size)
