"""Where a movie lies in an Image layer, and where its companion layers lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_sam_i2v.errors import InputError

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Image, Layer

_NAMES = {"t": "T", "time": "T", "frame": "T", "c": "C", "channel": "C", "z": "Z"}
_NAMES |= {"y": "Y", "x": "X"}
_MOST_CHANNELS = 4


@dataclass(frozen=True, eq=False)
class MovieGeometry:
    """Which axes of an Image layer are time, y and x.

    Companion layers (prompts, masklets) have the axes of the image, in its order, at
    the same data coordinates; any axis besides T, Y and X has length 1 there and is
    stretched over the image's.

    Attributes
    ----------
    image
        The layer.
    axes
        A letter of ``TCZYX`` for each axis of the layer, colour apart.
    lengths
        Of these axes.
    """

    image: Image
    axes: str
    lengths: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(T, Y, X)``."""
        t, y, x = (self.lengths[axis] for axis in self.tyx)
        return t, y, x

    @property
    def tyx(self) -> tuple[int, int, int]:
        """The layer's axes of time, y and x."""
        return self.axes.index("T"), self.axes.index("Y"), self.axes.index("X")

    @property
    def video_axes(self) -> str:
        """Letters for all axes of the pixels, as `open_video` takes them."""
        return self.axes + ("S" if self.image.rgb else "")

    @property
    def channel_axis(self) -> int | None:
        """The layer's axis of channels, if it has one."""
        return self.axes.index("C") if "C" in self.axes else None

    def placement(self) -> dict[str, Any]:
        """Give the transform of companion layers, as arguments of a layer."""
        from napari.utils.transforms import Affine

        image = self.image
        spread = np.array([1 if i in self.tyx else n for i, n in self._numbered()])
        middle = np.array(
            [0.0 if i in self.tyx else (n - 1) / 2 for i, n in self._numbered()]
        )
        physical = Affine(
            scale=image.scale,
            translate=image.translate,
            rotate=image.rotate,
            shear=image.shear,
        )
        return {
            "scale": np.asarray(image.scale) * spread,
            "translate": np.asarray(physical(middle)),
            "rotate": image.rotate,
            "shear": image.shear,
            "affine": image.affine,
            "axis_labels": image.axis_labels,
            "units": image.units,
        }

    def as_layer(self, stack: np.ndarray) -> np.ndarray:
        """View a ``(T, Y, X)`` stack with a companion layer's axes."""
        order = [letter for letter in self.axes if letter in "TYX"]
        view = stack.transpose(["TYX".index(letter) for letter in order])
        extra = [i for i, letter in enumerate(self.axes) if letter not in "TYX"]
        return np.expand_dims(view, tuple(extra))

    def coordinates(self, tyx: np.ndarray) -> np.ndarray:
        """Put ``(n, 3)`` positions in time, y, x into a companion layer's axes."""
        points = np.zeros((len(tyx), len(self.axes)))
        points[:, self.tyx] = tyx
        return points

    def positions(self, layer: Layer, points: np.ndarray) -> np.ndarray:
        """Read a layer's data coordinates as time, y, x of the movie.

        Parameters
        ----------
        layer
            Any layer of the viewer; one that lies elsewhere than the image is
            followed through world coordinates.
        points
            ``(n, layer.ndim)``.

        Returns
        -------
        numpy.ndarray
            ``(n, 3)``; time is not rounded.
        """
        points = np.atleast_2d(np.asarray(points, float))
        if not len(points):
            return np.zeros((0, 3))
        if not self.is_companion(layer):
            world = [layer.data_to_world(point) for point in points]
            points = np.array([self.image.world_to_data(point) for point in world])
        return points[:, list(self.tyx)]

    def is_companion(self, layer: Layer) -> bool:
        """Whether a layer's data coordinates are those of the image."""
        if layer.ndim != len(self.axes):
            return False
        given = self.placement()
        same = ("scale", "translate", "rotate", "shear")
        return all(np.allclose(getattr(layer, n), given[n]) for n in same) and (
            np.allclose(
                np.asarray(layer.affine.affine_matrix),
                np.asarray(given["affine"].affine_matrix),
            )
        )

    def label_frame(self, layer: Any, frame: int) -> np.ndarray:
        """Read one frame of a Labels layer on the movie's pixels.

        Parameters
        ----------
        layer
            A Labels layer of any place and size; one without a time axis is the same
            on all frames.
        frame
            Frame number.

        Returns
        -------
        numpy.ndarray
            Labels, ``(Y, X)``; where the layer does not reach they are 0.
        """
        data = layer.data[0] if layer.multiscale else layer.data
        # An affine map is known from where it takes the origin and the two axes.
        corners = self.coordinates(
            np.array([[frame, 0, 0], [frame, 1, 0], [frame, 0, 1]], float)
        )
        there = np.array(
            [layer.world_to_data(self.image.data_to_world(c)) for c in corners]
        )
        origin, along = there[0], (there[1:] - there[0]).T
        moving = [i for i in range(data.ndim) if not np.allclose(along[i], 0)]
        if len(moving) != 2:
            raise InputError(
                f"the layer {layer.name!r} does not lie in the plane of the movie; "
                "choose labels that lie over the image"
            )
        index: list[Any] = [slice(None)] * data.ndim
        for axis in set(range(data.ndim)) - set(moving):
            index[axis] = round(float(origin[axis]))
            if not 0 <= index[axis] < data.shape[axis]:
                return np.zeros(self.shape[1:], data.dtype)
        plane = np.asarray(data[tuple(index)])
        matrix, offset = along[moving], origin[moving]
        if np.allclose(matrix, np.eye(2)) and np.allclose(offset, 0):
            if plane.shape == self.shape[1:]:
                return plane
        return np.asarray(
            ndimage.affine_transform(
                plane, matrix, offset, output_shape=self.shape[1:], order=0
            )
        )

    def _numbered(self) -> list[tuple[int, int]]:
        return list(enumerate(self.lengths))


