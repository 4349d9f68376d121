"""The Python entry points, with the threshold engine."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_sam_i2v
import scenes
from fakes import ThresholdPredictor, build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.prompts import MaskPrompt
from napari_sam_i2v.session import TrackingSession, snapshots
from napari_sam_i2v.session.replay import replay
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.tracking import load_session, open_session, track, track_into
from scenes import SCENES, Scene


@pytest.fixture(autouse=True)
def threshold_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)


def follow(scene: Scene, **options):
    return track(
        scene.images, scene.first_masks, model="threshold", progress=False, **options
    )


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_track_in_one_call(scene: Scene) -> None:
    result = follow(scene)
    np.testing.assert_array_equal(np.asarray(result.labels), scene.truth)
    assert result.labels.shape == scene.truth.shape
    assert result.labels.dtype == np.uint16
    assert result.ids == scene.ids
    present = result.scores[result.scores["area"] > 0]
    assert present["area"].sum() == np.count_nonzero(scene.truth)


def test_the_defaults_are_those_of_the_interface() -> None:
    parameters = inspect.signature(napari_sam_i2v.track).parameters
    assert {name: each.default for name, each in parameters.items()} == {
        "movie": inspect.Parameter.empty,
        "prompts": inspect.Parameter.empty,
        "model": "sam-i2v-cell",
        "checkpoint": None,
        "device": "auto",
        "seed": 0,
        "prompt_frame": 0,
        "start": 0,
        "stop": None,
        "direction": "forward",
        "views": "auto",
        "cell_size": None,
        "divisions": "end",
        "neighbours": "contend",
        "axes": None,
        "channel": None,
        "contrast": None,
        "out": None,
        "progress": True,
    }


@pytest.mark.parametrize(
    "as_prompts",
    [
        lambda scene: scene.label_image(0),
        lambda scene: np.stack([scene.truth[0], *np.zeros_like(scene.truth[1:])]),
        lambda scene: scene.first_clicks,
        lambda scene: pd.DataFrame(
            [
                {"frame": 0, "object_id": p.object_id, "kind": "point"}
                | {"y": p.yx[0], "x": p.yx[1], "y2": None, "x2": None, "positive": 1}
                for p in scene.first_clicks
            ]
        ),
    ],
    ids=["image", "stack", "list", "table"],
)
def test_prompts_of_all_kinds(as_prompts) -> None:
    scene = scenes.touching
    prompts = as_prompts(scene)
    result = track(scene.images, prompts, model="threshold", progress=False)
    np.testing.assert_array_equal(np.asarray(result.labels), scene.truth)


def test_a_label_image_prompts_the_frame_said() -> None:
    scene = scenes.moving_disc
    result = track(
        scene.images,
        scene.label_image(5),
        model="threshold",
        prompt_frame=5,
        direction="backward",
        progress=False,
    )
    seen = np.asarray(result.labels).any(axis=(1, 2))
    assert seen.tolist() == [True] * 6 + [False] * 2


def test_out_holds_what_is_returned(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    result = follow(scenes.divides, out=out)
    labels = tifffile.imread(out / "masklets.tif")
    np.testing.assert_array_equal(labels, np.asarray(result.labels))
    pd.testing.assert_frame_equal(
        pd.read_csv(out / "scores.csv"), result.scores, rtol=1e-5
    )
    with pytest.raises(InputError, match="already holds results"):
        follow(scenes.divides, out=out)


def test_progress_goes_to_stderr(capfd) -> None:
    scene = scenes.moving_disc
    track(scene.images, scene.first_masks, model="threshold")
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "8 of 8 done" in shown.err


def test_an_unknown_model_names_those_known() -> None:
    with pytest.raises(InputError, match="sam-i2v-cell"):
        open_session(scenes.moving_disc.images, model="sam-9")


class Crash(BaseException):
    """As sudden as a kill: nobody catches it."""


@pytest.mark.parametrize("interval", [0.0, 1000.0])
@pytest.mark.parametrize("visit", range(7))
def test_a_crash_at_any_visit_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visit: int, interval: float
) -> None:
    scene = scenes.two_crossing
    prompts = [*scene.first_masks, scene.mask_prompt(2, 4)]
    settings = TrackSettings(model="threshold", direction="both")
    usual = ThresholdPredictor.track
    done = []

    def crashing(self, frame, object_ids, *, reverse=False):
        if len(done) == visit:
            raise Crash
        done.append(frame)
        return usual(self, frame, object_ids, reverse=reverse)

    monkeypatch.setattr(snapshots, "DEFAULT_INTERVAL", interval)
    with monkeypatch.context() as patch:
        patch.setattr(ThresholdPredictor, "track", crashing)
        with pytest.raises(Crash):
            track_into(scene.images, prompts, tmp_path / "cut", settings=settings)
    cut = {"settings": settings, "mode": "resume"}
    track_into(scene.images, prompts, tmp_path / "cut", **cut)
    track_into(scene.images, prompts, tmp_path / "whole", settings=settings)
    for name in ("masklets.tif", "scores.csv"):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "cut" / name).read_bytes() == whole


def worked_session(scene: Scene) -> TrackingSession:
    """Return a session in which a bit of everything was done."""
    session = open_session(scene.images, model="threshold")
    session.add_all(scene.first_masks)
    for _ in session.propagate(0, 5):
        pass
    session.add(MaskPrompt(frame=6, object_id=1, mask=np.ones((2, 2), bool)))
    session.approve(2, [3, 4])
    session.remove(1)
    session.undo()
    return session


def outcome(session: TrackingSession) -> pd.DataFrame:
    for _ in session.propagate(4, direction="forward"):
        pass
    return session.masklets.scores


def test_a_saved_session_goes_on_where_it_was(tmp_path: Path) -> None:
    scene = scenes.two_crossing
    session = worked_session(scene)
    labels, log = np.asarray(session.masklets.labels), session.log
    session.save(tmp_path / "saved")
    loaded = load_session(tmp_path / "saved", scene.images)
    assert len(loaded.log) == len(log)
    np.testing.assert_array_equal(np.asarray(loaded.masklets.labels), labels)
    assert outcome(loaded).equals(outcome(session))
    assert loaded.undo()
    np.testing.assert_array_equal(np.asarray(loaded.masklets.labels), labels)
    loaded.save(tmp_path / "saved")


def test_a_session_without_its_snapshot_is_made_good(tmp_path: Path) -> None:
    scene = scenes.two_crossing
    session = worked_session(scene)
    session.save(tmp_path / "saved")
    session.store.drop_snapshot()
    session.store.copy_to(tmp_path / "saved" / "masks.sqlite")
    loaded = load_session(tmp_path / "saved", scene.images)
    assert outcome(loaded).equals(outcome(worked_session(scene)))


def test_the_log_of_a_saved_session_can_be_replayed(tmp_path: Path) -> None:
    scene = scenes.two_crossing
    session = worked_session(scene)
    session.save(tmp_path / "saved")
    again = open_session(scene.images, model="threshold")
    replay(again, load_session(tmp_path / "saved", scene.images).log)
    assert again.masklets.scores.equals(session.masklets.scores)


def test_what_track_wrote_is_a_session(tmp_path: Path) -> None:
    scene = scenes.moving_disc
    tifffile.imwrite(tmp_path / "movie.tif", scene.images, metadata={"axes": "TYX"})
    result = track(
        tmp_path / "movie.tif",
        scene.first_masks,
        model="threshold",
        out=tmp_path / "out",
        stop=4,
        progress=False,
    )
    session = load_session(tmp_path / "out")
    np.testing.assert_array_equal(
        np.asarray(session.masklets.labels), np.asarray(result.labels)
    )
    for _ in session.propagate(4):
        pass
    np.testing.assert_array_equal(np.asarray(session.masklets.labels), scene.truth)
    assert not np.asarray(result.labels)[4:].any()


def test_loading_says_what_is_missing(tmp_path: Path) -> None:
    scene = scenes.moving_disc
    with pytest.raises(InputError, match="is no session"):
        load_session(tmp_path)
    session = open_session(scene.images, model="threshold")
    session.add_all(scene.first_masks)
    session.save(tmp_path / "saved")
    with pytest.raises(InputError, match="give movie="):
        load_session(tmp_path / "saved")
    with pytest.raises(InputError, match="not the one"):
        load_session(tmp_path / "saved", scenes.two_crossing.images)
    other = open_session(scene.images, model="threshold")
    other.add_all(scene.first_clicks)
    other.remove(1)
    with pytest.raises(InputError, match="holds another session"):
        other.save(tmp_path / "saved")


def test_many_masks_are_given_at_once() -> None:
    labels = np.zeros((2, 200, 160), np.uint16)
    corners = [(y, x) for y in range(0, 200, 10) for x in range(0, 160, 16)]
    for object_id, (y, x) in enumerate(corners, 1):
        labels[0, y : y + 8, x : x + 8] = object_id
    result = track(labels, labels[0], model="threshold", stop=1, progress=False)
    np.testing.assert_array_equal(result.labels[0], labels[0])
    assert len(result.ids) == 200


def test_a_session_finds_the_movie_of_its_layer(tmp_path: Path) -> None:
    scene, path = scenes.moving_disc, tmp_path / "movie.tif"
    tifffile.imwrite(path, scene.images, metadata={"axes": "TYX"})
    layer = SimpleNamespace(
        data=scene.images.transpose(1, 2, 0),
        rgb=False,
        source=SimpleNamespace(path=str(path)),
    )
    session = open_session(layer, model="threshold", axes="YXT")
    session.add_all(scene.first_masks)
    session.save(tmp_path / "saved")
    again = load_session(tmp_path / "saved")
    assert again.video.path == path
    np.testing.assert_array_equal(again.masklets.labels[0], scene.truth[0])
