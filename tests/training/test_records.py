"""What a run leaves to look at."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from napari_sam_i2v.training.records import Records, read_log


def test_figures_come_back_by_kind(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.note(1, "train", {"loss": 2.0, "prompt": "box", "absent": None})
    records.note(1, "validation", {"mask/J": 0.5})
    records.close()
    assert [line["loss"] for line in read_log(tmp_path, "train")] == [2.0]
    assert [line["mask/J"] for line in read_log(tmp_path, "validation")] == [0.5]
    assert len(read_log(tmp_path)) == 2
    assert read_log(tmp_path / "nowhere") == []


def test_a_run_that_goes_on_drops_what_was_lost(tmp_path: Path) -> None:
    records = Records(tmp_path)
    for step in (1, 2, 3):
        records.note(step, "train", {"loss": float(step)})
    records.close()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "kin')  # as a kill leaves it
    records = Records(tmp_path, step=2)
    records.note(3, "train", {"loss": 30.0})
    records.close()
    assert [line["loss"] for line in read_log(tmp_path)] == [1.0, 2.0, 30.0]


def test_tensorboard_has_figures_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    records = Records(tmp_path)
    records.note(5, "train", {"loss": 2.0, "prompt": "box", "absent": None})
    records.show(5, Image.new("RGB", (8, 4), (255, 0, 0)))
    records.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (scalar,) = events.Scalars("train/loss")
    assert (scalar.step, scalar.value) == (5, 2.0)
    assert len(events.Images("samples")) == 1
    with Image.open(tmp_path / "samples" / "0000005.png") as picture:
        assert picture.size == (8, 4)
