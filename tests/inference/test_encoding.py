"""Features of views: the same however they were asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engines import SIZE, cells, engine
from napari_sam_i2v.inference.drift import StageDrift
from napari_sam_i2v.inference.encoding import ViewEncoder
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.model.image_encoder import Features, window_frames
from napari_sam_i2v.model.sampling import normalise
from napari_sam_i2v.video import open_video
from napari_sam_i2v.views import View
from tiny import EXTRAS, PLAIN, tiny_model

CPU = torch.device("cpu")
WHOLE = View((-0.5, -0.5), (float(SIZE[0]), float(SIZE[1])))
SQUARES = [View.square((8.0 * i, 40.0 - 5 * i), 20.0 + 3 * i) for i in range(5)]

pytestmark = pytest.mark.usefixtures("no_gradients")


@pytest.fixture
def no_gradients():
    """Run without gradients."""
    with torch.inference_mode():
        yield


@pytest.fixture(params=[PLAIN, EXTRAS], ids=str)
def model(request: pytest.FixtureRequest):
    return tiny_model(request.param)


def encoder(model, movie: np.ndarray, *, shared: bool, kept: int = 64) -> ViewEncoder:
    frames = FrameStore(
        open_video(movie), model.config.temporal.window, model.config.input_size, CPU
    )
    return ViewEncoder(model, frames, StageDrift(frames), shared=shared, kept=kept)


def close(a: Features, b: Features) -> None:
    for ours, theirs in zip((a.tokens, *a.fine), (b.tokens, *b.fine), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kept", [1, 2, 64])
def test_views_together_are_views_alone(model, kept: int) -> None:
    movie = cells()
    together = encoder(model, movie, shared=False, kept=kept)
    together.encode(4, SQUARES[:2])  # some are known before
    found = together.encode(4, [*SQUARES, SQUARES[1]])
    for row, view in enumerate([*SQUARES, SQUARES[1]]):
        alone = encoder(model, movie, shared=False).encode(4, [view])
        close(found[row : row + 1], alone)


def test_whole_frames_are_encoded_once_for_all(model) -> None:
    features = encoder(model, cells(), shared=True).encode(3, [WHOLE] * 4)
    assert len(features.tokens) == 1


@pytest.mark.parametrize("frame", [0, 1, 2, 7])
def test_taps_shared_between_windows_are_those_of_the_window(model, frame: int) -> None:
    movie = cells()
    visited = encoder(model, movie, shared=True)
    for t in range(frame):
        visited.encode(t, [WHOLE])
    frames = FrameStore(open_video(movie), 3, 128, CPU)
    numbers = window_frames(frame, 3)
    how = model.config.view.normalise
    images = [normalise(frames.whole(t)[None, None], how)[:, 0] for t in numbers]
    taps = [model.image_encoder.trunk_video.taps(image) for image in images]
    expected = model.encode(images[-1], torch.stack(taps, dim=1))
    close(visited.encode(frame, [WHOLE]), expected)


def test_a_square_sees_the_same_place_in_all_frames_of_its_window(model) -> None:
    movie = np.repeat(cells(1), 8, axis=0)
    still = encoder(model, movie, shared=False)
    close(still.encode(2, SQUARES[:1]), still.encode(6, SQUARES[:1]))
    moved = movie.copy()
    moved[5] = moved[5, ::-1]
    changed = encoder(model, moved, shared=False)
    assert not torch.allclose(
        changed.encode(6, SQUARES[:1]).tokens,
        still.encode(6, SQUARES[:1]).tokens,
        atol=1e-2,
    )
    close(changed.encode(4, SQUARES[:1]), still.encode(4, SQUARES[:1]))


def test_where_the_picture_jumped_a_square_sees_the_same_cells_before(model) -> None:
    by = (8, -11)
    ground = np.pad(cells(1)[0], 16, mode="reflect")
    here, there = ground[16:56, 16:68], ground[8:48, 27:79]
    view = View.square((18.0, 30.0), 16.0)
    movie = np.stack([here] * 3 + [there] * 3)
    forward = encoder(model, movie, shared=False)
    still = forward.encode(2, [view])
    for t in (3, 4):
        close(forward.encode(t, [view.moved(by)]), still)
    backward = encoder(model, movie[::-1].copy(), shared=False)
    close(backward.encode(3, [view]), still)


def test_clearing_looks_again(model) -> None:
    movie = cells()
    looking = encoder(model, movie, shared=False)
    before = looking.encode(4, SQUARES[:1])
    assert looking.encode(4, SQUARES[:1]).tokens.equal(before.tokens)
    looking.clear()
    close(looking.encode(4, SQUARES[:1]), before)


def test_colour_and_grey_movies_are_seen_in_three_channels(model) -> None:
    grey = cells()
    shades = ((grey - grey.min()) / np.ptp(grey) * 255).astype(np.uint8)
    colour = np.repeat(shades[..., None], 3, axis=-1)
    for shared in (True, False):
        view = WHOLE if shared else SQUARES[0]
        for movie in (grey, shades, colour, grey.astype(np.float32)):
            features = encoder(model, movie, shared=shared).encode(3, [view])
            assert torch.isfinite(features.tokens).all()


def test_an_engine_reads_what_its_views_need() -> None:
    assert engine(views="frame")._viewing.encoder.kind == "whole"
    assert engine(views="objects")._viewing.encoder.kind == "native"
