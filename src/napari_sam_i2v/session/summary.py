"""What a table of objects shows of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sam_i2v.masklets import NO_MORE, Ending
from napari_sam_i2v.session.document import State
from napari_sam_i2v.session.visible import Places

_SAID = tuple(NO_MORE.values())


@dataclass(frozen=True, kw_only=True)
class ObjectSummary:
    """An object in one line.

    Attributes
    ----------
    object_id
        Its id.
    first, last
        Frames of its first and last mask; ``None`` where it has none.
    prompts
        How many it was given.
    approved
        On how many frames its mask is approved.
    lowest_score
        Lowest predicted IoU of its tracked masks, 0 to 1; ``None`` without any.
    lowest_frame
        Frame of that mask.
    ended
        Frame from which on it is gone, if it was ended; it is not tracked there.
    gone
        Frame from which on tracking found it gone for good.
    divided
        The same, where it is gone because it has divided.
    """

    object_id: int
    first: int | None
    last: int | None
    prompts: int
    approved: int
    lowest_score: float | None
    lowest_frame: int | None = None
    ended: int | None = None
    gone: int | None = None
    divided: int | None = None


def summarise(places: Places, state: State) -> list[ObjectSummary]:
    """Describe every object.

    Parameters
    ----------
    places
        Where all the masks are.
    state
        Says which objects there are.

    Returns
    -------
    list of ObjectSummary
        Sorted by id.
    """
    ids = state.object_ids
    span = 1 + int(places.frames.max(initial=0))
    vouched = [i * span + t for i in ids for t in state.conditioning_frames(i)]
    tracked = ~np.isin(places.object_ids * span + places.frames, vouched)
    starts = np.searchsorted(places.object_ids, ids, "left").tolist()
    stops = np.searchsorted(places.object_ids, ids, "right").tolist()
    lines = []
    for object_id, start, stop in zip(ids, starts, stops, strict=True):
        rows = start + np.flatnonzero(places.filled[start:stop])
        frames, unsure = places.frames[rows], rows[tracked[rows]]
        scores = places.predicted_iou[unsure]
        worst = int(scores.argmin()) if scores.size else None
        gone, ending = _gone(places, rows, stop)
        line = ObjectSummary(
            object_id=object_id,
            first=int(frames[0]) if frames.size else None,
            last=int(frames[-1]) if frames.size else None,
            prompts=sum(map(len, state.prompts.get(object_id, {}).values())),
            approved=len(state.approved.get(object_id, ())),
            lowest_score=None if worst is None else float(scores[worst]),
            lowest_frame=None if worst is None else int(places.frames[unsure[worst]]),
            ended=state.ends.get(object_id),
            gone=gone,
            divided=gone if ending == "divided" else None,
        )
        lines.append(line)
    return lines


def _gone(
    places: Places, rows: NDArray[np.intp], stop: int
) -> tuple[int, Ending] | tuple[None, None]:
    """Give the frame from which the engine says that there are no more masks, and why.

    The first of them after the last mask: an earlier run may have left others.
    """
    after = int(rows[-1]) + 1 if rows.size else stop
    known = after + np.flatnonzero(np.isin(places.predicted_iou[after:stop], _SAID))
    if not known.size:
        return None, None
    ending = next(e for e, i in NO_MORE.items() if places.predicted_iou[known[0]] == i)
    return int(places.frames[known[0]]), ending
