"""Cells that are gone where debris is left of them, followed by the shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
import torch

import napari_sam_i2v
from dividing import LAST, MOTHER, OTHER, perishes
from napari_sam_i2v.annotator.ranges import Span, plan
from napari_sam_i2v.inference.endings import A_WHILE, end_faded
from napari_sam_i2v.inference.following import Found
from napari_sam_i2v.inference.objects import ObjectState, Sighting
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.model.image_encoder import Features
from napari_sam_i2v.model.sam_i2v import Prediction
from napari_sam_i2v.prompts import MaskPrompt
from napari_sam_i2v.session.session import TrackingSession
from napari_sam_i2v.views import Extent, View
from tiny import EXTRAS, tiny_model

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


def test_backward_it_is_followed_on() -> None:
    movie, truth = perishes()
    session = napari_sam_i2v.open_session(movie[::-1].copy(), device="cpu")
    session.add(given(len(movie) - 1, truth[0] == MOTHER))
    list(session.propagate(direction="backward"))
    assert all(there(session.masklets.labels)[-GONE - 2 :])


def test_it_has_not_divided_and_a_prompt_brings_it_back() -> None:
    movie, _ = perishes()
    session = opened(movie)
    list(session.propagate())
    (line,) = session.summary()
    assert (line.last, line.gone, line.divided) == (GONE - 1, GONE, None)
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
    assert (line.gone, line.divided) == (GONE, None)


def test_what_is_gone_on_with_over_some_frames_stays_with_its_neighbours() -> None:
    movie, truth = perishes()
    session = opened(movie)
    other = truth[0] == OTHER
    session.add(MaskPrompt(frame=0, object_id=OTHER, mask=other))
    list(session.propagate(0, GONE + 3))
    (reach,) = plan(session, None, Span(until="frames", number=4), GONE + 2)
    assert reach.objects == (MOTHER, OTHER)
    assert (reach.start, reach.stop) == (GONE + 2, GONE + 7)


def test_tracked_twice_it_is_the_same() -> None:
    session = opened(perishes()[0])
    list(session.propagate())
    once = np.array(session.masklets.labels)
    list(session.propagate())
    np.testing.assert_array_equal(once, session.masklets.labels)


def doubted(*scores: float | None, area: int = 64) -> bool:
    """Whether a cell is ended by the scores of its masks; ``None`` is an absent one.

    The last mask has 64 pixels, those before as many as is said.
    """
    model, view = tiny_model(EXTRAS), View((-0.5, -0.5), (16.0, 16.0))
    extent = Extent((8.0, 8.0), 8.0)
    *before, last = scores
    state = ObjectState(sightings={0: Sighting(view, extent, area=64)})
    for frame, score in enumerate(before, start=1):
        gone = score is None
        state.sightings[frame] = Sighting(
            view,
            None if gone else extent,
            reverse=False,
            area=0 if gone else area,
            score=-1.0 if score is None else score,
        )
    assert last is not None
    logits = torch.full((1, 1, 16, 16), -8.0)
    logits[..., 4:12, 4:12] = 4.0
    width = model.config.width
    said = Prediction(
        logits, torch.ones(1), torch.full((1, 1), last), torch.zeros(1, width)
    )
    mask = ObjectMask(
        frame=len(scores),
        object_id=MOTHER,
        offset=(4, 4),
        logits=logits[0, 0, 4:12, 4:12].numpy(),
        predicted_iou=1.0,
        object_score=last,
    )
    found = {MOTHER: Found(view, Features(torch.zeros(1)), said, mask)}
    after = end_faded(model, found, {MOTHER: state})[MOTHER]
    assert (after.ending == "faded") == (after.mask.area == 0)
    return after.ending == "faded"


def test_three_doubtful_masks_in_a_row_end_it_and_nothing_less_does() -> None:
    assert doubted(5.0, 0.5, 0.4, 0.6)
    assert not doubted(5.0, 5.0, 0.4, 0.6)
    assert not doubted(0.4, 0.6)  # the one before is of a person
    assert not doubted(0.5, None, 0.4, 0.6)
    assert not doubted(0.5, 0.4, None, 0.6)


def test_a_smaller_cell_is_doubted_sooner() -> None:
    assert not doubted(5.0, 1.2, 1.2, 1.2)
    assert doubted(5.0, 1.2, 1.2, 1.2, area=128)
    assert not doubted(5.0, 1.5, 1.5, 1.5, area=640)
