"""A session that lives in its folder: killed, out of disk, opened again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import scenes
from disks import mounted
from fakes import ThresholdPredictor, build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.action_json import action_to_json
from napari_sam_i2v.io.session_folder import read_session
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.replay import replay
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.tracking import load_session, open_session, track_into

TESTS = Path(__file__).resolve().parents[1]
SCENE = scenes.two_crossing


@pytest.fixture(autouse=True)
def threshold_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)


def opened(folder: Path | None = None) -> TrackingSession:
    return open_session(SCENE.images, model="threshold", folder=folder)


def reopened(folder: Path, **options) -> TrackingSession:
    return load_session(folder, SCENE.images, **options)


def run(session: TrackingSession, *args, **options) -> None:
    for _ in session.propagate(*args, **options):
        pass


def work(session: TrackingSession) -> Iterator[None]:
    """Do a bit of everything, one action at a time."""
    session.add_all(SCENE.first_masks)
    yield
    run(session)
    yield
    session.split(1, 4, 3)
    yield
    session.replace([SCENE.click(2, 3)])
    yield
    session.style(3, name="late", colour="#00ff00")
    yield
    session.merge(1, 3)
    yield
    session.undo()
    yield
    session.clear_all([(3, 2)])
    yield
    session.approve(2, [1, 2])
    yield


def same(a: TrackingSession, b: TrackingSession) -> bool:
    logs = [[action_to_json(action) for action in each.log] for each in (a, b)]
    return logs[0] == logs[1] and (a.masklets.scores.equals(b.masklets.scores))


def test_every_action_is_in_the_folder_when_it_is_done(tmp_path: Path) -> None:
    session = opened(tmp_path / "deep" / "folder")
    assert session.folder == tmp_path / "deep" / "folder"
    for _ in work(session):
        assert same(reopened(session.folder), session)


def test_a_session_goes_on_in_place(tmp_path: Path) -> None:
    straight, folder = opened(), tmp_path / "folder"
    opened(folder).close()
    for number, _ in enumerate(work(straight)):
        session = reopened(folder, in_place=True)
        replay(session, straight.log[number:])
        session.close()
    run(straight, 2)
    again = reopened(folder, in_place=True)
    run(again, 2)
    assert same(again, straight)
    assert again.settings == straight.settings


def test_without_in_place_the_folder_stays_as_it_is(tmp_path: Path) -> None:
    session = opened(tmp_path)
    session.add_all(SCENE.first_masks)
    session.close()
    before = (tmp_path / "session.json").read_bytes()
    copy = reopened(tmp_path)
    assert copy.folder is None
    copy.remove(1)
    assert (tmp_path / "session.json").read_bytes() == before


def test_a_session_may_be_attached_later_and_detached(tmp_path: Path) -> None:
    session = opened()
    session.add_all(SCENE.first_masks)
    temporary = session.store.path
    session.attach(tmp_path / "a")
    assert not temporary.exists()
    run(session)
    assert same(reopened(tmp_path / "a"), session)
    session.attach(tmp_path / "a")
    session.save(tmp_path / "a")
    session.attach(tmp_path / "b")
    session.remove(2)
    assert same(reopened(tmp_path / "b"), session)
    assert len(read_session(tmp_path / "a").log) == 2
    session.detach()
    session.undo()
    assert session.folder is None and session.recorder is None
    assert len(read_session(tmp_path / "b").log) == 3
    np.testing.assert_array_equal(np.asarray(session.masklets.labels), SCENE.truth)


def test_a_folder_belongs_to_one_session(tmp_path: Path) -> None:
    session = opened(tmp_path)
    session.add_all(SCENE.first_masks)
    with pytest.raises(InputError, match="holds a session already"):
        opened(tmp_path)
    with pytest.raises(InputError, match="in use"):
        reopened(tmp_path, in_place=True)
    other = opened()
    other.add_all(SCENE.first_clicks)
    with pytest.raises(InputError, match="in use"):
        other.attach(tmp_path)
    session.close()
    with pytest.raises(InputError, match="holds another session"):
        other.attach(tmp_path)
    assert other.folder is None
    reopened(tmp_path, in_place=True).close()


def test_an_action_is_turned_into_text_once(tmp_path: Path, monkeypatch) -> None:
    session = opened(tmp_path)
    session.add_all(SCENE.first_masks)
    told = []
    usual = action_to_json

    def counting(action):
        told.append(action)
        return usual(action)

    monkeypatch.setattr("napari_sam_i2v.io.session_folder.action_to_json", counting)
    for name in "abc":
        session.style(1, name=name)
    assert len(told) == 3


def test_the_contrast_in_use_is_kept(tmp_path: Path) -> None:
    session = opened(tmp_path)
    session.video.recontrast((100, 900), 0.5)
    session.add_all(SCENE.first_masks)
    again = reopened(tmp_path)
    assert again.video.contrast == ((100.0, 900.0),)
    assert again.video.gamma == (0.5,)


RUNNER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from fakes import ThresholdPredictor
from napari_sam_i2v import backends
from session.test_autosave import opened, work
backends.BACKENDS["threshold"] = lambda name, video, **o: ThresholdPredictor(
    video, delay=0.01
)
session = opened(Path(sys.argv[2]))
print("ready", flush=True)
while True:
    for _ in work(session):
        print(len(session.log), flush=True)
    session.remove_all(session.object_ids)
    print(len(session.log), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.07, 0.15, 0.31, 0.6])
def test_a_kill_loses_no_action_that_was_done(tmp_path: Path, delay: float) -> None:
    command = [sys.executable, "-c", RUNNER, str(TESTS), str(tmp_path / "folder")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(delay)
        child.kill()
        done = [int(line) for line in child.stdout.read().split()]
    session = reopened(tmp_path / "folder", in_place=True)
    assert len(session.log) >= max(done, default=0)
    assert len(session.log) <= max(done, default=0) + 1
    again = opened()
    replay(again, session.log)
    assert same(again, session)
    if session.object_ids:
        run(session)
        run(again)
        assert same(again, session)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 512 kB."""
    with mounted(tmp_path / "disk", "512k") as disk:
        yield disk


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1024)):
                pass
        except OSError:
            return ballast


