"""A movie in napari, annotated: prompt layers in, masklets out, without Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning

from napari_sam_i2v.annotator import enrol
from napari_sam_i2v.annotator.drawing import AnnotatorDrawing
from napari_sam_i2v.annotator.geometry import MovieGeometry, find_geometry
from napari_sam_i2v.annotator.jobs import Post
from napari_sam_i2v.annotator.keys import BoundKeys
from napari_sam_i2v.annotator.layers import PLACEMENT, AnnotationLayers
from napari_sam_i2v.annotator.names import SESSION_KEY
from napari_sam_i2v.annotator.status import Options, Status
from napari_sam_i2v.video import open_video

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Layer

_UNDO_KEYS = ("Control-Z", "Control-Shift-Z")


class Annotator(AnnotatorDrawing):
    """Keeps the layers of a viewer and a session in step; all work is in a worker.

    Parameters
    ----------
    viewer
        The viewer.
    image
        The movie.
    options
        Model, device and the like.
    post
        Takes functions to the viewer's thread.
    after
        Worker of an annotator that was closed, which may still be at something.

    Attributes
    ----------
    started
        When, on the monotonic clock.
    is_open
        Whether it has not been closed.

    Raises
    ------
    InputError
        The layer is no movie.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        image: Image,
        options: Options | None = None,
        *,
        post: Post,
        after: Thread | None = None,
    ) -> None:
        self.viewer = viewer
        self.image = image
        self.options = options = options or Options()
        self.geometry: MovieGeometry = find_geometry(
            image, viewer.dims, options.time_axis
        )
        channel = self._channel()
        video = open_video(
            image,
            axes=self.geometry.video_axes,
            channel=channel,
            contrast=self._limits() if options.as_seen else None,
        )
        super().__init__(
            AnnotationLayers(viewer, self.geometry),
            post,
            f"loading {options.model}",
            after,
        )
        self.started = time.monotonic()
        self.is_open = self._is_same_movie = True
        self._looking = False
        self._seen = self._limits(), float(image.gamma)
        self._keys = BoundKeys(viewer, self)
        self._connect()
        self.choose(1)
        enrol(self)
        name, asked = image.name, replace(options, channel=channel)
        self.jobs.submit(
            lambda: self.desk.open(video, asked, name),
            self._opened,
            self._not_opened,
        )
        if self.options.as_seen:
            self._look()
        self.set_mode("points")

    # What prompts and changes of the layers come to.

    def _connect(self) -> None:
        layers, image = self.layers, self.image
        self._connections: list[tuple[Any, Callable[..., None]]] = [
            (layers.points.events.data, self._prompts_changed),
            (layers.points.events.features, self._prompts_changed),
            (layers.shapes.events.data, self._prompts_changed),
            (layers.shapes.events.features, self._prompts_changed),
            (layers.points.events.mode, self._tool_chosen),
            (layers.shapes.events.mode, self._tool_chosen),
            (layers.masks.events.data, layers.keep_data),
            (layers.masklets.events.data, layers.keep_data),
            (layers.masks.events.paint, self._masks_painted),
            (layers.masklets.events.paint, self._masklets_painted),
            (layers.masklets.events.selected_label, self._label_chosen),
            (layers.masks.events.selected_label, self._label_chosen),
            (self.viewer.dims.events.current_step, self._step),
            (self.viewer.layers.events.removed, self._layer_removed),
        ]
        self._connections.append((image.events.data, self._replaced))
        for name in PLACEMENT:
            self._connections.append((getattr(image.events, name), self._moved))
        if self.options.as_seen and not image.rgb:
            self._connections += [
                (image.events.contrast_limits, self._look),
                (image.events.gamma, self._look),
            ]
        for emitter, callback in self._connections:
            emitter.connect(callback)
        layers.points.mouse_drag_callbacks.insert(0, self._modified_click)
        layers.masklets.mouse_drag_callbacks.append(self._stroke)
        for layer in (layers.masklets, layers.masks, layers.points, layers.shapes):
            # Napari's own undo of a stroke would not reach the session; ours does.
            for key, verb in zip(_UNDO_KEYS, (self.undo, self.redo), strict=True):
                layer.bind_key(key, _without_layer(verb), overwrite=True)
        for layer in (layers.masklets, layers.masks):
            # Napari's new label is new in that layer, not among all objects.
            layer.bind_key("M", _without_layer(self.new_object), overwrite=True)

    # What the viewer does.

    def _tool_chosen(self, event: Any) -> None:
        """Napari takes what was selected for what is next; here it is the object."""
        if str(event.source.mode).startswith("add"):
            self.layers.choose(self.object_id, self.positive)
        self._catch_up()

    def _modified_click(self, _layer: Any, event: Any) -> Iterator[None]:
        """Alt or Control: not here. Shift: another cell. Napari adds the point."""
        held = set(event.modifiers)
        if self.layers.points.mode != "add" or not held & {"Alt", "Control", "Shift"}:
            return
        object_id, positive = self.object_id, self.positive
        if "Shift" in held:
            self.new_object()
        else:
            self.choose(object_id, not positive)
        yield
        while event.type == "mouse_move":
            yield
        # Napari's own callback, which adds the point, comes after this one.
        if "Shift" not in held:
            self.jobs.post(lambda: self.choose(object_id, positive))

    def _stroke(self, _layer: Any, event: Any) -> Iterator[None]:
        """While a person draws on the masklets, that frame is not painted anew."""
        self.layers.drawn_on = True
        yield
        while event.type == "mouse_move":
            yield

        def over() -> None:
            self.layers.drawn_on = False
            while self.layers.missed:
                frame = self.layers.missed.pop()
                self._submit(partial(self.desk.repaint, frame))

        # Napari tells of the stroke when all callbacks are through.
        self.jobs.post(over)

    @property
    def tools(self) -> dict[Layer | None, str]:
        """Layers, and the kinds of `set_mode` that they are for."""
        layers = self.layers
        return {
            layers.points: "points",
            layers.shapes: "boxes",
            layers.masks: "masks",
            layers.masklets: "masklets",
        }

    def set_mode(self, kind: str) -> None:
        """Make a layer the active one, in the mode that adds to it.

        Parameters
        ----------
        kind
            ``points``, ``boxes``, ``masks`` or ``masklets``.
        """
        layer, mode = {
            "points": (self.layers.points, "add"),
            "boxes": (self.layers.shapes, "add_rectangle"),
            "masks": (self.layers.masks, "paint"),
            "masklets": (self.layers.masklets, "paint"),
        }[kind]
        if layer in self.viewer.layers:
            self.viewer.layers.selection.active = layer
            layer.mode = mode

    def take_active_layer(self) -> None:
        """Take prompts from the layer that is active in the viewer."""
        self.take(self.viewer.layers.selection.active)

    def _label_chosen(self, event: Any) -> None:
        label = int(event.source.selected_label)
        if not self.layers.writing and label and label != self.object_id:
            self.choose(label)

    def _moved(self, _event: Any = None) -> None:
        self.layers.follow()

    def _replaced(self, _event: Any = None) -> None:
        if not self._is_same_movie:
            return
        self._is_same_movie = False
        self.image.metadata.pop(SESSION_KEY, None)
        show_warning(
            f"{self.image.name!r} has other pixels now, but masklets are still made of "
            "those it was started on: press Stop and Start to go by the new ones"
        )

    def _step(self, _event: Any = None) -> None:
        self._frame = self.layers.frame_shown()

    def _look(self, _event: Any = None) -> None:
        """Have the network see what a person sees; a slider dragged is one look."""
        self._seen = self._limits(), float(self.image.gamma)
        if not self._looking:
            self._looking = True
            self.jobs.submit(self._see)

    def _see(self) -> None:
        self._looking = False  # before it looks: what changes now is looked at again
        self.desk.look(*self._seen)

    def _limits(self) -> tuple[float, float] | None:
        if self.image.rgb:
            return None
        low, high = self.image.contrast_limits
        return (float(low), float(high)) if low < high else None

    def _channel(self) -> int | tuple[int, ...] | None:
        if self.options.channel is not None:
            return self.options.channel
        axis = self.geometry.channel_axis
        if axis is None:
            return None
        beyond = self.viewer.dims.ndim - len(self.geometry.axes)
        return int(self.viewer.dims.current_step[beyond + axis])

    def _layer_removed(self, event: Any) -> None:
        name = event.value.name
        if event.value not in self.layers.all or self.layers.writing:
            return

        def explain() -> None:
            # All layers go when the viewer is closed: nothing to explain then.
            if self.image in self.viewer.layers:
                show_info(
                    f"{name!r} was deleted; the session is kept: press Start to go on "
                    "with it"
                )

        self.jobs.post(explain)
        self.close(wait=0)

    def close(self, wait: float = 5.0) -> None:
        """Stop the worker, let go of the model and of the layers, which stay.

        Parameters
        ----------
        wait
            Seconds to wait for the step that the worker is at. It ends after that
            step in any case, and leaves the session whole.
        """
        if not self.is_open:
            return
        self.is_open = False
        self._keys.release()
        if self.objects and self.folder is not None and self._is_same_movie:
            self.image.metadata[SESSION_KEY] = str(self.folder)
        for emitter, callback in self._connections:
            emitter.disconnect(callback)
        self._connections = []
        self.layers.points.mouse_drag_callbacks.remove(self._modified_click)
        self.layers.masklets.mouse_drag_callbacks.remove(self._stroke)
        for layer in self.layers.all:
            for key in _UNDO_KEYS:
                layer.bind_key(key, None)
            if layer is not self.layers.masklets:
                layer.editable = False  # nobody would hear of what is drawn there
        for layer in (self.layers.masklets, self.layers.masks):
            layer.bind_key("M", None)
        # In the worker, which may still be at something.
        self.jobs.close(wait, last=self.desk.close)
        self.status = Status()
        self.status_changed.emit(self.status)


def _without_layer(verb: Callable[[], None]) -> Callable[[Any], None]:
    return lambda _: verb()
