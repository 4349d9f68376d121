from __future__ import annotations

import logging
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import tifffile
import zarr

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.video import VideoSource, open_video


def noise(*shape: int, dtype: Any = np.uint16, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(size=shape).astype(dtype)
    high = min(np.iinfo(dtype).max, 40000)
    return rng.integers(0, high, shape, endpoint=True).astype(dtype)


def assert_same(video: VideoSource, movie: np.ndarray) -> None:
    """The video's frames are the movie's, whatever the order of reading."""
    assert video.n_frames == len(movie)
    for t in reversed(range(len(movie))):
        np.testing.assert_array_equal(video.frame(t), movie[t])


DTYPES = [
    *("uint8", "uint16", "int16", "uint32", "int32", "int64", "uint64"),
    *("float16", "float32", "float64", ">u2", ">f4"),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_real_type_is_read_and_stretched(dtype: str) -> None:
    movie = noise(5, 12, 14, dtype=dtype)
    video = open_video(movie)
    assert_same(video, movie)
    assert video.dtype == movie.dtype.newbyteorder("=") and video.dtype.isnative
    image = video.image(3)
    assert image.dtype == np.float32 and image.shape == (12, 14)
    assert image.min() >= 0 and image.max() <= 1 and image.std() > 0.1
    in_order = image.ravel()[np.argsort(movie[3], axis=None)]
    assert (np.diff(in_order) >= 0).all()


def test_bool_is_read_as_uint8() -> None:
    movie = noise(4, 9, 9, dtype=np.uint8) > 100
    video = open_video(movie)
    assert video.dtype == np.uint8
    assert_same(video, movie)
    np.testing.assert_array_equal(video.image(1), movie[1])


@pytest.mark.parametrize(
    "wrap",
    [
        np.asarray,
        lambda movie: dask.array.from_array(movie, chunks=(2, 1, 8, 8)),
        lambda movie: zarr.array(movie, chunks=(2, 1, 8, 8)),
        np.asfortranarray,
    ],
    ids=["numpy", "dask", "zarr", "fortran"],
)
def test_arrays_of_all_libraries(wrap: Callable[[np.ndarray], Any]) -> None:
    movie = noise(7, 3, 16, 20)
    assert_same(open_video(wrap(movie), channel=2), movie[:, 2])
    assert_same(
        open_video(wrap(movie), channel=(2, 0)), np.moveaxis(movie, 1, -1)[..., [2, 0]]
    )


AXES = ["TYX", "YXT", "XYT", "TXY", "TCYX", "CTYX", "TYXC", "CXTY", "TZCYX", "ZYX"]


@pytest.mark.parametrize("axes", AXES)
def test_axes_say_where_the_frames_are(axes: str) -> None:
    length = {"T": 6, "C": 2, "Z": 6 if "T" not in axes else 1, "Y": 8, "X": 9}
    movie = noise(*(length[letter] for letter in axes))
    video = open_video(movie, axes=axes.lower(), channel=1 if "C" in axes else None)
    order = [axes.index(a) for a in "TZYXC" if a in axes]
    moved = np.transpose(movie, order)
    chosen = moved[..., 1] if "C" in axes else moved
    assert_same(video, chosen.reshape(6, 8, 9))


def test_colour_goes_to_the_network_as_it_is() -> None:
    movie = noise(4, 10, 12, 4, dtype=np.uint8)
    video = open_video(movie)
    assert video.is_rgb8 and video.shape == (4, 10, 12)
    assert_same(video, movie[..., :3])
    image = video.image(2)
    assert image.dtype == np.uint8 and image.flags.writeable
    np.testing.assert_array_equal(image, movie[2, ..., :3])
    assert video.contrast == ((0, 255),) * 3


def test_colour_of_more_bits_is_stretched_per_channel() -> None:
    movie = noise(4, 10, 12, 3) // np.array([1, 10, 100], np.uint16)
    video = open_video(movie, axes="TYXS")
    assert not video.is_rgb8
    image = video.image(0)
    assert image.shape == (10, 12, 3) and image.dtype == np.float32
    assert (image.max(axis=(0, 1)) > 0.9).all()


def test_one_channel_of_colour_is_grey() -> None:
    movie = noise(4, 10, 12, 3, dtype=np.uint8)
    video = open_video(movie, channel=1)
    assert not video.is_rgb8
    assert_same(video, movie[..., 1])
    with pytest.raises(InputError, match="no channel 3"):
        open_video(noise(4, 10, 12, 4, dtype=np.uint8), channel=3)


def test_two_channels_leave_the_third_black() -> None:
    video = open_video(noise(4, 2, 10, 12), channel=(1, 0))
    image = video.image(0)
    assert image.shape == (10, 12, 3)
    assert image[..., :2].std() > 0.1 and not image[..., 2].any()


def test_the_first_of_many_channels_is_used_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    movie = noise(4, 2, 10, 12)
    assert_same(open_video(movie), movie[:, 0])
    assert "--channel" in caplog.text


def test_limits_given_are_used() -> None:
    movie = np.arange(5 * 8 * 8, dtype=np.int16).reshape(5, 8, 8) - 100
    video = open_video(movie, contrast=(0, 100))
    assert video.contrast == ((0, 100),)
    stretched = np.concatenate([video.image(t) for t in range(5)])
    np.testing.assert_allclose(
        stretched, movie.reshape(-1, 8).clip(0, 100) / 100, atol=1e-6
    )
    again = open_video(movie, contrast=video.contrast)
    np.testing.assert_array_equal(again.image(2), video.image(2))


def test_limits_ignore_outliers_and_frames_share_them() -> None:
    movie = noise(30, 64, 64) % 1000 + 500
    movie[::3, 5, 5] = 65535
    movie[::4, 7, 7] = 0
    ((low, high),) = open_video(movie).contrast
    assert 500 <= low < 510 and 1490 < high <= 1500


def test_16_bit_is_never_cut_to_8() -> None:
    ramp = np.arange(4096, dtype=np.uint16).reshape(1, 64, 64) + 30000
    assert len(np.unique(open_video(ramp).image(0))) > 4000


def test_few_bright_pixels_are_seen_though_percentiles_agree() -> None:
    movie = np.zeros((20, 300, 300), np.uint8)
    movie[:, 151, 151] = 7
    assert open_video(movie).image(3)[151, 151] == 1


@pytest.mark.parametrize("value", [0, 77, np.nan, np.inf])
def test_nothing_to_see_is_a_warning_and_zeros(
    value: float, caplog: pytest.LogCaptureFixture
) -> None:
    video = open_video(np.full((5, 8, 8), value, np.float32))
    for t in range(5):
        np.testing.assert_array_equal(video.image(t), np.zeros((8, 8), np.float32))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_nan_becomes_zero_and_infinity_is_clipped() -> None:
    movie = noise(3, 20, 20, dtype=np.float32)
    movie[1, 0, :3] = np.nan, np.inf, -np.inf
    image = open_video(movie).image(1)
    assert image[0, :3].tolist() == [0, 1, 0]
    assert np.isfinite(image).all()


@pytest.mark.parametrize(
    "contrast",
    [(5, 5), (9, 2), (0, np.nan), (0, np.inf), (1, 2, 3), "ab", [(0, 1)] * 2, 4],
)
def test_wrong_limits_are_refused(contrast: Any) -> None:
    with pytest.raises(InputError, match="contrast"):
        open_video(noise(3, 8, 8), contrast=contrast)


@pytest.mark.parametrize("channel", [2, -1, (0, 5), (), (0, 1, 0, 1), "a", 1.5])
def test_wrong_channels_are_refused(channel: Any) -> None:
    with pytest.raises(InputError, match="channel"):
        open_video(noise(3, 2, 8, 8), channel=channel)


def test_open_video_twice_is_once() -> None:
    video = open_video(noise(3, 8, 8))
    assert open_video(video) is video


def test_frames_outside_are_no_frames() -> None:
    video = open_video(noise(3, 8, 8))
    for t in (-1, 3):
        with pytest.raises(IndexError):
            video.frame(t)


def test_the_fingerprint_is_the_movies_not_the_files(tmp_path: Path) -> None:
    movie = noise(6, 16, 16)
    tifffile.imwrite(tmp_path / "a.tif", movie, compression="zlib")
    np.save(tmp_path / "a.npy", movie.astype(">u2"))
    prints = {
        open_video(source).fingerprint()
        for source in (movie, tmp_path / "a.tif", str(tmp_path / "a.npy"))
    }
    assert len(prints) == 1
    others = [movie[:5], movie.astype(np.int32), movie + np.uint16(1), movie[:, :8]]
    assert not prints & {open_video(other).fingerprint() for other in others}


def test_memory_does_not_grow_with_the_movie(tmp_path: Path) -> None:
    path = tmp_path / "long.tif"
    with tifffile.TiffWriter(path) as writer:
        for t in range(300):
            frame = np.full((128, 256), t, np.uint16)
            writer.write(frame, compression="zlib", contiguous=False, metadata=None)
    frame_bytes = 128 * 256 * 2
    tracemalloc.start()
    try:
        video = open_video(path)
        for t in range(300):
            assert video.frame(t)[0, 0] == t
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 * frame_bytes


def test_a_thread_may_read_ahead(tmp_path: Path) -> None:
    movie = noise(40, 32, 32)
    tifffile.imwrite(tmp_path / "a.tif", movie, compression="zlib")
    video = open_video(tmp_path / "a.tif")
    wrong: list[int] = []

    def read(order: list[int]) -> None:
        wrong.extend(t for t in order if (video.frame(t) != movie[t]).any())

    orders = [list(range(40)), list(range(39, -1, -1)), [*range(0, 40, 3)] * 3]
    threads = [threading.Thread(target=read, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.data
def test_real_movies_open(data_folder: Path) -> None:
    paths = [*data_folder.glob("*/images.tif"), *data_folder.glob("*/frames")]
    assert paths
    for path in paths:
        video = open_video(path)
        labels = tifffile.imread(path.parent / "labels.tif")
        assert video.shape == labels.shape
        assert video.is_rgb8 == (path.name == "frames")
        image = video.image(video.n_frames - 1)
        assert image.shape[:2] == labels.shape[1:] and image.std() > 0.01


GAMMAS = [(0.5, 2.0, 1.25), (1.0, 1.0, 1.0)]


@pytest.mark.parametrize("gamma", [0.4, 1.0, 2.5])
def test_gamma_comes_after_the_limits(gamma: float) -> None:
    movie = noise(3, 12, 14)
    plain = open_video(movie, contrast=(1000, 30000))
    curved = open_video(movie, contrast=(1000, 30000), gamma=gamma)
    assert curved.gamma == (gamma,)
    np.testing.assert_allclose(curved.image(1), plain.image(1) ** gamma, rtol=1e-5)


@pytest.mark.parametrize("gammas", GAMMAS)
def test_another_contrast_is_as_if_opened_with_it(gammas: tuple) -> None:
    movie, limits = noise(3, 3, 12, 14), ((0, 900), (500, 20000), (1, 2.5))
    video = open_video(movie, axes="TCYX", channel=(0, 1, 2))
    before, look = video.image(2), video.look
    video.recontrast(limits, gammas)
    assert video.look != look
    opened = open_video(
        movie, axes="TCYX", channel=(0, 1, 2), contrast=limits, gamma=gammas
    )
    assert (video.contrast, video.gamma) == (opened.contrast, opened.gamma)
    np.testing.assert_array_equal(video.image(2), opened.image(2))
    assert not np.array_equal(video.image(2), before)


def test_the_look_changes_with_the_images_only() -> None:
    video = open_video(noise(3, 12, 14), contrast=(0, 100))
    look = video.look
    video.recontrast((0, 100))
    assert video.look == look
    video.recontrast((0, 100), 0.5)
    assert video.look != look


def test_colour_stays_as_it_is() -> None:
    movie = noise(3, 12, 14, 3, dtype=np.uint8)
    video = open_video(movie, gamma=2)
    look = video.look
    video.recontrast((10, 20), 0.5)
    assert (video.look, video.gamma) == (look, (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(video.image(0), movie[0])


@pytest.mark.parametrize(
    ("limits", "gamma", "wrong"),
    [
        ((5, 5), 1.0, "LO < HI"),
        ((0, np.inf), 1.0, "LO < HI"),
        (((0, 1), (0, 1)), 1.0, "limits for 2 channels"),
        ((0, 1), 0.0, "gamma"),
        ((0, 1), np.nan, "gamma"),
        ((0, 1), (1.0, 2.0), "exponents for 2 channels"),
        ((0, 1), "bright", "gamma"),
    ],
)
def test_a_contrast_that_makes_no_sense_changes_nothing(limits, gamma, wrong) -> None:
    video = open_video(noise(3, 12, 14), contrast=(0, 100))
    look = video.look
    with pytest.raises(InputError, match=wrong):
        video.recontrast(limits, gamma)
    assert (video.look, video.contrast, video.gamma) == (look, ((0.0, 100.0),), (1.0,))
