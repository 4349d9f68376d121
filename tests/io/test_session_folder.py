"""``session.json``: what is written is read again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import scenes
from fakes import ThresholdPredictor
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.action_json import action_to_json
from napari_sam_i2v.io.session_folder import (
    SessionRecord,
    SessionWriter,
    delete_session,
    describe,
    first_difference,
    read_prompts_of_session,
    read_session,
    write_session,
)
from napari_sam_i2v.prompts import BoxPrompt, PointPrompt
from napari_sam_i2v.session.actions import (
    AddPrompts,
    Approve,
    Clear,
    Propagate,
    Redo,
    Remove,
    Restyle,
    Revise,
    Style,
    Unapprove,
    Undo,
)
from napari_sam_i2v.session.settings import TrackSettings

PROMPTS = (
    *scenes.touching.first_masks,
    PointPrompt(frame=0, object_id=1, yx=(1.25, 2.0), positive=False),
    BoxPrompt(frame=3, object_id=2**32 - 1, yx_min=(0.5, 1), yx_max=(7, 8)),
)
LOG = (
    AddPrompts(prompts=PROMPTS),
    Propagate(start=0, stop=5, direction="both", objects=(1, 2), steps=3),
    Approve(places=((0, 1), (0, 2), (2, 1))),
    Unapprove(places=((2, 1),)),
    Clear(places=((0, 2), (3, 2**32 - 1))),
    Undo(),
    Redo(),
    Undo(),
    Revise(
        ended=((1, 1), (2, 0)),
        moved=((2, 0, 1), (1, 1, 4)),
        prompts=(scenes.touching.mask_prompt(1, 2),),
        approved=((1, 2),),
    ),
    Undo(),
    AddPrompts(prompts=(PointPrompt(frame=0, object_id=2, yx=(3, 4)),), replace=True),
    Restyle(
        styles=(
            (2, Style(name='a "name" é', colour="#00ff7f")),
            (3, Style(hidden=True)),
        )
    ),
    Restyle(styles=((2, Style()),)),
    Remove(object_ids=(1,)),
)


@pytest.fixture
def record() -> SessionRecord:
    video = scenes.touching.video
    settings = TrackSettings(
        model="threshold", channels=(0,), contrast=((0.0, 9.5),), stop=5
    )
    return describe(video, ThresholdPredictor(video), settings)


def as_json(log) -> list[dict]:
    return [action_to_json(action) for action in log]


def test_what_is_written_is_read_again(tmp_path: Path, record: SessionRecord) -> None:
    record = dataclasses.replace(record, files=("a", "b"), finished=True)
    write_session(tmp_path, record, LOG)
    stored = read_session(tmp_path)
    assert stored.record == record
    assert as_json(stored.log) == as_json(LOG)
    for before, after in zip(PROMPTS, stored.log[0].prompts, strict=True):
        if hasattr(before, "mask"):
            np.testing.assert_array_equal(before.mask, after.mask)
        else:
            assert before == after


def test_it_is_one_action_a_line(tmp_path: Path, record: SessionRecord) -> None:
    write_session(tmp_path, record, LOG)
    lines = (tmp_path / "session.json").read_text().splitlines()
    start = lines.index('"log": [') + 1
    entries = [json.loads(line.rstrip(",")) for line in lines[start : start + len(LOG)]]
    assert entries == as_json(LOG)


def test_prompts_in_force_are_read(tmp_path: Path, record: SessionRecord) -> None:
    write_session(tmp_path, record, LOG)
    prompts = read_prompts_of_session(tmp_path)
    assert [p.object_id for p in prompts] == [2, 2**32 - 1]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"seed": 1}, "seed"),
        ({"contrast": ((0.0, 1.0),)}, "contrast"),
        ({"checkpoint_sha256": None}, "checkpoint"),
        ({"options": TrackSettings(model="threshold", stop=4)}, "stop"),
    ],
)
def test_differences_are_named(tmp_path, record, change: dict, word: str) -> None:
    write_session(tmp_path, record, LOG)
    then = read_session(tmp_path)
    assert first_difference(then, record, PROMPTS) is None
    other = dataclasses.replace(record, **change)
    assert f"another {word}" in first_difference(then, other, PROMPTS)
    assert first_difference(then, record, PROMPTS[:-1]) == "other prompts"


@pytest.mark.parametrize(
    ("edit", "wrong"),
    [
        (lambda text: text[:100], "cannot be read"),
        (lambda text: "[1]", "format"),
        (lambda text: text.replace('"format": 1', '"format": 2'), "format"),
        (lambda text: text.replace('"action": "undo"', '"action": "un"'), "damaged"),
        (lambda text: text.replace('"steps": 3', '"steps": "x"'), "damaged"),
        (lambda text: text.replace('"seed": 0', '"seed": "x"'), "seed"),
        (lambda text: text.replace('"seed": 0', '"sead": 0'), "sead"),
    ],
)
def test_nonsense_is_refused_in_one_line(tmp_path, record, edit, wrong: str) -> None:
    write_session(tmp_path, record, LOG)
    path = tmp_path / "session.json"
    path.write_text(edit(path.read_text()))
    with pytest.raises(InputError, match=wrong) as caught:
        read_session(tmp_path)
    assert "\n" not in str(caught.value)


def test_only_named_files_are_deleted(tmp_path: Path, record: SessionRecord) -> None:
    folder = tmp_path / "session"
    (folder / "ctc").mkdir(parents=True)
    for name in ("a.tif", ".a.tif.part", "ctc/b.tif", "mine.txt"):
        (folder / name).write_text("")
    (tmp_path / "precious").write_text("")
    files = ("a.tif", "ctc/b.tif", "gone", "../precious", str(tmp_path / "precious"))
    write_session(folder, dataclasses.replace(record, files=files), [])
    delete_session(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert (tmp_path / "precious").exists()


def test_what_earlier_versions_wrote_is_read(
    tmp_path: Path, record: SessionRecord
) -> None:
    given = AddPrompts(prompts=tuple(scenes.touching.first_masks))
    write_session(tmp_path, record, [given])
    path = tmp_path / "session.json"
    old = json.loads(path.read_text())
    del old["gamma"], old["options"]["gamma"]
    old["log"] += [
        {"action": "clear", "frame": 0, "object_id": 2},
        {"action": "remove", "object_id": 1},
        {"action": "style", "object_id": 3, "name": "left", "colour": None},
    ]
    path.write_text(json.dumps(old))
    stored = read_session(tmp_path)
    assert stored.record == record
    assert stored.log[1:] == (
        Clear(places=((0, 2),)),
        Remove(object_ids=(1,)),
        Restyle(styles=((3, Style(name="left")),)),
    )


def test_a_writer_writes_what_one_write_does(
    tmp_path: Path, record: SessionRecord
) -> None:
    (tmp_path / "once").mkdir()
    writer = SessionWriter(tmp_path)
    changed = dataclasses.replace(LOG[1], steps=4)
    for log in (LOG[:2], LOG, (LOG[0], changed, *LOG[2:]), LOG[:4], LOG):
        writer.write(record, log)
        write_session(tmp_path / "once", record, log)
        once = (tmp_path / "once" / "session.json").read_bytes()
        assert (tmp_path / "session.json").read_bytes() == once
