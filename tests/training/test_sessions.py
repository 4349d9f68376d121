"""Of a session, only what a person vouched for is learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from fakes import ThresholdPredictor
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.prompt_masks import mask_prompts
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.simulation import SimulationSettings, simulate
from napari_sam_i2v.training.folders import cut_movie
from napari_sam_i2v.training.movies import Source
from napari_sam_i2v.training.sessions import open_session_movie
from napari_sam_i2v.video import VideoSource, open_video

MOVIE = simulate(
    SimulationSettings(
        modality="nuclei", frames=8, height=80, width=100, cells=8, seed=4
    )
)
APPROVED = (2, 3, 4)
LARGE = 128
"""Larger than the movie: cuts hold whole frames at their top left."""


def flat_movie(folder: Path) -> VideoSource:
    """Write a movie of cells of even brightness, each its own."""
    pixels = np.where(MOVIE.labels > 0, 100 + 15 * MOVIE.labels, 0).astype(np.uint8)
    tifffile.imwrite(folder / "images.tif", pixels)
    return open_video(folder / "images.tif")


def annotated(folder: Path) -> tuple[str, np.ndarray, int]:
    """Prompt all cells of frame 0, track them, approve one on a few frames.

    Gives the folder, all masklets as labels, and the approved object's id.
    """
    video = flat_movie(folder)
    session = TrackingSession(video, ThresholdPredictor(video))
    session.add_all(mask_prompts(MOVIE.labels[0], 0))
    for _ in session.propagate(0, 8):
        pass
    labels = np.asarray(session.masklets.labels)
    # The largest is seen without being shrunk, and there on all frames.
    area = {i: (labels == i).sum((1, 2)).min() for i in session.object_ids}
    approved = max(area, key=lambda i: area[i])
    assert area[approved] > 20
    session.approve(approved, APPROVED)
    session.save(folder / "session")
    session.close()
    return str(folder / "session"), labels, approved


def test_vouched_frames_are_those_prompted_or_approved(tmp_path: Path) -> None:
    folder, labels, approved = annotated(tmp_path)
    vouched = open_session_movie(folder).vouched
    assert set(vouched) == set(np.unique(labels[0]).tolist()) - {0}
    for object_id, frames in vouched.items():
        assert frames == ((0, *APPROVED) if object_id == approved else (0,))


def test_cuts_hold_no_mask_that_was_only_tracked(tmp_path: Path) -> None:
    folder, labels, approved = annotated(tmp_path)
    kinds = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        images, cut = cut_movie(folder, (0, 1), (3, LARGE), rng)
        assert images.shape == cut.shape == (3, LARGE, LARGE)
        ids = set(np.unique(cut).tolist()) - {0}
        assert ids
        if len(ids) > 1:  # frame 0, on which all were prompted, warped
            kinds.add("prompted")
            assert not np.array_equal(images[0], images[-1])
            continue
        kinds.add("approved")
        assert ids == {approved}
        for frame in cut[:, :80, :100]:
            same = [
                np.array_equal(frame, labels[t] * (labels[t] == approved))
                for t in APPROVED
            ]
            assert any(same)
    assert kinds == {"prompted", "approved"}


def test_some_cells_are_kept_out_for_validation(tmp_path: Path) -> None:
    folder, labels, _ = annotated(tmp_path)
    seen: dict[bool, set[int]] = {}
    for validating in (False, True):
        source = Source(movie=folder, held_out=5, validating=validating)
        cuts = [
            source.make(3, LARGE, np.random.default_rng(seed))[1] for seed in range(8)
        ]
        seen[validating] = set(np.unique(cuts).tolist()) - {0}
    assert seen[True] and not seen[True] & seen[False]


def test_few_cells_are_all_used(tmp_path: Path) -> None:
    movie = open_session_movie(annotated(tmp_path)[0])
    one = next(iter(movie.vouched))
    object.__setattr__(movie, "vouched", {one: (0,)})
    assert movie.share((0.0, 0.8)) == movie.share((0.8, 1.0)) == {one: (0,)}


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    folder, _, _ = annotated(tmp_path)
    (tmp_path / "images.tif").unlink()
    with pytest.raises(InputError, match="not there any more"):
        open_session_movie(folder)


def test_a_session_without_prompts_teaches_nothing(tmp_path: Path) -> None:
    video = flat_movie(tmp_path)
    session = TrackingSession(video, ThresholdPredictor(video))
    session.save(tmp_path / "session")
    session.close()
    with pytest.raises(InputError, match="prompted or approved"):
        open_session_movie(str(tmp_path / "session"))
