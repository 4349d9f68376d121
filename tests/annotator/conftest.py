"""Annotators without Qt, whose sessions live in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from napari.utils.notifications import notification_manager

from annotator.bench import Bench
from fakes import build_threshold
from napari_sam_i2v import backends
from scenes import Scene


@pytest.fixture(autouse=True)
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where sessions are kept."""
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path / "sessions"))
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    return tmp_path / "sessions"


@pytest.fixture
def notes() -> Iterator[list[str]]:
    """What the user was told, as ``severity: message``."""
    said: list[str] = []

    def listen(note: Any) -> None:
        said.append(f"{note.severity.value}: {note.message}")

    notification_manager.notification_ready.connect(listen)
    yield said
    notification_manager.notification_ready.disconnect(listen)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """Make a bench for a scene."""
    made: list[Bench] = []

    def make(scene: Scene, **options: Any) -> Bench:
        made.append(Bench(scene, **options))
        return made[-1]

    yield make
    for one in made:
        one.annotator.close()
        assert not one.annotator.jobs._thread.is_alive()
