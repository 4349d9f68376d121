"""The fine-tuning widget in a real viewer, with real clicks and a real child."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

import clicks
from napari_sam_i2v.backends import model_names
from napari_sam_i2v.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from napari_sam_i2v.fine_tuning import read_card, unfinished_runs
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.simulation.write import write_movie
from napari_sam_i2v.widgets.train import TrainWidget
from tiny import EXTRAS, tiny_config
from widgets.desk import Desk

pytestmark = [pytest.mark.qt, pytest.mark.slow]

WIDTH = 300
SMALL = (
    "threads=1",
    "workers=0",
    "bf16=false",
    "movies.size=64",
    "movies.frames=9",
    "movies.pool=2",
)
SCORED = ("validation.movies=2", "validation.clips=3", "validation.frames=3")
UNSCORED = ("validation.every=0", "validation.first=false")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    settings = SimulationSettings(
        modality="nuclei", frames=8, height=80, width=100, cells=6, seed=4
    )
    write_movie(simulate(settings), tmp_path / "movie")
    return tmp_path / "movie"


@pytest.fixture
def blink(cache: Path) -> str:
    """A fine-tuned model with random weights, so small that it trains in a blink."""
    from dataclasses import asdict

    from safetensors.torch import save_file

    from napari_sam_i2v.model import build_model

    config = tiny_config(EXTRAS, name="blink")
    folder = cache / "models" / "blink"
    folder.mkdir(parents=True)
    save_file(build_model(config).state_dict(), folder / WEIGHTS_FILE)
    # JSON knows no tuples, and is YAML.
    import json

    text = json.dumps(asdict(config))
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(json.loads(text)))
    return "blink"


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any]) -> Any:
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer: Any, movie: Path, blink: str, qtbot: Any) -> Iterator[TrainWidget]:
    """The widget at 300 pixels, filled in for a tiny run."""
    widget = docked(viewer, qtbot)
    widget.form.overrides = (*SMALL, *UNSCORED)
    widget.form.source.setCurrentText("a folder")
    widget.form.folder.setText(str(movie))
    widget.form.base.setCurrentText(blink)
    widget.form.device.setCurrentText("CPU")
    widget.form.unit.setCurrentText("steps")
    widget.form.budget.setValue(4)
    widget.form.name.setText("mine")
    yield widget
    run = widget.handle.run
    if run is not None:
        run.kill()
        assert run.wait(20)


def docked(viewer: Any, qtbot: Any) -> TrainWidget:
    widget = TrainWidget(viewer)
    place = viewer.window.add_dock_widget(widget, name="Fine-tune", area="right")
    window = viewer.window._qt_window
    window.resizeDocks([place], [WIDTH], Qt.Orientation.Horizontal)
    qtbot.wait(50)
    return widget


def click(button: Any) -> None:
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def phase(widget: TrainWidget, name: str) -> Callable[[], bool]:
    return lambda: widget.progress.phase == name


def test_a_run_becomes_a_model_that_can_be_used(dock: TrainWidget, qtbot: Any) -> None:
    dock.form.overrides = (*SMALL, *SCORED)
    assert "a movie with labels" in dock.form.summary.text()
    assert "about 4 steps" in dock.form.estimate.text()
    click(dock.start_button)
    assert dock.form.isHidden() and dock.start_button.isHidden()
    qtbot.waitUntil(phase(dock, "done"), timeout=300_000)
    assert not dock.polling
    assert "mine" in model_names()
    assert "mine" in dock.run_box.result.text()
    assert read_card("mine").verdict in dock.run_box.result.text()
    assert dock.run_box.curves.isVisible() and dock.run_box.picture.isVisible()
    assert dock.form.base.findText("mine") >= 0
    with qtbot.waitSignal(dock.model_chosen) as chosen:
        click(dock.run_box.use_button)
    assert chosen.args == ["mine"]


def test_stop_keeps_the_state_and_resume_goes_on(dock: TrainWidget, qtbot: Any) -> None:
    dock.form.budget.setValue(400)
    click(dock.start_button)
    qtbot.waitUntil(lambda: dock.progress.step >= 1, timeout=300_000)
    click(dock.stop_button)
    qtbot.waitUntil(phase(dock, "stopped"), timeout=200_000)
    step = dock.progress.step
    assert "Resume" in dock.run_box.state.text()
    click(dock.resume_button)
    qtbot.waitUntil(lambda: dock.progress.step > step, timeout=300_000)
    click(dock.stop_button)
    qtbot.waitUntil(phase(dock, "stopped"), timeout=200_000)
    click(dock.run_box.keep_button)
    assert read_card("mine").steps == dock.progress.step


def test_closing_stops_the_run_and_it_is_offered_again(
    dock: TrainWidget, viewer: Any, qtbot: Any
) -> None:
    dock.form.budget.setValue(400)
    click(dock.start_button)
    qtbot.waitUntil(lambda: dock.progress.step >= 1, timeout=300_000)
    run = dock.handle.run
    assert run is not None
    viewer.window.remove_dock_widget(dock)
    assert not dock.polling
    assert run.wait(60)
    assert [each.poll().phase for each in unfinished_runs()] == ["stopped"]
    again = docked(viewer, qtbot)
    qtbot.waitUntil(phase(again, "stopped"), timeout=5000)
    assert again.resume_button.isVisible() and "mine" in again.run_box.state.text()
    click(again.run_box.discard_button)
    assert unfinished_runs() == []


@pytest.mark.parametrize(
    ("name", "folder", "advice"),
    [
        ("sam-i2v", "movie", "comes with the package"),
        ("a b", "movie", "is no name for a model"),
        ("mine", "nowhere", "no such folder"),
        ("mine", "", "no folder to learn from"),
    ],
)
def test_bad_input_is_a_notification(
    dock: TrainWidget,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    folder: str,
    advice: str,
) -> None:
    told: list[str] = []
    monkeypatch.setattr("napari_sam_i2v.widgets._parts.show_warning", told.append)
    dock.form.name.setText(name)
    dock.form.folder.setText(str(tmp_path / folder) if folder else "")
    click(dock.start_button)
    assert len(told) == 1 and advice in told[0] and "\n" not in told[0]
    assert dock.progress.phase == "new" and unfinished_runs() == []


def test_what_the_child_says_is_a_notification(
    dock: TrainWidget, movie: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    told: list[str] = []
    monkeypatch.setattr("napari_sam_i2v.widgets.train.show_warning", told.append)
    (movie / "images.tif").unlink()
    click(dock.start_button)
    qtbot.waitUntil(phase(dock, "failed"), timeout=300_000)
    assert len(told) == 1 and "neither images.tif nor a folder" in told[0]
    assert told[0] == dock.run_box.state.text().replace("<b>mine</b>", "mine")
    assert dock.start_button.isVisible()


def test_the_dock_is_narrow_and_follows_the_theme(
    dock: TrainWidget, viewer: Any, qtbot: Any
) -> None:
    assert dock.minimumSizeHint().width() <= WIDTH
    assert not dock.scroll_area.horizontalScrollBar().isVisible()
    click(dock.start_button)
    qtbot.waitUntil(lambda: dock.progress.step >= 1, timeout=300_000)
    for theme in ("light", "dark"):
        viewer.theme = theme
        qtbot.wait(20)
        ground = dock.run_box.curves.grab().toImage().pixelColor(2, 2)
        assert (ground.lightness() > 128) == (theme == "light")


def test_what_is_annotated_now_is_learned_from(
    viewer: Any, blink: str, movie: Path, sessions: Path, qtbot: Any
) -> None:
    """Cells are seeded in one widget, learned from in the other, and then tracked."""
    labels = tifffile.imread(movie / "labels.tif")
    desk = Desk(viewer, tifffile.imread(movie / "images.tif"), labels)
    desk.start()
    viewer.add_labels(labels, name="cells", visible=False)
    desk.widget.prompt.source.value = viewer.layers["cells"]
    viewer.dims.set_current_step(0, 0)
    clicks.push(desk.widget.prompt.take)
    desk.settle()
    count = len(desk.annotator.objects)
    dock = docked(viewer, qtbot)
    dock.form.overrides = (*SMALL, *UNSCORED)
    assert dock.form.source.currentText() == "this session"
    assert f"{count} cells, {count} masks" in dock.form.summary.text()
    dock.form.base.setCurrentText(blink)
    dock.form.device.setCurrentText("CPU")
    dock.form.unit.setCurrentText("steps")
    dock.form.budget.setValue(2)
    dock.form.name.setText("mine")
    click(dock.start_button)
    qtbot.waitUntil(phase(dock, "done"), timeout=300_000)
    click(dock.run_box.use_button)
    clicks.wait_for(
        lambda: (
            desk.annotator.options.model == "mine"
            and desk.annotator.status.phase == "ready"
        ),
        "the new model",
    )
    desk.settle()
    assert desk.annotator.options.model == "mine"
    assert len(desk.annotator.objects) == count
    np.testing.assert_array_equal(desk.stack[0], labels[0])
    desk.run()
    assert len(desk.annotator.desk.session.masklets.scores) == count * len(labels)
