"""Keys: bound while an annotator is open, given back after, and in the manual."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts

from annotator.bench import Bench
from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.annotator.keys import KEYS, BoundKeys, key_of
from napari_sam_i2v.annotator.objects import AnnotatorObjects
from napari_sam_i2v.annotator.verbs import AnnotatorVerbs
from scenes import empty, moving_disc

Make = Callable[..., Bench]


def test_keys_are_given_back(bench: Make) -> None:
    at = bench(moving_disc)
    called: list[str] = []
    at.annotator.close()
    at.viewer.bind_key("W", lambda _: called.append("mine"))
    before = dict(at.viewer.keymap)

    class Target:
        def __getattr__(self, name: str):
            return lambda: called.append(name)

    keys = BoundKeys(at.viewer, Target())
    for callback in dict(at.viewer.keymap).values():
        callback(at.viewer)
    assert sorted(called) == sorted(key.method for key in KEYS)
    keys.release()
    keys.release()
    assert dict(at.viewer.keymap) == before
    assert key_of("undo") == "U" and key_of("nothing") == ""


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_keys_of_two_are_given_back_in_any_order(bench: Make, order) -> None:
    at = bench(moving_disc)
    at.annotator.close()
    at.viewer.bind_key("W", lambda _: None)
    before = dict(at.viewer.keymap)
    both = [BoundKeys(at.viewer, at.annotator) for _ in range(2)]
    for one in order:
        both[one].release()
    assert dict(at.viewer.keymap) == before


def test_no_layer_that_is_annotated_on_has_these_keys() -> None:
    ours = {coerce_keybinding(key.key) for key in KEYS}
    for action, bound in default_shortcuts.items():
        if "orient_plane" not in action:  # of images in 3D
            assert not ours & set(map(coerce_keybinding, bound)), action


def test_every_verb_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "scripting.md").read_text()
    own = {**vars(AnnotatorObjects), **vars(AnnotatorVerbs), **vars(Annotator)}
    verbs = [n for n, made in own.items() if inspect.isfunction(made) and n[0] != "_"]
    assert len(verbs) > 30
    assert [name for name in verbs if f"`{name}(" not in manual] == []


def test_every_key_is_a_verb_and_used_once(bench: Make) -> None:
    at = bench(empty)
    assert len({key.key for key in KEYS}) == len(KEYS)
    for key in KEYS:
        assert callable(getattr(at.annotator, key.method))
