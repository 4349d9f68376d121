"""Commands reach the annotator of the viewer, or say where it is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import napari
import pytest
import yaml
from napari.utils.notifications import notification_manager

import clicks
from napari_sam_i2v import annotator
from napari_sam_i2v.annotator.annotator import Annotator
from napari_sam_i2v.contributions import commands
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.widgets._objects_table import ObjectsTable
from napari_sam_i2v.widgets._session_box import SessionBox
from napari_sam_i2v.widgets.track import TrackWidget
from scenes import two_crossing
from sources import PACKAGE

HOME = "napari_sam_i2v.contributions.commands"
MANIFEST = yaml.safe_load((PACKAGE / "napari.yaml").read_text())["contributions"]
NAMES = [
    command["python_name"].partition(":")[2]
    for command in MANIFEST["commands"]
    if command["python_name"].startswith(HOME)
]
TOOLS = {
    "click": "points",
    "draw_boxes": "boxes",
    "paint": "masks",
    "correct_by_painting": "masklets",
}
ASKING = {
    "rename": "rename",
    "colour": "colour",
    "save_as": "save",
    "open_session": "open",
    "export": "export",
    "stop": "stop",
}
VERBS = [n for n in NAMES if n not in (*TOOLS, *ASKING, "start")]


class Recorder:
    """Notes which of its methods is called."""

    def __init__(self) -> None:
        self.called: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: self.called.append((name, *arguments))


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder, viewer = Recorder(), object()
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    monkeypatch.setattr(annotator, "of", {viewer: recorder}.get)
    return recorder


@pytest.mark.parametrize("name", VERBS)
def test_a_command_calls_the_method_of_its_name(name: str, recorder: Recorder) -> None:
    getattr(commands, name)()
    assert recorder.called == [(name,)]


@pytest.mark.parametrize("name", ASKING)
def test_a_command_asks_through_the_annotator(name: str, recorder: Recorder) -> None:
    getattr(commands, name)()
    assert recorder.called == [("ask", ASKING[name])]


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_is_taken_up(name: str, recorder: Recorder) -> None:
    getattr(commands, name)()
    assert recorder.called == [("set_mode", TOOLS[name])]


@pytest.mark.parametrize("name", VERBS)
def test_the_annotator_has_the_method(name: str) -> None:
    method = getattr(Annotator, name)
    others = list(inspect.signature(method).parameters.values())[1:]
    assert all(one.default is not inspect.Parameter.empty for one in others)


def test_every_command_is_in_the_manifest() -> None:
    made = {
        name
        for name, value in vars(commands).items()
        if getattr(value, "__module__", "") == HOME and not name.startswith("_")
    }
    assert set(NAMES) == made
    ids = [each["id"] for each in MANIFEST["commands"]]
    assert {f"napari-sam-i2v.{name}" for name in NAMES} <= set(ids)
    assert len(set(ids)) == len(ids)


def test_without_an_annotator_there_is_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(napari, "current_viewer", lambda: None)
    commands.propagate()
    assert notification_manager.records[-1].message == commands.ADVICE


def test_bad_use_is_a_notification(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise InputError("object 3 has no prompts; click it first")

    recorder.propagate = refuse  # type: ignore[method-assign]
    commands.propagate()
    assert notification_manager.records[-1].message.startswith("object 3")


@pytest.mark.qt
def test_the_palette_runs_a_command(make_napari_viewer: Callable[[], Any]) -> None:
    from napari._app_model import get_app_model

    make_napari_viewer()
    app = get_app_model()
    app.commands.execute_command("napari-sam-i2v.propagate").result()
    assert notification_manager.records[-1].message == commands.ADVICE


@pytest.mark.qt
def test_commands_that_ask_are_the_widgets_own(
    make_napari_viewer: Callable[[], Any],
    sessions: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = make_napari_viewer()
    commands.export()
    assert notification_manager.records[-1].message == commands.ADVICE
    asked: list[str] = []
    for box, names in (
        (ObjectsTable, ("ask_for_name", "ask_for_colour")),
        (SessionBox, ("ask_and_save", "ask_and_open", "ask_and_export")),
    ):
        for name in names:
            monkeypatch.setattr(box, name, lambda _, name=name: asked.append(name))
    widget = TrackWidget(viewer)
    viewer.window.add_dock_widget(widget, name="under any name")
    viewer.add_image(two_crossing.images)
    widget.movie.list_models("threshold")
    commands.start()
    assert widget.annotator is not None
    for name in ("rename", "colour", "save_as", "open_session", "export"):
        getattr(commands, name)()
    assert [name.rpartition("_")[2] for name in asked] == [
        *("name", "colour", "save", "open", "export")
    ]
    commands.stop()
    clicks.wait_for(lambda: widget.annotator is None, "its end")


@pytest.mark.qt
def test_starting_without_a_movie_is_advice(
    make_napari_viewer: Callable[[], Any],
) -> None:
    make_napari_viewer()
    commands.start()
    assert "there is no movie" in notification_manager.records[-1].message
