"""Frames as tensors: read once, kept while a window needs them, read ahead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import torch
from torch import Tensor

from napari_sam_i2v.inference.transforms import frame_tensor, whole_frame
from napari_sam_i2v.video import VideoSource

Value = TypeVar("Value")

# Of the range from black to white; resizing rounds by less.
_NO_CONTRAST = 1e-6


class Recent(Generic[Value]):
    """The values used last, at most ``size`` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """Look a value up, and count it as used."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: Value) -> Value:
        """Keep a value, and give it back."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()


class FrameStore:
    """Frames of a movie on the network's device.

    Parameters
    ----------
    video
        Where they come from; read lazily, one frame ahead in a thread.
    window
        Frames in the temporal window.
    size
        Side of the network's input.
    device
        Where they are wanted.
    """

    def __init__(
        self, video: VideoSource, window: int, size: int, device: torch.device
    ) -> None:
        self._video = video
        self._size = size
        self._device = device
        self._cut = Recent[Tensor](window + 3)
        self._blank = Recent[bool](window + 3)
        self._ahead: dict[tuple[int, str, int], Future[Tensor]] = {}
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="frames")

    def native(self, frame: int) -> Tensor:
        """Give a frame at its own size, ``(C, H, W)``, 0 to 1."""
        return self._get("native", frame)

    def whole(self, frame: int) -> Tensor:
        """Give a frame resized to the network's square, ``(3, S, S)``, 0 to 1."""
        return self._get("whole", frame)

    @property
    def look(self) -> int:
        """A number that differs whenever frames may look otherwise."""
        return self._video.look

    @property
    def show_anything(self) -> bool:
        """Whether the movie has a contrast; of one that has not, it has warned."""
        return any(low < high for low, high in self._video.contrast)

    def is_blank(self, kind: str, frame: int) -> bool:
        """Whether a frame, of the kind wanted anyway, shows nothing at all."""
        key = (self.look, kind, frame)
        known = self._blank.get(key)
        if known is None:
            low, high = self._get(kind, frame).aminmax()
            known = self._blank.put(key, bool(high - low <= _NO_CONTRAST))
        return known

    def read_ahead(self, kind: str, frame: int) -> None:
        """Begin to read a frame that will be wanted next."""
        key = (self.look, kind, frame)
        inside = 0 <= frame < self._video.n_frames
        if inside and key not in self._ahead and self._cut.get(key) is None:
            for stale in [k for k in self._ahead if abs(k[2] - frame) > 2]:
                self._ahead.pop(stale).cancel()
            self._ahead[key] = self._reader.submit(self._read, kind, frame)

    def close(self) -> None:
        """Stop reading."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _get(self, kind: str, frame: int) -> Tensor:
        key = (self.look, kind, frame)
        tensor = self._cut.get(key)
        if tensor is None:
            coming = self._ahead.pop(key, None)
            read = self._read(kind, frame) if coming is None else coming.result()
            tensor = self._cut.put(key, read.to(self._device))
        return tensor

    def _read(self, kind: str, frame: int) -> Tensor:
        image = self._video.image(frame)
        if kind == "whole":
            return whole_frame(image, self._size).contiguous()
        return frame_tensor(image)