def find_geometry(
    image: Image, dims: Dims | None = None, time_axis: int | None = None
) -> MovieGeometry:
    """Find out what the axes of an Image layer are.

    Its axis labels say so; else what the viewer shows is y and x, and the slider is
    time (of two, the longer one).

    Parameters
    ----------
    image
        The layer.
    dims
        The viewer's, for what is shown.
    time_axis
        Number of the axis of time, where that is known better.

    Raises
    ------
    InputError
        The layer has no axis of time, or more axes than a movie.
    """
    data = image.data[0] if image.multiscale else image.data
    lengths = tuple(int(n) for n in data.shape[: image.ndim])
    if image.ndim < 3:
        raise InputError(
            f"{image.name!r} is one single image; open a movie, with a time axis too"
        )
    if image.ndim > 4:
        raise InputError(
            f"{image.name!r} has {image.ndim} axes; choose a movie of time, y, x and "
            "perhaps channels (split or project the others)"
        )
    letters = _named(image) if time_axis is None else None
    if letters is None:
        letters = _shown(image, lengths, dims, time_axis)
    geometry = MovieGeometry(image=image, axes="".join(letters), lengths=lengths)
    if geometry.shape[0] < 2:
        raise InputError(
            f"{image.name!r} has a single frame along its time axis; choose another "
            "time axis, or open a movie"
        )
    return geometry


def _named(image: Image) -> list[str] | None:
    """Read the axis labels, where they name all axes."""
    letters = [_NAMES.get(str(label).lower(), "?") for label in image.axis_labels]
    if "Z" in letters and image.ndim == 4:
        raise _deep(image)
    if not {"T", "Y", "X"} <= set(letters) or "?" in letters:
        return None
    return letters if len(set(letters)) == len(letters) else None


def _shown(
    image: Image, lengths: tuple[int, ...], dims: Dims | None, time_axis: int | None
) -> list[str]:
    y, x = image.ndim - 2, image.ndim - 1
    if dims is not None and dims.ndisplay == 2:
        beyond = dims.ndim - image.ndim
        displayed = [axis - beyond for axis in dims.displayed]
        if min(displayed) >= 0:
            y, x = displayed
    others = [axis for axis in range(image.ndim) if axis not in (y, x)]
    if time_axis is not None and time_axis not in others:
        raise InputError(
            f"axis {time_axis} of {image.name!r} is shown as y or x; choose the axis "
            "of the slider as time"
        )
    if time_axis is None:
        # Channels are few; of two equal axes the first is time.
        many = [axis for axis in others if lengths[axis] > _MOST_CHANNELS]
        if len(many) > 1:
            raise _deep(image)
        time_axis = (many or others)[0]
    letters = ["C"] * image.ndim
    letters[y], letters[x], letters[time_axis] = "Y", "X", "T"
    return letters


def _deep(image: Image) -> InputError:
    return InputError(
        f"{image.name!r} has planes in depth as well as frames; choose a plane or "
        "project along z first"
    )
