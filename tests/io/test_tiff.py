from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_sam_i2v.video import open_video

GREY = np.random.default_rng(0).integers(0, 60000, (7, 16, 20)).astype(np.uint16)
CHANNELS = np.stack([GREY, GREY[::-1], GREY // 2], axis=1)
COLOUR = np.random.default_rng(1).integers(0, 255, (7, 16, 20, 3)).astype(np.uint8)


def write_frame_by_frame(path: Path, **options: Any) -> None:
    with tifffile.TiffWriter(path) as writer:
        for frame in GREY:
            writer.write(frame, **options)


def write_with_pillow(path: Path, **options: Any) -> None:
    first, *others = [Image.fromarray(frame) for frame in GREY]
    first.save(path, save_all=True, append_images=others, **options)


def tiff(movie: np.ndarray, **options: Any) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, movie, **options)


OME = {"ome": True, "metadata": {"axes": "TYX"}}
IMAGEJ = {"imagej": True, "metadata": {"axes": "TYX"}}
GREY_TIFFS: dict[str, Callable[[Path], None]] = {
    "plain": tiff(GREY),
    "no metadata": tiff(GREY, metadata=None),
    "zlib": tiff(GREY, compression="zlib", predictor=True),
    "lzw": tiff(GREY, compression="lzw"),
    "zstd": tiff(GREY, compression="zstd"),
    "tiled": tiff(GREY, tile=(16, 16), compression="zlib"),
    "big endian": tiff(GREY, byteorder=">"),
    "big endian zlib": tiff(GREY, byteorder=">", compression="zlib"),
    "bigtiff": tiff(GREY, bigtiff=True),
    "ome": tiff(GREY, **OME),
    "ome lzw": tiff(GREY, **OME, compression="lzw"),
    "ome five axes": tiff(
        GREY[:, None, None], ome=True, metadata={"axes": "TCZYX"}, compression="zlib"
    ),
    "imagej": tiff(GREY, **IMAGEJ),
    "imagej zlib": tiff(GREY, **IMAGEJ, compression="zlib"),
    "strips": tiff(GREY, rowsperstrip=5, compression="zlib"),
    "appended": lambda path: write_frame_by_frame(path, compression="zlib"),
    "appended plain": lambda path: write_frame_by_frame(path, metadata=None),
    "pillow": write_with_pillow,
    "pillow lzw": lambda path: write_with_pillow(path, compression="tiff_lzw"),
}


@pytest.mark.parametrize("kind", GREY_TIFFS)
def test_grey_tiff(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    GREY_TIFFS[kind](path)
    video = open_video(path)
    assert video.shape == GREY.shape and video.dtype == np.uint16
    assert video.path == path
    for t in (6, 0, 3, 3, 5):
        np.testing.assert_array_equal(video.frame(t), GREY[t])


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ome": True, "metadata": {"axes": "TCYX"}},
        {"imagej": True, "metadata": {"axes": "TCYX"}},
        {"ome": True, "metadata": {"axes": "CTYX"}},
    ],
    ids=["plain", "ome", "imagej", "ome, channels first"],
)
def test_channels_of_a_tiff(
    options: dict[str, Any], compression: str | None, tmp_path: Path
) -> None:
    axes = options.get("metadata", {}).get("axes", "TCYX")
    movie = CHANNELS if axes == "TCYX" else CHANNELS.swapaxes(0, 1)
    path = tmp_path / "movie.ome.tif"
    tifffile.imwrite(
        path, movie, photometric="minisblack", compression=compression, **options
    )
    one, two = open_video(path, channel=1), open_video(path, channel=(2, 0))
    assert one.shape == GREY.shape
    for t in (6, 2):
        np.testing.assert_array_equal(one.frame(t), CHANNELS[t, 1])
        np.testing.assert_array_equal(two.frame(t)[..., 0], CHANNELS[t, 2])
        np.testing.assert_array_equal(two.frame(t)[..., 1], CHANNELS[t, 0])


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "rgb", "compression": "zlib"},
        {"photometric": "minisblack", "metadata": {"axes": "TYXC"}},
        {"photometric": "minisblack", "compression": "zlib"},
        {"photometric": "minisblack"},
        {"imagej": True, "metadata": {"axes": "TYXS"}},
        {"photometric": "rgb", "ome": True, "metadata": {"axes": "TYXS"}},
    ],
    ids=str,
)
def test_colour_tiff(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, COLOUR, **options)
    video = open_video(path)
    assert video.is_rgb8 and video.shape == COLOUR.shape[:3]
    np.testing.assert_array_equal(video.image(5), COLOUR[5])


def test_planar_and_deep_colour_tiff(tmp_path: Path) -> None:
    planes = np.moveaxis(COLOUR, -1, 1)
    path = tmp_path / "planar.tif"
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(open_video(path).image(5), COLOUR[5])

    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, COLOUR.astype(np.uint16) * 200, photometric="rgb")
    video = open_video(path)
    assert not video.is_rgb8 and video.image(0).shape == COLOUR.shape[1:]
    np.testing.assert_array_equal(video.frame(2), COLOUR[2].astype(np.uint16) * 200)


def test_axes_override_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, GREY, ome=True, metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(open_video(path, axes="ZYX").frame(6), GREY[6])
    np.testing.assert_array_equal(open_video(path, axes="XYT").frame(1), GREY[..., 1].T)


def test_three_frames_taken_for_colours_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, GREY[:3], photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(open_video(path, axes="TYX").frame(2), GREY[2])


@pytest.mark.parametrize("axes", ["ZYX", "CYX"])
def test_planes_without_time_become_frames_with_a_warning(
    axes: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, GREY, imagej=True, metadata={"axes": axes})
    np.testing.assert_array_equal(open_video(path).frame(6), GREY[6])
    assert "--axes" in caplog.text
    caplog.clear()
    open_video(path, axes="TYX")
    assert caplog.text == ""


def test_pixel_size_of_tiffs(tmp_path: Path) -> None:
    ome, imagej, plain = (tmp_path / f"{name}.tif" for name in "abc")
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
    tifffile.imwrite(ome, GREY, ome=True, metadata={"axes": "TYX", **sizes})
    tifffile.imwrite(
        imagej,
        GREY,
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "TYX", "unit": "micron"},
    )
    tifffile.imwrite(plain, GREY, resolution=(300, 300), resolutionunit="inch")
    for path in (ome, imagej):
        video = open_video(path)
        assert (video.pixel_size, video.unit) == ((0.5, 0.25), "µm")
    assert open_video(plain).pixel_size is None
    tifffile.imwrite(plain, GREY, imagej=True, metadata={"axes": "TYX"})
    assert open_video(plain).pixel_size is None
