"""What goes to stderr besides errors, and what stops a run."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType


class _WarningLines(logging.Handler):
    """Prints warnings as ``warning: ...``, one line each, the same one only once.

    They are held back until work begins: of bad input only the error is shown.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: set[str] = set()
        self._held: list[str] | None = []

    def emit(self, record: logging.LogRecord) -> None:
        line = f"warning: {' '.join(record.getMessage().split())}"
        if line in self._said:
            return
        self._said.add(line)
        if self._held is None:
            print(line, file=sys.stderr)
        else:
            self._held.append(line)

    def release(self) -> None:
        """Print what was held back, and hold back nothing more."""
        for line in self._held or []:
            print(line, file=sys.stderr)
        self._held = None


@contextlib.contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Show the package's warnings, and no library's."""
    package, root = logging.getLogger("napari_sam_i2v"), logging.getLogger()
    lines, silence = _WarningLines(), logging.NullHandler()
    propagate, package.propagate = package.propagate, False
    package.addHandler(lines)
    # Without any handler, logging prints what libraries say to stderr.
    root.addHandler(silence)
    try:
        yield
        lines.release()
    finally:
        package.removeHandler(lines)
        root.removeHandler(silence)
        package.propagate = propagate


def show_warnings() -> None:
    """Show warnings from now on, and those there were: the input is good."""
    for handler in logging.getLogger("napari_sam_i2v").handlers:
        if isinstance(handler, _WarningLines):
            handler.release()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM stop a run as SIGINT does: with `KeyboardInterrupt`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, _interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
