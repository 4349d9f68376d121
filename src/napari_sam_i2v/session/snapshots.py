"""When to take a snapshot of the engine: often, but at little cost."""

from __future__ import annotations

import time
from collections.abc import Callable

_SHARE = 0.05
"""Largest part of a run's time that snapshots may take."""

DEFAULT_INTERVAL = 10.0
"""Seconds between snapshots that cost next to nothing."""


class SnapshotClock:
    """Says when the next snapshot is due.

    Parameters
    ----------
    interval
        Least seconds from one snapshot to the next; `DEFAULT_INTERVAL` by default.
    now
        Clock, seconds.
    """

    def __init__(
        self,
        interval: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = DEFAULT_INTERVAL if interval is None else interval
        self._now = now
        self._last = now()
        self._cost = 0.0

    def is_due(self) -> bool:
        """Whether it is time for one."""
        wait = max(self._interval, self._cost / _SHARE)
        return self._now() - self._last >= wait

    def start(self) -> float:
        """Note that one is begun; returns what `finish` wants."""
        return self._now()

    def finish(self, started: float) -> None:
        """Note that one is written."""
        self._last = self._now()
        self._cost = self._last - started