def test_a_full_disk_is_told_and_survived(small_disk: Path) -> None:
    session = opened(small_disk / "folder")
    session.add_all(SCENE.first_masks)
    run(session, 0, 4)
    ballast = fill(small_disk)
    before = np.asarray(session.masklets.labels)
    for action in (
        lambda: session.style(1, name="x" * 5000),
        lambda: run(session, 4),
        lambda: session.add(SCENE.click(1, 6)),
    ):
        with pytest.raises(InputError, match="no room left") as caught:
            action()
        assert "\n" not in str(caught.value) and "--resume" not in str(caught.value)
    np.testing.assert_array_equal(np.asarray(session.masklets.labels)[:4], before[:4])
    ballast.unlink()
    run(session)
    np.testing.assert_array_equal(np.asarray(session.masklets.labels), SCENE.truth)
    assert same(reopened(session.folder), session)


def test_a_session_may_leave_a_full_disk(small_disk: Path) -> None:
    session = opened(small_disk / "folder")
    session.add_all(SCENE.first_masks)
    fill(small_disk)
    with pytest.raises(InputError, match="no room left"):
        session.style(1, name="x" * 5000)
    session.detach()
    run(session)
    np.testing.assert_array_equal(np.asarray(session.masklets.labels), SCENE.truth)
    assert [action_to_json(a)["action"] for a in session.log][1] == "style"
    assert json.loads((small_disk / "folder" / "session.json").read_text())


def test_a_recorder_that_fails_leaves_the_session_in_step() -> None:
    """As a full disk does, on any system."""

    def failing(log) -> None:
        raise InputError("no room left")

    session = TrackingSession(
        SCENE.video, ThresholdPredictor(SCENE.video), recorder=failing
    )
    plain = TrackingSession(SCENE.video, ThresholdPredictor(SCENE.video))
    for action in (
        lambda s: s.add_all(SCENE.first_masks),
        lambda s: s.approve(1, 0),
        lambda s: s.add(SCENE.click(1, 3)),
        lambda s: s.undo(),
        lambda s: s.merge(1, 2),
    ):
        action(plain)
        with pytest.raises(InputError, match="no room"):
            action(session)
    session._recorder = None
    for each in (plain, session):
        run(each)
    assert same(plain, session)


def test_nobody_writes_into_a_folder_in_use(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    session = opened(folder)
    session.add_all(SCENE.first_masks)
    copy = reopened(folder)
    copy.approve(1, [0])
    with pytest.raises(InputError, match="in use"):
        copy.save(folder)
    settings = TrackSettings(model="threshold")
    with pytest.raises(InputError, match="in use"):
        track_into(
            SCENE.images, SCENE.truth[0], folder, settings=settings, mode="overwrite"
        )
    run(session)
    session.close()
    assert len(reopened(folder).log) == 2


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    session = opened()
    for keep in (session.save, session.attach, opened):
        with pytest.raises(InputError, match="choose another folder"):
            keep(tmp_path / name)


def test_what_a_killed_run_left_is_saved_as_it_is(tmp_path: Path) -> None:
    """The engine remembers less than there are masks; a copy must not forget that."""
    session = opened(tmp_path / "kept")
    session.add_all(SCENE.first_masks)
    expected = opened()
    expected.add_all(SCENE.first_masks)
    run(expected)
    visits = session.propagate()
    for _ in range(3):
        next(visits)
    session.store.write(1, [], snapshot=session._propagator.snapshot(1, 3))
    for _ in range(2):
        next(visits)
    session._leave(None)
    once = reopened(tmp_path / "kept")
    once.save(tmp_path / "copy")
    for folder in ("kept", "copy"):
        again = reopened(tmp_path / folder)
        assert again.visits_left() == 5
        for _ in again.resume():
            pass
        assert again.masklets.scores.equals(expected.masklets.scores)
