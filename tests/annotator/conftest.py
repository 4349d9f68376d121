"""Annotators without Qt, whose sessions live in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from annotator.bench import Bench
from scenes import Scene


@pytest.fixture(autouse=True)
def kept_apart(sessions: Path) -> None:
    """No test sees the sessions of another, or of the user."""


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
        assert not one.annotator.jobs.thread.is_alive()
