"""What a person said of the cells of a movie, taken from one session to another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import Style
from napari_sam_i2v.session.revisions import as_prompt

if TYPE_CHECKING:
    from napari_sam_i2v.annotator.annotator import Annotator
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
    """

    prompts: tuple[Prompt, ...] = ()
    approved: tuple[tuple[int, int], ...] = ()
    styles: tuple[tuple[int, Style], ...] = ()

    @classmethod
    def of(cls, annotator: Annotator) -> Carried:
        """Take what an annotator knows, prompts that wait for an answer included."""
        given = list(annotator.prompts)
        if not annotator.desk.is_open:
            return cls(prompts=tuple(given))
        session = annotator.desk.session
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
            given += [as_prompt(masks[i]) for _, i in places if i in masks]
        return cls(
            prompts=tuple(given),
            approved=tuple(approved),
            styles=tuple(session.styles.items()),
        )

    def give(self, annotator: Annotator) -> None:
        """Have a new annotator say the same."""
        if not self.prompts:
            return
        annotator.give(self.prompts)
        if self.approved or self.styles:
            annotator.do(self._say, "prompts, approvals and names are as before")

    def _say(self, session: TrackingSession) -> None:
        if self.approved:
            session.approve_all(self.approved)
        session.restyle(dict(self.styles))
