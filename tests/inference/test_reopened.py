"""What a session says does not depend on whether its engine still remembers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_sam_i2v import PointPrompt, load_session, open_session, track
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.replay import replay

FRAMES = 7
PLACES = {1: (24, 24), 2: (60, 30), 3: (40, 68)}
"""Where three alike cells are on the first frame; all drift."""


def place(cell: int, frame: int) -> tuple[float, float]:
    y, x = PLACES[cell]
    return y + 0.8 * frame, x + 0.5 * frame


def truth(cell: int, frame: int) -> np.ndarray:
    y, x = place(cell, frame)
    rows, columns = np.mgrid[:96, :96]
    return (rows - y) ** 2 + (columns - x) ** 2 < 81


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = np.random.default_rng(0).normal(100, 6, (FRAMES, 96, 96))
    for frame in range(FRAMES):
        for cell in PLACES:
            images[frame][truth(cell, frame)] += 80
    path = tmp_path_factory.mktemp("movie") / "movie.npy"
    np.save(path, images.clip(0).astype(np.uint16))
    return path


def point(cell: int, frame: int, *, positive: bool = True) -> PointPrompt:
    yx = place(cell, frame)
    return PointPrompt(frame=frame, object_id=1, yx=yx, positive=positive)


def opened(movie: Path, **options) -> TrackingSession:
    return open_session(movie, model="sam-i2v-cell", device="cpu", **options)


def run(session: TrackingSession, *args, **options) -> None:
    for _ in session.propagate(*args, **options):
        pass


def worst(labels: np.ndarray, cell: int = 1) -> float:
    """The lowest IoU of object 1 and a cell."""
    ious = []
    for frame, found in enumerate(np.asarray(labels) == 1):
        expected = truth(cell, frame)
        ious.append((found & expected).sum() / (found | expected).sum())
    return min(ious)


@pytest.mark.parametrize("first, later", [(0, 3), (5, 2)])
def test_not_that_cell_is_said_of_where_the_object_is(
    movie: Path, first: int, later: int
) -> None:
    prompts = [point(1, first), point(3, later, positive=False)]
    masklets = track(movie, prompts, direction="both", device="cpu", progress=False)
    assert worst(masklets.labels) > 0.9


def undone(session: TrackingSession, folder: Path) -> TrackingSession:
    session.undo()
    session.redo()
    return session


def removed(session: TrackingSession, folder: Path) -> TrackingSession:
    session.remove(1)
    session.undo()
    return session


def saved(session: TrackingSession, folder: Path) -> TrackingSession:
    session.save(folder)
    session.close()
    return load_session(folder)


def killed(session: TrackingSession, folder: Path) -> TrackingSession:
    """No snapshot is left of what the engine knew."""
    session.save(folder)
    session.store.drop_snapshot()
    session.save(folder)
    again = load_session(folder)
    again._memory.lose(again.object_ids)
    return again


LIVES = [undone, removed, saved, killed]


@pytest.mark.parametrize("life", LIVES)
def test_a_correction_stays_one(
    movie: Path, tmp_path: Path, life: Callable[..., TrackingSession]
) -> None:
    session = opened(movie)
    session.add(point(1, 0))
    run(session)
    session.add(point(3, 4, positive=False))
    session = life(session, tmp_path / "kept")
    run(session)
    assert worst(session.masklets.labels) > 0.8, "another cell has none of it"
    session.add(point(2, 4, positive=False))
    assert worst(session.masklets.labels) > 0.8


@pytest.mark.parametrize("life", [saved, killed])
def test_a_tracked_mask_can_be_corrected_after_opening(
    movie: Path, tmp_path: Path, life: Callable[..., TrackingSession]
) -> None:
    session = opened(movie)
    session.add(point(1, 0))
    run(session)
    session = life(session, tmp_path / "kept")
    session.add(point(3, 5, positive=False))
    assert worst(session.masklets.labels) > 0.9
    far = session.add(point(2, 6))
    assert (far.mask.sum() / truth(2, 6).sum()) == pytest.approx(1, abs=0.2)


def test_opened_or_not_it_goes_on_the_same_way(movie: Path, tmp_path: Path) -> None:
    session, other = opened(movie), opened(movie)
    for each in (session, other):
        each.add(point(1, 3))
        run(each, direction="backward")
    session = killed(session, tmp_path / "kept")
    for each in (session, other):
        run(each)
    scores = [each.masklets.scores.to_numpy() for each in (session, other)]
    np.testing.assert_array_equal(*scores)
    again = opened(movie)
    replay(again, session.log)
    np.testing.assert_array_equal(again.masklets.scores.to_numpy(), scores[0])


def test_other_weights_do_not_spoil_what_was_made(
    movie: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "kept"
    session = opened(movie)
    session.add(point(1, 0))
    run(session)
    session.save(folder)
    before = np.asarray(session.masklets.labels)
    text = (folder / "session.json").read_text()
    known = session._predictor.checkpoint_sha256
    (folder / "session.json").write_text(text.replace(known, "0" * 64))
    again = load_session(folder)
    assert "other weights" in caplog.text
    np.testing.assert_array_equal(np.asarray(again.masklets.labels), before)
    run(again)
    assert worst(again.masklets.labels) > 0.9


def test_a_device_that_was_elsewhere(
    movie: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    session = opened(movie)
    session.add(point(1, 0))
    session.save(tmp_path / "kept")
    path = tmp_path / "kept" / "session.json"
    path.write_text(path.read_text().replace('"device": "cpu"', '"device": "mps"'))
    load_session(tmp_path / "kept", device="cpu")
    assert "mps" not in caplog.text
    load_session(tmp_path / "kept")
    assert "this machine has no usable mps device; going on with auto" in caplog.text
