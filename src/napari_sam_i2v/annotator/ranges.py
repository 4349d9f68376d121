"""From what a person asks for to the frames that are tracked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from napari_sam_i2v.annotator.messages import Reach
from napari_sam_i2v.session.actions import Direction

if TYPE_CHECKING:
    from napari_sam_i2v.session import TrackingSession


@dataclass(frozen=True, kw_only=True)
class Span:
    """How far to track.

    Attributes
    ----------
    direction
        Which way.
    until
        To the ``end`` of the movie, over so many ``frames`` from the one shown, or to
        a ``frame``.
    number
        Of frames, or of the frame.
    """

    direction: Direction = "forward"
    until: Literal["end", "frames", "frame"] = "end"
    number: int = 10


def plan(
    session: TrackingSession, objects: tuple[int, ...] | None, span: Span, here: int
) -> list[Reach]:
    """Say which frames to visit.

    To the end of the movie every object is tracked from where it was prompted. Over
    some frames it goes on from the frame shown, or from where its masklet ends before.
    """
    if span.until == "end":
        return [Reach(objects=objects, direction=span.direction)]
    n_frames = session.shape[0]
    starts: dict[tuple[int, int], list[int]] = {}
    for one in session.summary():
        if objects is not None and one.object_id not in objects:
            continue
        first = here if one.first is None else min(here, one.first)
        # Of a cell that is gone, what comes behind its end is not done again.
        gone = one.gone is not None and one.gone <= here
        last = here if one.last is None or gone else min(here, one.last)
        high = max(here, one.first or here)
        ahead = behind = span.number
        if span.until == "frames":
            ahead, behind = here + span.number, here - span.number
        start, stop = {
            "forward": (last, ahead),
            "backward": (behind, high),
            "both": (min(behind, first), ahead),
        }[span.direction]
        reach = (max(0, start), min(n_frames, stop + 1))
        starts.setdefault(reach, []).append(one.object_id)
    return [
        Reach(objects=tuple(ids), start=start, stop=stop, direction=span.direction)
        for (start, stop), ids in starts.items()
        if start < stop
    ]


def correction(
    session: TrackingSession, object_id: int, here: int, direction: Direction
) -> Reach:
    """Say which frames a correction of an object concerns: to the next vouched one."""
    vouched = {p.frame for p in session.prompts() if p.object_id == object_id}
    vouched |= set(session.approved_frames(object_id))
    reach = Reach(objects=(object_id,), direction=direction)
    if direction == "forward":
        return replace(
            reach, start=here, stop=min((f for f in vouched if f > here), default=None)
        )
    return replace(
        reach, start=max((f + 1 for f in vouched if f < here), default=0), stop=here + 1
    )
