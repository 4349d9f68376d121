"""What a tracking session needs from an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.prompts import Prompt


class Interrupted(Exception):
    """An engine was told to stop between two batches of a frame's objects.

    What it has of that frame is written over when the frame is tracked again.
    """


class Predictor(Protocol):
    """An engine: answers prompts, follows objects, keeps their memory."""

    def segment(
        self, frame: int, object_id: int, prompts: Sequence[Prompt]
    ) -> ObjectMask:
        """Answer all prompts of an object on a frame, a mask or box first.

        The frame becomes one of the object's conditioning frames; what was known of it
        is replaced. Points alone may correct what was tracked there: an engine that
        does so tells with ``has_tracked(frame, object_id)`` whether it knows that, and
        is given the mask with the points where it does not.
        """
        ...

    def track(
        self, frame: int, object_ids: Sequence[int], *, reverse: bool = False
    ) -> dict[int, ObjectMask]:
        """Find objects on a frame from memory, together.

        Where an engine has an attribute ``contends`` that is true, what it says of one
        depends on which others are followed with it.
        """
        ...

    def forget(self, object_id: int, frame: int | None = None) -> None:
        """Forget an object, or what is known of it on one frame.

        Forgetting what is not known does nothing.
        """
        ...

    def snapshot(self) -> bytes:
        """Return the complete tracking state."""
        ...

    def restore(self, data: bytes) -> None:
        """Return to the state of a snapshot, taken by an engine built alike."""
        ...
