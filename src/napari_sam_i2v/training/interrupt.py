"""Ending a run between two steps."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

# Windows' processes can only be sent the signal of Ctrl-Break.
STOP_SIGNALS = (signal.SIGINT, getattr(signal, "SIGBREAK", signal.SIGINT))


_ENDING = (*STOP_SIGNALS, signal.SIGTERM)


class Interrupt:
    """A context in which Ctrl-C is noted; a second one ends the process as usual.

    So is SIGTERM, by which clusters say that time is up.

    Attributes
    ----------
    asked
        Whether there was one.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        # Only a main thread hears signals.
        if threading.current_thread() is threading.main_thread():
            for number in set(_ENDING):
                self._before[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
