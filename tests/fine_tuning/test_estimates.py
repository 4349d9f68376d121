"""Estimates grow with the work, and learn from this computer's own runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_sam_i2v.fine_tuning import FineTune, estimate
from napari_sam_i2v.fine_tuning.estimates import (
    Figures,
    duration,
    remember,
    steps_in,
)


def task(movie: Path, **changes: object) -> FineTune:
    return FineTune(**{"name": "mine", "data": str(movie), **changes})


def test_more_steps_take_longer_and_large_models_more(movie: Path) -> None:
    few, many = (estimate(task(movie, steps=n)) for n in (10, 500))
    assert few.seconds < many.seconds
    large = estimate(task(movie, steps=10, base="sam-i2v"))
    assert large.seconds > few.seconds
    assert large.memory > few.memory


@pytest.mark.parametrize("minutes", [5.0, 30.0, 600.0])
def test_minutes_come_to_steps_that_take_as_long(movie: Path, minutes: float) -> None:
    expected = estimate(task(movie, minutes=minutes))
    assert expected.seconds == pytest.approx(60 * minutes, rel=0.02)


def test_fast_steps_fit_more_often() -> None:
    assert steps_in(10, 0.1) > steps_in(10, 1.0) > steps_in(10, 100.0) > 0


def test_a_run_is_remembered(movie: Path) -> None:
    before = estimate(task(movie, steps=100))
    assert "rough" in before.text
    remember(task(movie), Figures(step=0.01, memory=5e9))
    after = estimate(task(movie, steps=100))
    assert after.seconds < before.seconds
    assert "last run" in after.text and "5.0 GB" in after.text
    other = estimate(task(movie, steps=100, part="everything"))
    assert not other.measured_here


def test_too_little_memory_is_told(movie: Path) -> None:
    remember(task(movie), Figures(step=1.0, memory=1e15))
    assert "close other programs" in estimate(task(movie)).text


def test_damaged_figures_are_forgotten(cache: Path, movie: Path) -> None:
    cache.mkdir()
    (cache / "fine-tuning-figures.json").write_text("[1")
    assert not estimate(task(movie)).measured_here


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (40, "40 s"), (89, "89 s"), (120, "2 min"), (12000, "3 h 20 min")],
)
def test_times_are_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
