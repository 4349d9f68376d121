"""The four layers of an annotated movie: clicks, shapes, painted masks, masklets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_warning

from napari_sam_i2v.annotator.aside import empty_labels, mark, put_aside
from napari_sam_i2v.annotator.geometry import MovieGeometry
from napari_sam_i2v.annotator.names import OBJECT_ID, POSITIVE
from napari_sam_i2v.annotator.reading import (
    Place,
    read_points,
    read_shapes,
    write_masks,
)
from napari_sam_i2v.annotator.rows import name_last_rows, remove_rows
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt

if TYPE_CHECKING:
    import napari
    from napari.layers import Layer

_DIMMED = 0.3
"""Opacity of masklets beside those that are selected."""

_POSITIVE, _NEGATIVE = "disc", "cross"

PLACEMENT = ("scale", "translate", "rotate", "shear", "affine")
"""What a layer may be moved by while it is in use."""


class AnnotationLayers:
    """The prompt layers and the masklets of one movie, in one viewer.

    Parameters
    ----------
    viewer
        Where they are added, above the image.
    geometry
        Where the movie lies.
    dtype
        Of the label layers.

    Attributes
    ----------
    points, shapes, masks
        Prompt layers.
    masklets
        The result.
    writing
        Whether a change comes from here, not from a person.
    drawn_on
        Whether a person is drawing a stroke, over which nothing is to be painted.
    missed
        Frames that were not painted for that reason.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        geometry: MovieGeometry,
        dtype: np.dtype[Any] | type = np.uint16,
    ) -> None:
        self._viewer = viewer
        self._geometry = geometry
        self.writing = self.drawn_on = False
        self.missed: set[int] = set()
        self._chosen = 1, True
        name = geometry.image.name
        put_aside(viewer, geometry.image)
        place = geometry.placement()
        self.stack = empty_labels(geometry.shape, np.dtype(dtype))
        self.painted = empty_labels(geometry.shape, np.dtype(dtype))
        self.masklets = viewer.add_labels(
            geometry.as_layer(self.stack), name=f"{name} masklets", opacity=0.6, **place
        )
        self.masks = viewer.add_labels(
            geometry.as_layer(self.painted),
            name=f"{name} mask prompts",
            opacity=0.35,
            **place,
        )
        self.masks.contour = 1
        self._cyclic = self.masklets.colormap
        self._colours: dict[int, str] = {}
        self._hidden: set[int] = set()
        self._selected: set[int] = set()
        self._ids: set[int] = set()
        features = {OBJECT_ID: np.zeros(0, int), POSITIVE: np.zeros(0, bool)}
        defaults = {OBJECT_ID: 1, POSITIVE: True}
        self.shapes = viewer.add_shapes(
            ndim=len(geometry.axes),
            name=f"{name} boxes",
            face_color="transparent",
            edge_width=max(1.0, min(geometry.shape[1:]) / 300),
            features=features,
            feature_defaults=defaults,
            **place,
        )
        self.points = viewer.add_points(
            ndim=len(geometry.axes),
            name=f"{name} clicks",
            size=max(2.0, min(geometry.shape[1:]) / 64),
            border_color="white",
            border_width=0.15,
            features=features,
            feature_defaults=defaults,
            **place,
        )
        roles = ("masklets", "masks", "shapes", "points")
        for role, layer in zip(roles, self.all, strict=True):
            mark(layer, geometry.image, role)

    @property
    def all(self) -> list[Layer]:
        """The layers, from the bottom."""
        return [self.masklets, self.masks, self.shapes, self.points]

    def follow(self) -> None:
        """Lie where the image lies now."""
        place = self._geometry.placement()
        with self.own_change():
            for layer in self.all:
                for name in PLACEMENT:
                    setattr(layer, name, place[name])

    @contextmanager
    def own_change(self) -> Iterator[None]:
        """Mark what is changed meanwhile as not done by a person."""
        before, self.writing = self.writing, True
        try:
            yield
        finally:
            self.writing = before

    def choose(self, object_id: int, positive: bool) -> None:
        """Have new points, shapes and strokes belong to an object."""
        self._chosen = object_id, positive
        with self.own_change():
            self.ids = self.ids | {object_id}
            # Napari would give the selected ones the new colour and features.
            self.points.selected_data = set()
            self.shapes.selected_data = set()
            colour = self.colour(object_id)
            defaults = {OBJECT_ID: object_id, POSITIVE: positive}
            self.points.feature_defaults = defaults
            self.points.current_face_color = colour
            self.points.current_symbol = _POSITIVE if positive else _NEGATIVE
            self.shapes.feature_defaults = defaults
            self.shapes.current_edge_color = colour
            for layer in (self.masks, self.masklets):
                layer.selected_label = object_id

    def colour(self, object_id: int) -> np.ndarray:
        """Give an object's colour, RGBA in 0 to 1, opaque."""
        from napari.utils.colormaps.standardize_color import transform_color

        if object_id in self._colours:
            return np.asarray(transform_color(self._colours[object_id])[0])
        return np.array([*self._cyclic.map(object_id)[:3], 1.0])

    def recolour(
        self,
        colours: Mapping[int, str],
        hidden: Iterable[int],
        selected: Iterable[int] = (),
    ) -> None:
        """Draw some objects in colours of their own, and others not at all.

        Where objects are selected, the masklets of others are dimmed.
        """
        before = self._colours, self._hidden
        self._colours, self._hidden = dict(colours), set(hidden)
        self._selected = set(selected)
        with self.own_change():
            self._recolour_masklets()
            if before != (self._colours, self._hidden):
                self._recolour_prompts()

    @property
    def ids(self) -> set[int]:
        """Ids that the label colours cover."""
        return self._ids

    @ids.setter
    def ids(self, ids: Iterable[int]) -> None:
        before, self._ids = self._ids, set(ids)
        special = self._colours or self._hidden or self._selected
        if self._ids - before and special:
            # What is not in napari's table of colours is not drawn at all.
            with self.own_change():
                self._recolour_masklets()
                self._recolour_masks()

    def show(self, frame: int, labels: np.ndarray) -> None:
        """Show the masklets of a frame, labels ``(Y, X)``."""
        if self.drawn_on and self.frame_shown() == frame:
            self.missed.add(frame)
            return
        self.widen(int(labels.max(initial=0)))
        # What is written takes up memory, even if it is nothing over nothing.
        if labels.any() or self.stack[frame].any():
            self.stack[frame] = labels
        if self.frame_shown() == frame:
            with self.own_change():
                self.masklets.refresh(extent=False, thumbnail=False, highlight=False)

    @property
    def is_drawing(self) -> bool:
        """Whether a person is at a shape that is not done yet."""
        return bool(self.shapes._is_creating)  # noqa: SLF001  napari has no other

    def keep_data(self, event: Any) -> None:
        """Put labels back that somebody has put others in place of."""
        layer = event.source
        ours = self.stack if layer is self.masklets else self.painted
        if self.writing or np.shares_memory(layer.data, ours):
            return
        with self.own_change():
            layer.data = self._geometry.as_layer(ours)
        show_warning(
            f"{layer.name!r} is in use and stays as it was; duplicate the layer, and "
            "convert or change the copy"
        )

    def widen(self, highest: int) -> None:
        """Make room for ids that 16 bits do not hold."""
        if highest <= np.iinfo(self.stack.dtype).max:
            return
        with self.own_change():
            self.stack = self.stack.astype(np.uint32)
            self.painted = self.painted.astype(np.uint32)
            self.masklets.data = self._geometry.as_layer(self.stack)
            self.masks.data = self._geometry.as_layer(self.painted)

    def frame_shown(self) -> int:
        """Frame that the viewer's slider is at."""
        dims, geometry = self._viewer.dims, self._geometry
        world = np.array(dims.point)[-len(geometry.axes) :]
        t = geometry.image.world_to_data(world)[geometry.tyx[0]]
        return int(np.clip(round(float(t)), 0, geometry.shape[0] - 1))

    def go_to(self, frame: int, yx: tuple[float, float] | None = None) -> None:
        """Turn the slider to a frame and the camera to a place on it."""
        geometry, viewer = self._geometry, self._viewer
        centre = (geometry.shape[1] / 2, geometry.shape[2] / 2) if yx is None else yx
        [point] = geometry.coordinates(np.array([[frame, *centre]], float))
        world = np.array(geometry.image.data_to_world(point))
        beyond = viewer.dims.ndim - len(world)
        axis = beyond + geometry.tyx[0]
        viewer.dims.set_point(axis, float(world[geometry.tyx[0]]))
        if yx is not None and viewer.dims.ndisplay == 2 and not self._in_sight(yx):
            shown = [one - beyond for one in viewer.dims.displayed]
            # Since napari 0.9 the camera is the scene's.
            camera = getattr(viewer, "scene", viewer).camera
            camera.center = tuple(world[shown])

    def _in_sight(self, yx: tuple[float, float]) -> bool:
        """Whether a place is on the canvas now, not just at its edge."""
        _, y, x = self._geometry.tyx
        image = self._geometry.image
        corners = np.asarray(image.corner_pixels, float)
        if image.multiscale:
            corners = corners * image.downsample_factors[image.data_level]
        low, high = corners[:, [y, x]]
        edge = 0.05 * (high - low)
        return bool(((low + edge <= yx) & (yx <= high - edge)).all())

    def prompts(self) -> list[Prompt]:
        """Read the points and shapes."""
        shapes = read_shapes(self.shapes, self._geometry)
        return [*shapes, *read_points(self.points, self._geometry)]

    def put(self, places: Mapping[Place, Iterable[Prompt]]) -> None:
        """Have the layers say of objects on frames just what is given."""
        # Many at once: napari goes through a whole layer at every change of it.
        given = [prompt for prompts in places.values() for prompt in prompts]
        with self.own_change():
            rows = len(self.points.data), len(self.shapes.data)
            points = read_points(self.points, self._geometry)
            remove_rows(self.points, ((p.frame, p.object_id) for p in points), places)
            remove_rows(self.shapes, self._places_of_shapes(), places)
            masks: dict[Place, list[MaskPrompt]] = {place: [] for place in places}
            for prompt in given:
                if isinstance(prompt, MaskPrompt):
                    masks[prompt.frame, prompt.object_id].append(prompt)
            for (frame, object_id), found in masks.items():
                if frame < len(self.painted):
                    self._put_mask(frame, object_id, found)
            self._add_boxes([one for one in given if isinstance(one, BoxPrompt)])
            self._add_points([one for one in given if isinstance(one, PointPrompt)])
            if rows != (len(self.points.data), len(self.shapes.data)) or given:
                # Napari takes what came last for what is drawn next.
                self.choose(*self._chosen)
            if self.frame_shown() in {frame for frame, _ in places}:
                self.masks.refresh(extent=False, thumbnail=False, highlight=False)

    def _put_mask(self, frame: int, object_id: int, masks: list[MaskPrompt]) -> None:
        if not masks and not (self.painted[frame] == object_id).any():
            return
        self.widen(object_id)
        write_masks(self.painted[frame], object_id, masks)

    def _places_of_shapes(self) -> Iterator[Place]:
        for vertices, object_id in zip(
            self.shapes.data, self.shapes.features[OBJECT_ID], strict=True
        ):
            tyx = self._geometry.positions(self.shapes, vertices)
            yield round(float(tyx[:, 0].mean())), int(object_id)

    def _add_boxes(self, boxes: list[BoxPrompt]) -> None:
        if not boxes:
            return
        corners = []
        for box in boxes:
            (top, left), (bottom, right) = box.yx_min, box.yx_max
            around = [(top, left), (top, right), (bottom, right), (bottom, left)]
            tyx = np.array([[box.frame, y, x] for y, x in around], float)
            corners.append(self._geometry.coordinates(tyx))
        colours = [self.colour(box.object_id) for box in boxes]
        self.shapes.add_rectangles(corners, edge_color=colours)
        name_last_rows(self.shapes, [(box.object_id, True) for box in boxes])

    def _add_points(self, points: list[PointPrompt]) -> None:
        if not points:
            return
        tyx = np.array([[point.frame, *point.yx] for point in points], float)
        layer, new = self.points, slice(-len(points), None)
        layer.selected_data = set()
        layer.add(self._geometry.coordinates(tyx))
        layer.selected_data = set()
        name_last_rows(layer, [(point.object_id, point.positive) for point in points])
        colours = np.array(layer.face_color)
        colours[new] = [self.colour(point.object_id) for point in points]
        layer.face_color = colours
        symbols = np.array(layer.symbol)
        symbols[new] = [_POSITIVE if p.positive else _NEGATIVE for p in points]
        layer.symbol = symbols

    def _recolour_masklets(self) -> None:
        special = self._colours or self._hidden or self._selected
        table = self._colour_table() if special else {}
        if self._selected:
            for object_id in self.ids - self._selected:
                table[object_id] = self.colour(object_id) * (1, 1, 1, _DIMMED)
        table |= dict.fromkeys(self._hidden, "transparent")
        self.masklets.colormap = self._colormap(table)

    def _recolour_masks(self) -> None:
        special = self._colours or self._hidden
        table = self._colour_table() if special else {}
        table |= dict.fromkeys(self._hidden, "transparent")
        self.masks.colormap = self._colormap(table)

    def _colour_table(self) -> dict[int | None, Any]:
        """Colours of all labels; what is not in it is not drawn."""
        table: dict[int | None, Any] = {None: "transparent", 0: "transparent"}
        for object_id in self.ids | set(self._colours) | self._hidden:
            table[object_id] = self.colour(object_id)
        return table

    def _colormap(self, table: dict[int | None, Any]) -> Any:
        from napari.utils import DirectLabelColormap

        return DirectLabelColormap(color_dict=table) if table else self._cyclic

    def _recolour_prompts(self) -> None:
        self._recolour_masks()
        if len(self.points.data):
            ids = self.points.features[OBJECT_ID]
            self.points.face_color = np.array([self.colour(int(i)) for i in ids])
            self.points.shown = ~ids.isin(self._hidden).to_numpy()
        if len(self.shapes.data):
            ids = self.shapes.features[OBJECT_ID]
            colours = np.array([self.colour(int(i)) for i in ids])
            colours[ids.isin(self._hidden).to_numpy(), 3] = 0
            self.shapes.edge_color = colours
