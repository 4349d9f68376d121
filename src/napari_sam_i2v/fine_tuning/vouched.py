"""Which masks of a session a person vouched for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from napari_sam_i2v.session.actions import Action
from napari_sam_i2v.session.document import Document

MOVIE_FILE = "frames.tif"
"""Movie beside a session kept for training, where it is no file: frames in use."""


def vouched_frames(log: Iterable[Action]) -> dict[int, tuple[int, ...]]:
    """Map each object's id to the frames on which it was prompted or approved, sorted.

    Parameters
    ----------
    log
        Actions of the session, oldest first.
    """
    state = Document(log).state
    return {
        object_id: tuple(state.conditioning_frames(object_id))
        for object_id in state.object_ids
    }


def runs(frames: Sequence[int]) -> list[range]:
    """Join sorted frame numbers into runs without gaps."""
    found: list[range] = []
    for frame in frames:
        if found and found[-1].stop == frame:
            found[-1] = range(found[-1].start, frame + 1)
        else:
            found.append(range(frame, frame + 1))
    return found
