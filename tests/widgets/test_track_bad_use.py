"""What goes wrong is told once, with advice, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import clicks
from disks import mounted
from napari_sam_i2v.widgets.track import TrackWidget
from scenes import two_crossing as SCENE
from widgets.desk import Desk

pytestmark = [pytest.mark.qt, pytest.mark.usefixtures("sessions")]


@pytest.fixture
def desk(make_napari_viewer: Callable[..., Any]) -> Desk:
    desk = Desk(make_napari_viewer(), SCENE.images, SCENE.truth)
    desk.viewer.dims.set_current_step(0, 0)
    return desk


def one_note(notes: list[str], *words: str) -> None:
    """One line of advice, and no report of an exception."""
    assert len(notes) == 1, notes
    assert notes[0].startswith("warning: ") and "\n" not in notes[0]
    for word in words:
        assert word in notes[0]
    notes.clear()


def test_no_movie(make_napari_viewer: Callable[..., Any], notes: list[str]) -> None:
    viewer = make_napari_viewer()
    widget = TrackWidget(viewer)
    viewer.window.add_dock_widget(widget)
    clicks.push(widget.start_button)
    one_note(notes, "open a time-lapse")
    viewer.add_image(np.zeros((20, 30)), name="still")
    clicks.push(widget.start_button)
    one_note(notes, "'still' is one single image")
    viewer.layers.clear()
    clicks.push(widget.start_button)
    one_note(notes, "open a time-lapse")
    assert widget.annotator is None


def test_outside_of_the_frame(desk: Desk, notes: list[str]) -> None:
    desk.start()
    desk.click_cell(1)
    before = desk.stack.copy()
    desk.viewer.reset_view(margin=0.5)
    desk.click(0, (-3.0, 5.0))
    one_note(notes, "outside")
    assert len(desk.annotator.layers.points.data) == 1
    desk.click(0, (-3.0, 5.0), clicks.SHIFT)
    one_note(notes, "outside")
    assert len(desk.annotator.layers.points.data) == 1
    np.testing.assert_array_equal(desk.stack, before)
    assert [one.object_id for one in desk.annotator.objects] == [1]


def test_nothing_to_take_prompts_from(desk: Desk, notes: list[str]) -> None:
    desk.start()
    clicks.push(desk.widget.prompt.take)
    one_note(notes, "choose a layer with cells")
    desk.viewer.add_points(ndim=3, name="none")
    desk.widget.prompt.source.value = desk.viewer.layers["none"]
    clicks.push(desk.widget.prompt.take)
    one_note(notes, "'none' is empty")
    desk.viewer.add_labels(np.zeros((24, 32), int), name="blank")
    desk.widget.prompt.source.value = desk.viewer.layers["blank"]
    clicks.push(desk.widget.prompt.take)
    one_note(notes, "'blank' has no labels on frame 0")


@pytest.mark.parametrize("model", ["gone.yaml", "no-such-model"])
def test_a_model_that_is_not_there(desk: Desk, notes: list[str], model: str) -> None:
    desk.widget.movie.list_models(model)
    desk.start()
    one_note(notes, model)
    assert desk.annotator.status.phase == "failed"
    assert desk.widget.start_button.text() == "Start"
    assert not desk.widget.movie.choices.isHidden()
    desk.click(0, (12.0, 10.0))
    one_note(notes, "press Start")
    assert len(desk.annotator.layers.points.data) == 0
    clicks.press(desk.viewer, "W")
    desk.settle()
    one_note(notes, "press Start")
    assert desk.annotator.status.phase == "failed"
    desk.widget.movie.list_models("threshold")
    desk.start()
    desk.click_cell(1)
    assert desk.iou(1, 1) == 1
    assert notes == []


def test_a_session_may_be_opened_after_a_start_that_failed(
    desk: Desk, notes: list[str]
) -> None:
    desk.start()
    desk.click_cell(1)
    folder = desk.annotator.folder
    clicks.push(desk.widget.start_button)
    desk.image.metadata.clear()
    desk.widget.movie.list_models("no-such-model")
    desk.start()
    assert not desk.widget.propagate.isEnabled()
    desk.widget.open_session(str(folder))
    desk.settle()
    assert desk.widget.start_button.text() == "Stop"
    assert desk.widget.propagate.isEnabled() and desk.widget.objects.isEnabled()
    assert desk.iou(1, 1) == 1
    clicks.push(desk.widget.start_button)
    assert desk.widget.annotator is None
    assert desk.widget.start_button.text() == "Start"


@pytest.mark.parametrize(
    ("content", "advice"),
    [(None, "no such checkpoint file"), (b"torn", "not a whole safetensors file")],
)
def test_a_checkpoint_that_is_none(
    desk: Desk, notes: list[str], tmp_path: Path, content: bytes | None, advice: str
) -> None:
    path = tmp_path / "mine.safetensors"
    if content is not None:
        path.write_bytes(content)
    desk.widget.movie.list_models("sam-i2v-cell")
    annotator = desk.widget.start(checkpoint=path)
    clicks.wait_for(lambda: annotator.status.phase == "failed", "the end")
    one_note(notes, advice)
    assert desk.widget.start_button.text() == "Start"


def test_weights_of_another_model(desk: Desk, notes: list[str], tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, path)
    desk.widget.movie.list_models("sam-i2v-cell")
    annotator = desk.widget.start(checkpoint=path)
    clicks.wait_for(lambda: annotator.status.phase == "failed", "the end")
    one_note(notes, "of another architecture")


def test_a_model_without_its_weights(
    desk: Desk, notes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path / "nothing"))
    desk.widget.movie.list_models("sam-i2v")
    desk.start()
    one_note(notes, "models import")
    assert desk.annotator.status.phase == "failed"


def test_a_device_that_is_not_there(desk: Desk, notes: list[str]) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    desk.widget.movie.list_models("sam-i2v-cell")
    desk.widget.movie.device.setCurrentText("cuda")
    desk.start()
    one_note(notes, "no usable cuda device")
    assert desk.annotator.status.phase == "failed"


def test_a_failure_of_our_own(desk: Desk, notes: list[str]) -> None:
    desk.start()
    annotator = desk.annotator

    def broken(_session: object) -> None:
        raise RuntimeError

    annotator.do(broken, "broken")
    desk.settle()
    assert len(notes) == 1 and notes[0].startswith("error: RuntimeError")
    assert "Your work is kept" in notes[0]
    desk.click_cell(1)
    assert desk.iou(1, 1) == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 512 kB."""
    with mounted(tmp_path / "disk", "512k") as disk:
        yield disk


def test_a_full_disk(
    desk: Desk, notes: list[str], small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(small_disk))
    desk.start()
    desk.click_cell(1)
    with (small_disk / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1024)):
                pass
        except OSError:
            pass
    desk.annotator.rename(1, "x" * 9000)
    desk.settle()
    one_note(notes, "no room left", "save the session to another disk")
    clicks.press(desk.viewer, "W")
    clicks.wait_for(lambda: desk.annotator.status.phase == "ready", "the failure")
    desk.settle()
    one_note(notes, "no room left")
    (small_disk / "ballast").unlink()
    desk.run()
    np.testing.assert_array_equal(desk.stack, SCENE.truth == 1)
    assert notes == []
