"""Objects that end: cells that have divided are gone from there on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from napari_sam_i2v.inference.division import DivisionFinder
from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.inference.viewing import absent
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.session.predictor import Interrupted
from napari_sam_i2v.views import View


class Endings:
    """Ends objects where they divide; prompts later on bring them back.

    Parameters
    ----------
    finder
        Tells whether an object has divided.
    active
        Whether it is asked.
    interrupted
        Asked before it looks closely, which takes a moment.
    """

    def __init__(
        self, finder: DivisionFinder, interrupted: Callable[[], bool], *, active: bool
    ) -> None:
        self._finder = finder
        self._interrupted = interrupted
        self._active = active

    def still_there(
        self, frame: int, states: Mapping[int, ObjectState], object_ids: Sequence[int]
    ) -> list[int]:
        """Give the objects to look for on a frame: those that did not end before."""
        return [i for i in object_ids if not states[i].is_gone(frame)]

    def judge(
        self,
        prediction: Prediction,
        masks: Sequence[ObjectMask],
        views: Sequence[View],
        states: Sequence[ObjectState],
    ) -> tuple[Prediction, list[ObjectMask]]:
        """Say of cells that have divided that they are not there any more.

        Raises
        ------
        Interrupted
            If the engine is told to stop.
        """
        judged = list(masks)
        if not self._active:
            return prediction, judged
        nothing = self._finder.model.absent(prediction)
        rows = []
        for number, (mask, view, state) in enumerate(
            zip(masks, views, states, strict=True)
        ):
            divided = self._has_divided(mask, view, state)
            state.divided = mask.frame if divided else None
            rows.append((nothing if divided else prediction).row(number))
            if divided:
                judged[number] = absent(mask.frame, mask.object_id)
        return Prediction.join(rows), judged

    def _has_divided(self, mask: ObjectMask, view: View, state: ObjectState) -> bool:
        if not self._finder.looks_twice(mask):
            return False
        if self._interrupted():
            raise Interrupted
        return self._finder.divided(mask, view, state)
