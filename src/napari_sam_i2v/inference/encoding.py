"""Features of views, each computed once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from napari_sam_i2v.inference.drift import StageDrift
from napari_sam_i2v.inference.frames import FrameStore, Recent
from napari_sam_i2v.model.image_encoder import Features, window_frames
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.model.sampling import normalise, sample_square
from napari_sam_i2v.views import View


class ViewEncoder:
    """Encodes views of frames and keeps what was encoded last.

    Parameters
    ----------
    model
        The network.
    frames
        Where frames come from.
    drift
        Tells how far what a view shows jumped.
    shared
        Whether all objects look through one whole-frame view.
    kept
        Views of which features are kept.
    """

    def __init__(
        self,
        model: SamI2V,
        frames: FrameStore,
        drift: StageDrift,
        *,
        shared: bool,
        kept: int,
    ) -> None:
        self._model = model
        self._frames = frames
        self._drift = drift
        self._shared = shared
        self._features = Recent[Features](kept)
        self._taps = Recent[Tensor](model.config.temporal.window + 1)

    @property
    def kind(self) -> str:
        """What :class:`FrameStore` is asked for."""
        return "whole" if self._shared else "native"

    def encode(self, frame: int, views: Sequence[View]) -> Features:
        """Encode views of a frame.

        Returns
        -------
        Features
            A row for each view; one row in all for whole-frame views.
        """
        if self._shared:
            views = views[:1]
        look = self._frames.look
        known: dict[View, Features] = {}
        missing = []
        for view in dict.fromkeys(views):
            features = self._features.get((look, frame, view))
            if features is None:
                missing.append(view)
            else:
                known[view] = features
        if missing:
            encoded = self._encode(frame, missing)
            for row, view in enumerate(missing):
                one = encoded[row : row + 1]
                known[view] = self._features.put((look, frame, view), one)
        return Features.stack([known[view] for view in views])

    def clear(self) -> None:
        """Forget all features."""
        self._features.clear()
        self._taps.clear()

    def _encode(self, frame: int, views: Sequence[View]) -> Features:
        window = self._model.config.temporal.window
        numbers = window_frames(frame, window)
        if self._shared:
            taps = torch.stack([self._whole_taps(number) for number in numbers], dim=1)
            return self._model.encode(self._whole(frame), taps)
        squares = self._squares(frame, numbers, views)
        integrator = self._model.image_encoder.trunk_video
        taps = integrator.taps(squares.flatten(0, 1)).unflatten(0, (-1, window))
        return self._model.encode(squares[:, -1], taps)

    def _whole(self, frame: int) -> Tensor:
        image = self._frames.whole(frame)[None, None]
        return normalise(image, self._model.config.view.normalise)[:, 0]

    def _whole_taps(self, frame: int) -> Tensor:
        key = (self._frames.look, frame)
        taps = self._taps.get(key)
        if taps is None:
            image = self._whole(frame)
            taps = self._model.image_encoder.trunk_video.taps(image)
            self._taps.put(key, taps)
        return taps

    def _squares(
        self, frame: int, numbers: Sequence[int], views: Sequence[View]
    ) -> Tensor:
        """Cut what each view of a frame shows out of all frames of a window."""
        size = self._model.config.input_size
        window = []
        for view in views:
            cuts = []
            for number in numbers:
                seen = view.moved(self._drift.of(view, frame, number))
                native = self._frames.native(number)
                cuts.append(sample_square(native, seen.centre, view.extent[0], size))
            window.append(torch.stack(cuts).expand(-1, 3, -1, -1))
        return normalise(torch.stack(window), self._model.config.view.normalise)
