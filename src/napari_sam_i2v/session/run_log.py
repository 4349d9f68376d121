"""``log.txt``: what a run did and what it warned of."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Note = Callable[[str], None]


class _QuietHandler(logging.FileHandler):
    """A log that cannot be written must not stop what it tells of."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing."""


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[Note]:
    """Append the package's warnings to a file.

    Yields
    ------
    callable
        Writes a line of its own.
    """
    package = logging.getLogger("napari_sam_i2v")
    handler = _QuietHandler(path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def note(text: str) -> None:
        fields = {"name": package.name, "levelname": "INFO", "msg": text}
        handler.handle(logging.makeLogRecord(fields))

    package.addHandler(handler)
    try:
        yield note
    finally:
        package.removeHandler(handler)
        with contextlib.suppress(OSError):
            handler.close()


def append(path: Path, text: str) -> bool:
    """Append text, with the time, to a log; false if it cannot be written."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text.rstrip()}\n")
    except OSError:
        return False
    return True
