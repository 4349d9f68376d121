"""What a person can do to the objects of an annotated movie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels, Points, Shapes
from napari.utils.notifications import show_info, show_warning
from psygnal import Signal

from napari_sam_i2v.annotator import locks
from napari_sam_i2v.annotator.messages import Update
from napari_sam_i2v.annotator.objects import AnnotatorObjects
from napari_sam_i2v.annotator.ranges import Span, correction, plan
from napari_sam_i2v.annotator.reading import read_masks, read_points, read_shapes
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.session.actions import Direction

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_sam_i2v.annotator.geometry import MovieGeometry
    from napari_sam_i2v.session import TrackingSession


class AnnotatorVerbs(AnnotatorObjects):
    """The actions of an annotator; the keys, the widget and commands call them.

    Attributes
    ----------
    asked
        Emits what a person is to be shown or asked, by `ask`.
    span
        How far `propagate` goes.
    """

    asked = Signal(str)

    geometry: MovieGeometry
    span: Span = Span()

    # Prompts from elsewhere.

    def seed(self, labels: Labels, frame: int | None = None) -> None:
        """Make every cell of a label frame an object, its id kept.

        Parameters
        ----------
        labels
            Any Labels layer.
        frame
            Frame number; by default the one shown.

        Raises
        ------
        InputError
            There are no labels on that frame.
        """
        frame = self._frame if frame is None else frame
        masks = read_masks(self.geometry.label_frame(labels, frame), frame)
        if not masks:
            raise InputError(
                f"{labels.name!r} has no labels on frame {frame}; go to a frame that "
                "has some, or choose another layer"
            )
        self.give(masks)
        self.new_object()  # the next click is on a cell that was missed

    def adopt(self, layer: Points | Shapes) -> None:
        """Take the points or shapes of another layer as prompts.

        Where it has no feature ``object_id`` every point or shape is a new object.

        Raises
        ------
        InputError
            The layer is empty.
        """
        read: Any = read_points if isinstance(layer, Points) else read_shapes
        prompts = read(layer, self.geometry, self._free_id())
        if not prompts:
            raise InputError(f"{layer.name!r} is empty; add a point or a box first")
        if layer.ndim < len(self.geometry.axes):
            # Without a time axis of its own it is shown on every frame.
            prompts = [replace(prompt, frame=self._frame) for prompt in prompts]
        self.give(prompts)

    def take(self, layer: Layer | None) -> None:
        """Take prompts from a layer, as `seed` and `adopt` do.

        Raises
        ------
        InputError
            It is none with cells, is empty, or is one of the annotator's own.
        """
        own = layer in self.layers.all
        if isinstance(layer, Labels) and not own:
            self.seed(layer)
        elif isinstance(layer, Points | Shapes) and not own:
            self.adopt(layer)
        else:
            raise InputError(
                "choose a layer with cells first; open a label image, or segment one "
                "frame with a plugin"
            )

    # Tracking.

    def propagate(self) -> None:
        """Track all objects as far as `span` says."""
        self._propagate(None)

    def propagate_selected(self) -> None:
        """Track the selected objects, or the current one."""
        if not self._none_chosen("track"):
            self._propagate(self.targets)

    def _propagate(self, objects: tuple[int, ...] | None) -> None:
        span, here = self.span, self._frame
        asked = objects, span, here if span.until == "frames" else None
        self.track(lambda session: plan(session, objects, span, here), asked)

    def correct_forward(self) -> None:
        """Track the object again from this frame to the next vouched one."""
        self._correct("forward")

    def correct_backward(self) -> None:
        """Track the object again from this frame back to the last vouched one."""
        self._correct("backward")

    def _correct(self, direction: Direction) -> None:
        chosen, here = self.object_id, self._frame
        self.track(lambda session: [correction(session, chosen, here, direction)])

    def cancel(self) -> None:
        """Stop tracking; what is done is kept."""
        self._last_run = None
        self.jobs.cancel()

    # Objects.

    def approve_frame(self) -> None:
        """Lock the masks of the chosen objects on this frame."""
        self.approve(self.targets, [self._frame])

    def approve(self, object_ids: Iterable[int], frames: Iterable[int]) -> None:
        """Lock masks: nothing but their removal changes them until unlocked."""
        ids, chosen = tuple(object_ids), tuple(frames)

        def approve(session: TrackingSession) -> None:
            wanted = {(frame, i) for i in ids for frame in chosen}
            known = {(frame, i) for i in ids for frame in session.known_frames(i)}
            # Where none has a mask, the session says what to do about it.
            session.approve_all(wanted & known or wanted)

        if ids or not self._none_chosen("approve"):
            self.do(approve, "approved")

    def approve_all(
        self, object_ids: Iterable[int] | None = None, frames: range | None = None
    ) -> None:
        """Lock objects, by default the chosen ones, where they have a mask.

        Parameters
        ----------
        object_ids
            Ids of the objects.
        frames
            Frames on which to; by default all.
        """
        if object_ids is None and self._none_chosen("approve"):
            return
        ids = self.targets if object_ids is None else tuple(object_ids)
        self.do(
            lambda session: session.approve_all(
                (frame, i)
                for i in ids
                for frame in session.frames_of(i)
                if frames is None or frame in frames
            ),
            "approved",
        )

    def approve_until_here(self) -> None:
        """Lock the chosen objects on all frames up to this one."""
        self.approve_all(frames=range(self._frame + 1))

    def unapprove_all(self, object_ids: Iterable[int] | None = None) -> None:
        """Unlock objects, by default the chosen ones, on every frame."""
        if object_ids is None and self._none_chosen("unlock"):
            return
        ids = self.targets if object_ids is None else tuple(object_ids)
        self.do(
            lambda session: session.unapprove_all(
                (frame, i) for i in ids for frame in session.approved_frames(i)
            ),
            "unlocked",
        )

    def unapprove_frame(self) -> None:
        """Unlock the masks of the chosen objects on this frame."""
        ids, frame = self.targets, self._frame

        def unapprove(session: TrackingSession) -> None:
            locked = [i for i in ids if frame in session.approved_frames(i)]
            session.unapprove_all((frame, i) for i in locked or ids)

        if not self._none_chosen("unlock"):
            self.do(unapprove, "unlocked")

    def delete_object(self) -> None:
        """Remove the chosen objects, their prompts and masklets."""
        ids = self.targets
        if not self._none_chosen("delete"):
            self.do(lambda session: session.remove_all(ids), "deleted")

    def merge_objects(self) -> None:
        """Make the selected objects one, under the lowest id."""
        ids = sorted(self.targets)
        if len(ids) < 2:
            show_warning("select two or more objects in the table to merge them")
            return

        def merge(session: TrackingSession) -> None:
            locks.check_unlocked(session, locks.merged(session, ids))
            session.merge(*ids)

        self.do(merge, f"merged into {ids[0]}")
        self.choose(ids[0])

    def split_object(self) -> None:
        """Make the current object another one from this frame on."""
        chosen, here, new = self.object_id, self._frame, self._free_id()
        self._promised.add(new)
        text = f"object {new} from frame {here} on"
        self.do(lambda session: session.split(chosen, here, new), text)

    def end_object(self) -> None:
        """Have the chosen objects be gone from this frame on."""
        ids, here = self.targets or (self.object_id,), self._frame
        text = f"object {', '.join(map(str, ids))} ends before frame {here}"
        self.do(lambda session: locks.end(session, ids, here), text)

    def undo(self) -> None:
        """Undo the last action."""
        self._command(self.desk.undo)

    def redo(self) -> None:
        """Do again what was undone last."""
        self._command(self.desk.redo)

    # Sessions.

    def save(self, folder: str | Path | None = None) -> None:
        """Save the session into a folder; without one it is kept where it is."""
        if folder is None:
            show_info(f"the session is saved after every action, in {self.folder}")
            return
        self._command(lambda: self.desk.save(Path(folder)))

    def open(self, folder: str | Path) -> None:
        """Go on with a session of the same movie."""
        self.jobs.submit(lambda: self.desk.reopen(Path(folder)), self._reopened)
        self._tell()

    def _reopened(self, update: Update) -> None:
        super()._reopened(update)
        self.new_object()

    def export(self, folder: str | Path, formats: Iterable[str] = ()) -> None:
        """Write masklets and scores into a folder, with other formats."""
        chosen = tuple(formats)
        self._command(lambda: self.desk.export(Path(folder), chosen))

    def show_keys(self) -> None:
        """Show the sheet of keys."""
        self.ask("keys")

    def ask(self, what: str) -> None:
        """Have the widget ask a person, or show something.

        Parameters
        ----------
        what
            ``rename``, ``colour``, ``save``, ``open``, ``export``, ``keys`` or
            ``stop``.
        """
        self.asked.emit(what)
