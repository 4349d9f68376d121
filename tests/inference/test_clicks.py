"""Several clicks on one cell."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sam_i2v import PointPrompt, open_session
from napari_sam_i2v.evaluation.annotation import prompt_first_frame
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.simulation.settings import SimulatedMovie


@pytest.fixture(scope="module")
def crowd() -> SimulatedMovie:
    return simulate(
        SimulationSettings(
            modality="yeast", frames=2, height=160, width=160, cells=12, seed=5
        )
    )


def session_on(movie: SimulatedMovie) -> TrackingSession:
    return open_session(movie.images, model="sam-i2v-cell", device="cpu")


def test_corrective_clicks_make_masks_better(crowd: SimulatedMovie) -> None:
    one = prompt_first_frame(session_on(crowd), crowd.labels, "click")
    three = prompt_first_frame(session_on(crowd), crowd.labels, "clicks")
    assert three > one + 0.02


def test_clicks_given_one_by_one_and_at_once_have_one_answer(
    crowd: SimulatedMovie,
) -> None:
    y, x = (round(float(at.mean())) for at in np.nonzero(crowd.labels[0] == 1))
    clicks = [
        PointPrompt(frame=0, object_id=1, yx=(y, x)),
        PointPrompt(frame=0, object_id=1, yx=(y - 30, x), positive=False),
        PointPrompt(frame=0, object_id=1, yx=(y + 2, x + 2)),
    ]
    slowly, at_once = session_on(crowd), session_on(crowd)
    for click in clicks:
        [one] = slowly.add_all([click])
    [other] = at_once.add_all(clicks)
    assert one.offset == other.offset
    np.testing.assert_array_equal(one.mask, other.mask)
    assert one.mask.any()
