"""What a person said of the cells of a movie, taken from one session to another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import Style
from napari_sam_i2v.session.revisions import as_prompt

if TYPE_CHECKING:
    from napari_sam_i2v.annotator.annotator import Annotator
    from napari_sam_i2v.annotator.desk import Desk
    from napari_sam_i2v.session import TrackingSession


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What another model is to start from.

    Attributes
    ----------
    prompts
        All that were given; an approved mask that none led to is one.
    approved
        (frame, object id) of approved masks.
    styles
        Names and colours, by object.
    ends
        (object id, frame) of objects that a person ended before a frame.
    """

    prompts: tuple[Prompt, ...] = ()
    approved: tuple[tuple[int, int], ...] = ()
    styles: tuple[tuple[int, Style], ...] = ()
    ends: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, prompts: Iterable[Prompt], desk: Desk) -> Carried:
        """Take what a session knows; ``prompts`` where there is none.

        Reads masks, so it is for the worker.
        """
        if not desk.is_open:
            return cls(prompts=tuple(prompts))
        session = desk.session
        given = session.prompts()
        prompted = {(prompt.frame, prompt.object_id) for prompt in given}
        approved = sorted(
            (frame, object_id)
            for object_id in session.object_ids
            for frame in session.approved_frames(object_id)
        )
        unprompted = [place for place in approved if place not in prompted]
        # A frame is read with all its masks, so each only once.
        for frame, places in groupby(unprompted, key=itemgetter(0)):
            masks = session.masklets.frame(frame).masks
            # Where a cell is gone there is nothing to prompt it by.
            seen = [masks[i] for _, i in places if i in masks and masks[i].area]
            given += [as_prompt(mask) for mask in seen]
        told = {(prompt.frame, prompt.object_id) for prompt in given}
        return cls(
            prompts=tuple(given),
            approved=tuple(place for place in approved if place in told),
            styles=tuple(session.styles.items()),
            ends=tuple(
                (one.object_id, one.ended)
                for one in session.summary()
                if one.ended is not None
            ),
        )

    def give(self, annotator: Annotator) -> None:
        """Have a new annotator say the same."""
        if not self.prompts:
            return
        annotator.give(self.prompts)
        annotator.new_object()
        if self.approved or self.styles or self.ends:
            annotator.do(self._say, "prompts, approvals and names are as before")

    def _say(self, session: TrackingSession) -> None:
        if self.approved:
            session.approve_all(self.approved)
        session.restyle(dict(self.styles))
        for object_id, frame in self.ends:
            session.end(object_id, frame)
