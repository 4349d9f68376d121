"""A line for every object, found without reading masks."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

import scenes
from fakes import ThresholdPredictor
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.prompts import MaskPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.store import MaskStore, as_stored
from napari_sam_i2v.session.summary import ObjectSummary
from scenes import SCENES, Scene


def tracked(scene: Scene) -> TrackingSession:
    session = TrackingSession(scene.video, ThresholdPredictor(scene.video))
    session.add_all(scene.first_masks)
    for _ in session.propagate(direction="both"):
        pass
    return session


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_it_says_what_the_masks_say(scene: Scene) -> None:
    session = tracked(scene)
    for line in session.summary():
        frames = np.flatnonzero((scene.truth == line.object_id).any(axis=(1, 2)))
        assert session.frames_of(line.object_id) == frames.tolist()
        assert (line.first, line.last) == (frames[0], frames[-1])
        assert (line.prompts, line.approved) == (1, 0)
        scores = session.masklets.scores.query(
            f"object_id == {line.object_id} and area > 0 and frame > {frames[0]}"
        )
        worst = scores.sort_values("predicted_iou").iloc[:1]
        assert [line.lowest_score] == (worst["predicted_iou"].tolist() or [None])
        assert [line.lowest_frame] == (worst["frame"].tolist() or [None])
    assert [line.object_id for line in session.summary()] == scene.ids


def test_it_counts_what_a_person_did() -> None:
    scene = scenes.moving_disc
    session = tracked(scene)
    session.add_all([scene.mask_prompt(1, 3), scene.click(1, 3)])
    session.approve(1, [1, 2, 3])
    (line,) = session.summary()
    assert (line.prompts, line.approved) == (3, 3)
    session.unapprove(1, [2])
    assert session.summary()[0].approved == 2


def test_an_object_without_masks_has_no_frames() -> None:
    scene = scenes.moving_disc
    session = TrackingSession(scene.video, ThresholdPredictor(scene.video))
    session.add(scene.click(1, 0))
    session.replace([dataclasses.replace(scene.click(1, 0), yx=(0.0, 0.0))])
    none = ObjectSummary(
        object_id=1, first=None, last=None, prompts=1, approved=0, lowest_score=None
    )
    assert session.summary() == [none]
    assert session.frames_of(1) == []


def walk(session: TrackingSession, scene: Scene, rng: np.random.Generator) -> None:
    """Do something, whatever comes to mind."""
    ids, frame = session.object_ids, int(rng.integers(scene.n_frames))
    if len(ids) < 2:
        session.add_all(scene.first_masks)
        return
    one, two = (int(i) for i in rng.choice(ids, 2, replace=False))
    spot = MaskPrompt(frame=frame, object_id=one, mask=np.ones((2, 2), bool))
    place = next((p.frame, p.object_id) for p in session.prompts())
    match rng.integers(9):
        case 0:
            session.replace([spot])
        case 1:
            list(session.propagate(frame))
        case 2:
            list(session.propagate(direction="both", objects=[one]))
        case 3:
            session.clear_all([place])
        case 4:
            session.end(one, max(frame, 1))
        case 5:
            session.split(one, frame, max(ids) + 1)
        case 6:
            session.merge(one, two)
        case 7:
            session.undo()
        case 8:
            session.redo()


@pytest.mark.parametrize("seed", range(12))
def test_many_masks_are_judged_as_one(seed: int) -> None:
    scene = scenes.two_crossing
    session = tracked(scene)
    rng = np.random.default_rng(seed)
    for _ in range(25):
        try:
            walk(session, scene, rng)
        except ValueError:
            continue
        state = session._document.state
        rows = np.array(session.store.places(), float).reshape(-1, 4)[:, :3]
        places = rows.astype(np.int64).T
        one_by_one = [state.is_visible(*place) for place in places.T.tolist()]
        assert state.are_visible(*places).tolist() == one_by_one
        for object_id in session.object_ids:
            shown = [
                t
                for t in range(scene.n_frames)
                if (found := session.masklets.frame(t).masks.get(object_id))
                and found.area
            ]
            assert session.frames_of(object_id) == shown


@pytest.mark.slow
def test_a_large_table_is_quick() -> None:
    n_objects, n_frames = 200, 100
    video = scenes.open_video(np.ones((n_frames, 40, 40), np.uint16), axes="TYX")
    store = MaskStore.temporary()
    session = TrackingSession(video, ThresholdPredictor(video), store=store)
    spot = np.ones((30, 30), bool)
    session.add_all(
        MaskPrompt(frame=0, object_id=i, mask=spot) for i in range(1, n_objects + 1)
    )
    mask = as_stored(
        ObjectMask(
            frame=0,
            object_id=1,
            offset=(1, 1),
            logits=np.random.default_rng(0).uniform(0, 9, spot.shape),
            predicted_iou=0.5,
            object_score=1,
        )
    )
    for frame in range(1, n_frames):
        store.write(
            0,
            [
                dataclasses.replace(mask, frame=frame, object_id=i)
                for i in session.object_ids
            ],
        )
    spent = []
    for _ in range(5):
        began = time.process_time()
        lines = session.summary()
        spent.append(time.process_time() - began)
    assert {(line.first, line.last) for line in lines} == {(0, n_frames - 1)}
    assert min(spent) < 0.05
