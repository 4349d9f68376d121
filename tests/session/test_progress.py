"""Showing how far tracking has come."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from napari_sam_i2v.masklets import FrameResult
from napari_sam_i2v.session import progress
from napari_sam_i2v.session.progress import follow
from napari_sam_i2v.session.snapshots import SnapshotClock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def results(n: int) -> Iterator[FrameResult]:
    return (FrameResult(frame=frame, masks={}) for frame in range(n))


def test_a_terminal_gets_a_bar() -> None:
    shown = Terminal()
    follow(results(4), 4, stream=shown)
    assert "4/4" in shown.getvalue()


@pytest.mark.parametrize(("pause", "lines"), [(1000.0, 1), (0.0, 4)])
def test_a_file_gets_lines_now_and_then(monkeypatch, pause: float, lines: int) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", pause)
    shown = io.StringIO()
    follow(results(4), 4, stream=shown)
    told = shown.getvalue().splitlines()
    assert len(told) == lines
    assert told[-1].startswith("frame 3: 4 of 4 done")


@pytest.mark.parametrize("cost", [0.0, 0.1, 30.0])
def test_snapshots_take_little_of_the_time(cost: float) -> None:
    now, spent = [0.0], 0.0
    clock = SnapshotClock(10, lambda: now[0])
    while now[0] < 10_000:
        now[0] += 1
        if clock.is_due():
            started = clock.start()
            now[0] += cost
            spent += cost
            clock.finish(started)
    assert spent <= 0.06 * now[0]
