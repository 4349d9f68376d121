"""Where and how precisely to compute."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import torch

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.model.devices import find_device, keep_freed_memory

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_BATCH = {"cuda": 64, "mps": 16, "cpu": 16}


@contextmanager
def sparing(cores: int) -> Iterator[None]:
    """Compute with fewer threads than there are, so that others have cores too."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before - cores))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Computing:
    """Device, precision and batch size; a context in which the network runs.

    Parameters
    ----------
    device
        ``auto`` (CUDA, else MPS, else CPU), ``cpu``, ``cuda`` or ``mps``.
    large
        Whether inputs are large: fewer objects go into a batch.
    precision
        ``float32``, ``bfloat16``, or ``auto``: bfloat16 on CUDA, float32 elsewhere. On
        a CPU with bfloat16 of its own it takes two thirds of the time, but masks drift
        apart from float32's over the frames, so it has to be asked for there.

    Raises
    ------
    InputError
        If the machine has no such device, or the precision is not known.
    """

    def __init__(
        self, device: str = "auto", *, large: bool = False, precision: str = "auto"
    ) -> None:
        self.device = find_device(device)
        self.batch = max(1, _BATCH[self.device.type] // (4 if large else 1))
        self.bf16 = self._wants_bf16(precision)
        self._has_warned = False
        self._entered: list[ExitStack] = []
        if self.device.type == "cpu":
            keep_freed_memory()

    def _wants_bf16(self, precision: str) -> bool:
        if precision not in ("auto", "float32", "bfloat16"):
            raise InputError(
                f"no precision {precision!r}; choose auto, float32 or bfloat16"
            )
        if precision == "auto":
            return self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return precision == "bfloat16"

    def __str__(self) -> str:
        return f"{self.device.type} ({'bfloat16' if self.bf16 else 'float32'})"

    def __enter__(self) -> Computing:
        entered = ExitStack()
        if self.bf16:
            entered.enter_context(torch.autocast(self.device.type, torch.bfloat16))
        self._entered.append(entered)
        return self

    def __exit__(self, *_: object) -> None:
        self._entered.pop().close()

    def batches(self, items: Sequence[int]) -> Iterator[list[int]]:
        """Cut a list into batches."""
        start = 0
        while start < len(items):
            step = self.batch
            yield list(items[start : start + step])
            start += step

    def retry_smaller(
        self, work: Callable[[list[int]], dict[int, Result]], items: list[int]
    ) -> dict[int, Result]:
        """Run work on a batch; out of memory, halve it and go on."""
        try:
            return work(items)
        except torch.cuda.OutOfMemoryError:
            if len(items) == 1:
                raise InputError(
                    "out of memory on the GPU with a single object; try a smaller "
                    "model, views objects, or device cpu"
                ) from None
        torch.cuda.empty_cache()
        self.batch = min(self.batch, len(items) // 2)
        if not self._has_warned:
            self._has_warned = True
            logger.warning("out of memory: fewer objects at a time from here on")
        done: dict[int, Result] = {}
        for batch in self.batches(items):
            done |= self.retry_smaller(work, batch)
        return done
