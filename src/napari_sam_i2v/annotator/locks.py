"""Approved masks are locked: in the viewer nothing changes them but their removal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from napari_sam_i2v.annotator.reading import Place
from napari_sam_i2v.errors import InputError

if TYPE_CHECKING:
    from napari_sam_i2v.session import TrackingSession


def check_unlocked(session: TrackingSession, places: Iterable[Place]) -> None:
    """Refuse to change masks, by frame and object id, that are approved."""
    frames: dict[int, set[int]] = defaultdict(set)
    for frame, object_id in places:
        frames[object_id].add(frame)
    for object_id in sorted(frames.keys() & set(session.object_ids)):
        locked = frames[object_id].intersection(session.approved_frames(object_id))
        if locked:
            raise InputError(
                f"object {object_id} is approved on frame {min(locked)}: unlock it "
                "there (Shift-Y) to change it"
            )


def end(session: TrackingSession, object_ids: Sequence[int], frame: int) -> None:
    """Have objects be gone from a frame on, but for those that are gone there already.

    Raises
    ------
    InputError
        If one has approved masks there, or there is none left to end.
    """
    ends = {one.object_id: one.ended for one in session.summary()}
    there = [i for i, end in ends.items() if end is None or end > frame]
    going = [i for i in object_ids if i in there]
    for i in going:
        masks = [(t, i) for t in session.frames_of(i) if t >= frame]
        check_unlocked(session, masks)
    for object_id in going or object_ids[:1]:  # which says what is wrong
        session.end(object_id, frame)


def check_others_left(session: TrackingSession, frame: int, object_id: int) -> None:
    """Refuse to take an object's last prompts, and so the object, if it is locked."""
    frames = {one.frame for one in session.prompts() if one.object_id == object_id}
    if frames == {frame} and session.approved_frames(object_id):
        raise InputError(
            f"object {object_id} has no other prompt, and approved masks: delete the "
            "object, or unlock it first"
        )


def merged(session: TrackingSession, object_ids: Iterable[int]) -> Iterable[Place]:
    """Name the masks that are united with others when objects are merged."""
    ids = list(object_ids)
    filled = {(t, i) for i in ids for t in session.frames_of(i)}
    masks = Counter(t for t, _ in filled)
    known = [(t, i) for i in ids for t in session.known_frames(i)]
    return [(t, i) for t, i in known if masks[t] > ((t, i) in filled)]
