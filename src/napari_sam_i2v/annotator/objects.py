"""Which objects of an annotated movie actions are for, and how they look."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info, show_warning
from psygnal import Signal

from napari_sam_i2v.annotator.work import AnnotatorWork

if TYPE_CHECKING:
    from napari_sam_i2v.session import TrackingSession


class AnnotatorObjects(AnnotatorWork):
    """The part of an annotator that chooses, finds, names and hides objects.

    Attributes
    ----------
    chosen
        Emits the current object's id.
    object_id
        The object that new prompts belong to.
    positive
        Whether a click says that the object is there.
    """

    chosen = Signal(int)

    object_id: int = 1
    positive: bool = True

    @property
    def targets(self) -> tuple[int, ...]:
        """Ids of the objects that an action is for: selected ones, else the current."""
        known = {one.object_id for one in self.objects}
        chosen = tuple(i for i in self.selected if i in known)
        return chosen or ((self.object_id,) if self.object_id in known else ())

    def choose(self, object_id: int, positive: bool = True) -> None:
        """Have the next prompts belong to an object; others are not selected then."""
        if object_id not in self.selected:
            self.select(())
        self.object_id, self.positive = object_id, positive
        self.layers.choose(object_id, positive)
        self.chosen.emit(object_id)

    def new_object(self) -> None:
        """Have the next prompts belong to a new object."""
        self.choose(self._free_id())

    def _free_id(self) -> int:
        """Give the first id above all that objects and what waits have."""
        known = {one.object_id for one in self.objects} | self._promised
        known |= {object_id for _, object_id in self._known}
        return max(known, default=0) + 1

    def toggle_polarity(self) -> None:
        """Switch between clicks that say where the object is and where it is not."""
        self.choose(self.object_id, not self.positive)

    def next_object(self) -> None:
        """Go on to the next object."""
        self._turn(1)

    def previous_object(self) -> None:
        """Go back to the object before."""
        self._turn(-1)

    def _turn(self, by: int) -> None:
        ids = [one.object_id for one in self.objects]
        if ids:
            here = ids.index(self.object_id) if self.object_id in ids else -by
            self.look_at(ids[(here + by) % len(ids)])

    def look_at(self, object_id: int) -> None:
        """Select an object and show it, on the current frame where it is there."""
        self.choose(object_id)
        self.select([object_id])
        summary = next((o for o in self.objects if o.object_id == object_id), None)
        if summary is None or summary.first is None or summary.last is None:
            return
        frame = min(max(self._frame, summary.first), summary.last)
        here = self.layers.stack[frame] == object_id
        if here.any():
            rows, columns = here.any(axis=1).nonzero()[0], here.any(axis=0).nonzero()[0]
            middle = (rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2
            self.layers.go_to(frame, (float(middle[0]), float(middle[1])))
        else:
            self.layers.go_to(frame)

    def look_at_worst(self) -> None:
        """Show the tracked mask that the network trusts least, to mend or approve it.

        Prompted and approved frames are left out: what was seen to does not come back.
        """
        tracked = [one for one in self.objects if one.lowest_score is not None]
        if not tracked:
            show_info("no masks are left to look at: track first, or all are approved")
            return
        worst = min(tracked, key=lambda one: one.lowest_score or 0.0)
        self.layers.go_to(worst.lowest_frame or 0)
        self.look_at(worst.object_id)

    def rename(self, object_id: int, name: str) -> None:
        """Give an object a name."""
        self.do(lambda s: s.style(object_id, name=name), "renamed", masks=False)

    def colour(self, object_ids: int | Iterable[int], colour: str) -> None:
        """Give an object, or several, a colour, ``#rrggbb``."""
        ids = object_ids if isinstance(object_ids, int) else tuple(object_ids)
        self.do(lambda s: s.style(ids, colour=colour), "recoloured", masks=False)

    def hide(
        self, object_ids: Iterable[int] | None = None, hidden: bool = True
    ) -> None:
        """Do not draw objects, by default the chosen ones, or draw them again."""
        ids = tuple(self.targets if object_ids is None else object_ids)
        if not ids:
            return
        waiting = dict.fromkeys(ids, hidden)
        text = "hidden" if hidden else "shown again"

        def hide(session: TrackingSession) -> None:
            there = [i for i in ids if i in session.object_ids]
            if there:
                session.style(there, hidden=hidden)

        def answered() -> None:
            self._hiding = [one for one in self._hiding if one is not waiting]
            self._look_again()

        self._hiding.append(waiting)  # seen at once, whatever is waiting
        self._look_again()
        act = partial(self.desk.act, hide, text, masks=False)
        self._command(act, answered=answered)

    def _look_again(self) -> None:
        self.recolour()
        self.objects_changed.emit(self.objects)

    def show_all(self) -> None:
        """Draw all objects again."""
        self.hide(self.hidden, False)

    def _none_chosen(self, verb: str) -> bool:
        if self.targets:
            return False
        show_warning(f"there is no object to {verb}; click a cell first")
        return True
