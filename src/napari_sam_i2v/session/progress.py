"""Showing how far tracking has come."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TextIO

from tqdm import tqdm

from napari_sam_i2v.masklets import FrameResult

_SECONDS_BETWEEN_LINES = 5.0


def follow(
    results: Iterator[FrameResult], total: int, *, stream: TextIO | None = None
) -> None:
    """Run through results, showing a bar on a terminal, else a line now and then.

    Parameters
    ----------
    results
        Frames as they are tracked.
    total
        How many there will be.
    stream
        Where to show it; stderr by default.
    """
    stream = sys.stderr if stream is None else stream
    if stream.isatty():
        for _ in tqdm(results, total=total, unit="frame", file=stream):
            pass
        return
    began = told = time.monotonic()
    for done, result in enumerate(results, 1):
        now = time.monotonic()
        if now - told < _SECONDS_BETWEEN_LINES and done < total:
            continue
        told = now
        pace = (now - began) / done
        stream.write(
            f"frame {result.frame}: {done} of {total} done, {pace:.2g} s a frame, "
            f"{_duration(pace * (total - done))} left\n"
        )
        stream.flush()


def run_through(results: Iterator[FrameResult], total: int) -> None:
    """Run through results in silence."""
    del total
    for _ in results:
        pass


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
