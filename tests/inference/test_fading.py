"""Cells that are gone where debris is left of them, followed by the shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

import napari_sam_i2v
from dividing import LAST, MOTHER, OTHER, perishes
from napari_sam_i2v.inference.endings import A_WHILE
from napari_sam_i2v.prompts import MaskPrompt
from napari_sam_i2v.session.session import TrackingSession

GONE = LAST + A_WHILE
"""Where it has been doubtful for long enough."""


def there(labels: np.ndarray, object_id: int = MOTHER) -> list[bool]:
    return [bool((frame == object_id).any()) for frame in np.asarray(labels)]


def followed(divisions: str = "end") -> np.ndarray:
    movie, truth = perishes()
    result = napari_sam_i2v.track(
        movie, truth[0], device="cpu", progress=False, divisions=divisions
    )
    return np.asarray(result.labels)


def given(frame: int, mask: np.ndarray) -> MaskPrompt:
    return MaskPrompt(frame=frame, object_id=MOTHER, mask=mask)


def opened(movie: np.ndarray | Path) -> TrackingSession:
    session = napari_sam_i2v.open_session(movie, device="cpu")
    session.add(given(0, perishes()[1][0] == MOTHER))
    return session


def test_it_ends_after_a_while_and_others_go_on() -> None:
    labels = followed()
    assert there(labels) == [frame < GONE for frame in range(len(labels))]
    assert all(there(labels, OTHER))


def test_who_ignores_divisions_follows_what_is_left() -> None:
    ended, ignored = followed(), followed("ignore")
    assert all(there(ignored))
    np.testing.assert_array_equal(ended[:GONE], ignored[:GONE])
    np.testing.assert_array_equal(ended == OTHER, ignored == OTHER)


def test_backward_it_is_gone_before_it_came() -> None:
    movie, truth = perishes()
    session = napari_sam_i2v.open_session(movie[::-1].copy(), device="cpu")
    session.add(given(len(movie) - 1, truth[0] == MOTHER))
    list(session.propagate(direction="backward"))
    assert there(session.masklets.labels)[::-1] == there(followed())


def test_it_has_not_divided_and_a_prompt_brings_it_back() -> None:
    movie, _ = perishes()
    session = opened(movie)
    list(session.propagate())
    (line,) = session.summary()
    assert (line.last, line.divided) == (GONE - 1, None)
    rest = np.zeros(movie.shape[1:], bool)
    rest[57:64, 77:84] = True
    session.add(given(GONE + 4, rest))
    list(session.propagate(GONE + 4, GONE + 7))
    assert all(there(session.masklets.labels)[GONE + 4 : GONE + 7])
    # Backward from there it is looked for where it was gone on the way forward.
    list(session.propagate(GONE, GONE + 4, direction="backward"))
    assert there(session.masklets.labels)[GONE + 3]


def test_it_stays_gone_when_a_session_is_gone_on_with(tmp_path: Path) -> None:
    movie, _ = perishes()
    tifffile.imwrite(tmp_path / "movie.tif", movie, metadata={"axes": "TYX"})
    session = opened(tmp_path / "movie.tif")
    list(session.propagate(0, GONE + 2))
    session.save(tmp_path / "session")
    known = napari_sam_i2v.load_session(tmp_path / "session")
    list(known.propagate(GONE + 2, len(movie)))
    assert there(known.masklets.labels) == [t < GONE for t in range(len(movie))]
    (line,) = known.summary()
    assert line.divided is None


def test_tracked_twice_it_is_the_same() -> None:
    session = opened(perishes()[0])
    list(session.propagate())
    once = np.array(session.masklets.labels)
    list(session.propagate())
    np.testing.assert_array_equal(once, session.masklets.labels)
