"""Objects that are hidden, and shown again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from annotator.bench import Bench, tracked

Make = Callable[..., Bench]


def test_hiding_shows_at_once_and_waits_for_its_turn(bench: Make) -> None:
    at = tracked(bench)
    annotator = at.annotator
    annotator.propagate()
    annotator.hide([1, 2])
    annotator.hide([2], False)
    annotator.undo()
    assert annotator.hidden == {1}
    at.settle()
    assert annotator.hidden == {1, 2}  # showing the second again was undone
    annotator.show_all()
    annotator.show_all()
    at.settle()
    assert annotator.hidden == set()
    assert [type(action).__name__ for action in at.log][-2:] == ["Undo", "Restyle"]
    assert at.annotator.objects[0].last == 7


def test_hiding_goes_by_what_is_there_when_its_turn_has_come(
    bench: Make, notes: list[str]
) -> None:
    at = tracked(bench)
    annotator = at.annotator
    annotator.hide([1, 2])
    at.settle()
    annotator.choose(2)
    annotator.delete_object()
    annotator.show_all()
    annotator.hide([1])
    annotator.undo()
    annotator.hide([1])
    annotator.undo()
    annotator.do(lambda session: None, "nothing", masks=False)
    at.settle()
    assert annotator.hidden == set() and notes == []
    annotator.undo()
    at.settle()
    assert annotator.hidden == {1}
    assert annotator.layers.masklets.colormap.map(1)[3] == 0


def test_what_is_hidden_stays_so_in_a_reopened_session(
    bench: Make, tmp_path: Path
) -> None:
    at = tracked(bench)
    at.annotator.hide([2])
    at.annotator.save(tmp_path / "kept")
    at.annotator.show_all()
    at.annotator.open(tmp_path / "kept")
    at.settle()
    assert at.annotator.hidden == {2}
    assert at.annotator.layers.masklets.colormap.map(2)[3] == 0


def test_a_new_object_is_seen_though_its_id_was_hidden(bench: Make) -> None:
    at = tracked(bench)
    at.annotator.hide([2])
    assert at.annotator.hidden == {2}
    at.annotator.choose(2)
    at.annotator.delete_object()
    at.settle()
    at.annotator.new_object()
    assert at.annotator.object_id == 2 and at.annotator.hidden == set()
