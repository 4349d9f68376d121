"""Processes that make movies, and end when the run that they work for does."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from napari_sam_i2v.training.interrupt import STOP_SIGNALS


def start_workers(count: int) -> Executor:
    """Start processes for work that is known by (seed, index); 0 does it right here.

    This module and what makes movies do without torch: a worker begins in a second,
    and what computes in it takes one core.
    """
    if count == 0:
        return _Here()
    return ProcessPoolExecutor(
        count,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(os.getpid(),),
    )


class _Here(Executor):
    """Does what it is given at once."""

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def _begin(parent: int) -> None:
    """Outlive Ctrl-C, but not the parent.

    A terminal sends Ctrl-C to all processes of a run: only the one that trains should
    hear it, to save.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
