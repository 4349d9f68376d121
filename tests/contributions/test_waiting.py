"""Long work goes on in a thread; what it says and how it ends is seen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.utils import cancelable_progress

from napari_sam_i2v.contributions.waiting import Report, wait_for
from napari_sam_i2v.errors import InputError


def endless(report: Report) -> None:
    report.total = 10**9
    while True:
        report.update(1)
        time.sleep(0.001)


def test_the_result_comes_from_another_thread() -> None:
    thread = wait_for(lambda report: threading.current_thread(), "work")
    assert thread is not threading.current_thread()


def test_an_error_is_raised_here() -> None:
    def fail(report: Report) -> None:
        raise InputError("no disk")

    with pytest.raises(InputError, match="no disk"):
        wait_for(fail, "work")


def test_the_bar_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Watched(cancelable_progress):
        def update(self, n: int = 1) -> None:
            super().update(n)
            seen.append((self.n, self.total))

    def half(report: Report) -> None:
        report.total = 100
        report.update(50)
        time.sleep(0.3)

    monkeypatch.setattr("napari.utils.cancelable_progress", Watched)
    wait_for(half, "work")
    assert seen[-1] == (50, 100)


def test_a_cancelled_bar_stops_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cancelled(cancelable_progress):
        def update(self, n: int = 1) -> None:
            super().update(n)
            self.cancel()

    monkeypatch.setattr("napari.utils.cancelable_progress", Cancelled)
    with pytest.raises(InputError, match="cancelled"):
        wait_for(endless, "work")


@pytest.mark.qt
def test_the_viewer_lives_meanwhile(make_napari_viewer: Callable[[], Any]) -> None:
    from qtpy.QtCore import QTimer

    viewer = make_napari_viewer()
    viewer.add_image(np.eye(8))
    beats: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    timer.start(10)
    begun = time.perf_counter()
    wait_for(lambda report: time.sleep(1), "work")
    timer.stop()
    pauses = [b - a for a, b in zip([begun, *beats], beats, strict=False)]
    assert len(beats) >= 5
    assert max(pauses) < 0.5


@pytest.mark.qt
def test_closing_the_viewer_stops_the_work(
    make_napari_viewer: Callable[[], Any],
) -> None:
    from qtpy.QtCore import QTimer

    viewer = make_napari_viewer()
    QTimer.singleShot(100, viewer.close)
    with pytest.raises(InputError, match="cancelled"):
        wait_for(endless, "work")
