"""Waiting for long work while napari goes on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from napari_sam_i2v.errors import InputError

Result = TypeVar("Result")

# Seconds between two looks; the viewer answers as often.
_LOOK = 0.05


class Report:
    """How far work is; the work writes it, the viewer reads it.

    It has what pooch asks of a progress bar.

    Attributes
    ----------
    total
        Bytes there are, 0 while that is not known.
    done
        Bytes done.
    cancelled
        Whether the work is to stop.
    """

    def __init__(self) -> None:
        self.total = 0
        self.done = 0
        self.cancelled = False

    def update(self, n: int) -> None:
        """Add to what is done; the way out of cancelled work."""
        if self.cancelled:
            raise InputError("cancelled; nothing was kept")
        self.done += n

    def reset(self) -> None:
        """Begin again."""
        self.done = 0

    def close(self) -> None:
        """Do nothing: the bar is closed by who shows it."""


def wait_for(work: Callable[[Report], Result], description: str) -> Result:
    """Run work in a thread; meanwhile show how far it is, and keep napari alive.

    Parameters
    ----------
    work
        What to do. It must not touch the viewer.
    description
        What the progress bar says. It has a button to cancel.

    Returns
    -------
    object
        What the work returns; what it raises is raised.
    """
    import napari
    from napari.utils import cancelable_progress

    report = Report()
    has_viewer = napari.current_viewer() is not None
    with (
        cancelable_progress(total=0, desc=description) as bar,
        ThreadPoolExecutor(1) as pool,
    ):
        future = pool.submit(work, report)
        while not wait([future], timeout=_LOOK).done:
            if bar.total != report.total:
                bar.total = report.total
            # Setting the bar's value is what has Qt handle clicks and repaints.
            bar.update(report.done - bar.n)
            is_gone = has_viewer and napari.current_viewer() is None
            report.cancelled = report.cancelled or bar.is_canceled or is_gone
        return future.result()
