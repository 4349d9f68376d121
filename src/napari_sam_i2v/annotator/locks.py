"""Approved masks are locked: in the viewer nothing changes them but their removal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
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


def ended(session: TrackingSession, object_id: int, frame: int) -> Iterable[Place]:
    """Name the masks that go when an object ends before a frame."""
    return [(t, object_id) for t in session.frames_of(object_id) if t >= frame]


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
