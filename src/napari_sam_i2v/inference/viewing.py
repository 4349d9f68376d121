"""How a movie is looked at: the view policy, its encoder, and the way back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_sam_i2v.inference.drift import Shift, StageDrift
from napari_sam_i2v.inference.encoding import ViewEncoder
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.inference.transforms import paste, upscale_logits
from napari_sam_i2v.masklets import ObjectMask, crop_positive
from napari_sam_i2v.model.sam_i2v import ABSENT_LOGIT, ABSENT_SCORE, Prediction, SamI2V
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.views import (
    Extent,
    View,
    ViewPolicy,
    WholeFrame,
    choose_policy,
    extent_of_mask,
    extent_of_prompts,
)

_log = logging.getLogger(__name__)

# Views of which features are kept: a whole frame's are megabytes, a square's are not.
_KEPT_WHOLE, _KEPT_SQUARES = 8, 64


def absent(frame: int, object_id: int, predicted_iou: float) -> ObjectMask:
    """Say of an object that it is known not to be there."""
    return ObjectMask(
        frame=frame,
        object_id=object_id,
        offset=(0, 0),
        logits=np.zeros((0, 0), np.float32),
        predicted_iou=predicted_iou,
        object_score=ABSENT_SCORE,
    )


class Viewing:
    """The view policy of a movie; open until the first prompts where it is ``auto``.

    Parameters
    ----------
    model, frames
        The network and where frames come from.
    shape
        ``(Y, X)`` of a frame.
    request
        ``auto``, ``frame`` or ``objects``.
    cell_size
        Diameter of a cell in pixels, if the user gave one.
    extents
        Objects known beforehand.
    """

    def __init__(
        self,
        model: SamI2V,
        frames: FrameStore,
        shape: tuple[int, int],
        *,
        request: str,
        cell_size: float | None,
        extents: Sequence[Extent],
    ) -> None:
        self._model = model
        self._frames = frames
        self._drift = StageDrift(frames)
        self._shape = shape
        self._request = request
        self._cell_size = cell_size
        self._extents = list(extents)
        self._settled: tuple[ViewPolicy, ViewEncoder] | None = None
        self._warn_of_blank = True

    @property
    def name(self) -> str:
        """``frame`` or ``objects``; ``auto`` while that is open."""
        return self._request if self._settled is None else self.policy.name

    @property
    def policy(self) -> ViewPolicy:
        """The policy, settled now if it was open."""
        return self._settle(())[0]

    @property
    def encoder(self) -> ViewEncoder:
        """What encodes its views."""
        return self._settle(())[1]

    @property
    def shared(self) -> bool:
        """Whether all objects look through one whole-frame view."""
        return isinstance(self.policy, WholeFrame)

    def settle(self, prompts: Sequence[Prompt]) -> None:
        """Let prompts decide what is open."""
        self._settle(prompts)

    def force(self, name: str) -> None:
        """Take the policy of a name, whatever was asked for."""
        self._request, self._settled = name, None

    def carried_along(self, view: View, start: int, stop: int) -> Shift:
        """Say how far what a view of one frame shows jumped until another."""
        return (0, 0) if self.shared else self._drift.of(view, start, stop)

    def judge(self, frame: int, prediction: Prediction) -> Prediction:
        """Overrule the network on a frame that shows nothing: objects are absent."""
        if not self._frames.is_blank(self.encoder.kind, frame):
            return prediction
        if self._warn_of_blank and self._frames.show_anything:
            _log.warning("frame %d shows nothing: objects are absent there", frame)
            self._warn_of_blank = False
        return self._model.absent(prediction)

    def paste(self, logits: Tensor, view: View) -> tuple[tuple[int, int], NDArray]:
        """Bring ``(4h, 4w)`` logits back into the frame, cut to the positive part."""
        if not self.shared:
            return paste(logits, view, self._shape)
        full = upscale_logits(logits[None, None].float(), self._shape)
        return crop_positive(full[0, 0].cpu().numpy())

    def fill_frame(self, logits: Tensor, view: View) -> Tensor:
        """Logits at the frame's size, ``(H, W)``; absent outside of the view."""
        if self.shared:
            return upscale_logits(logits[None, None].float(), self._shape)[0, 0]
        full = torch.full(self._shape, ABSENT_LOGIT)
        (top, left), crop = paste(logits, view, self._shape, cropped=False)
        height, width = crop.shape
        full[top : top + height, left : left + width] = torch.from_numpy(crop)
        return full

    def mask(
        self, frame: int, object_id: int, prediction: Prediction, row: int, view: View
    ) -> ObjectMask:
        """Make one object's mask in frame coordinates."""
        score = float(prediction.score[row, 0])
        offset, crop = (0, 0), np.zeros((0, 0), np.float32)
        if score > 0:
            offset, crop = self.paste(prediction.logits[row, 0], view)
        return ObjectMask(
            frame=frame,
            object_id=object_id,
            offset=offset,
            logits=crop,
            predicted_iou=float(prediction.iou[row]),
            object_score=score,
        )

    def seen(self, prediction: Prediction, view: View) -> Extent | None:
        """Measure a prediction of batch size 1; ``None`` where it says absent."""
        mask = self.mask(0, 0, prediction, 0, view)
        return extent_of_mask(mask.mask, mask.offset)

    def _settle(self, prompts: Sequence[Prompt]) -> tuple[ViewPolicy, ViewEncoder]:
        if self._settled is None:
            prompted = extent_of_prompts(prompts)
            view = self._model.config.view
            policy = choose_policy(
                self._request,
                self._shape,
                view.diameters,
                self._extents or ([] if prompted is None else [prompted]),
                default=view.default,
                cell_size=self._cell_size,
            )
            shared = isinstance(policy, WholeFrame)
            kept = _KEPT_WHOLE if shared else _KEPT_SQUARES
            encoder = ViewEncoder(
                self._model, self._frames, self._drift, shared=shared, kept=kept
            )
            self._settled = policy, encoder
        return self._settled
