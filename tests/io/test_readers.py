from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.video import open_video

GREY = np.random.default_rng(0).integers(0, 60000, (7, 16, 20)).astype(np.uint16)
COLOUR = np.random.default_rng(1).integers(0, 255, (7, 16, 20, 3)).astype(np.uint8)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "f8", "?"])
def test_npy(order: Any, dtype: str, tmp_path: Path) -> None:
    movie = GREY.astype(dtype)
    np.save(tmp_path / "movie.npy", np.asarray(movie, order=order))
    video = open_video(str(tmp_path / "movie.npy"))
    np.testing.assert_array_equal(video.frame(4), movie[4])


def layer(data: Any, **attributes: Any) -> SimpleNamespace:
    defaults = {"rgb": False, "contrast_limits": [10.0, 20.0], "name": "cells"}
    return SimpleNamespace(
        data=data, **{**defaults, "scale": np.array([1, 0.5, 0.25]), **attributes}
    )


def test_layers() -> None:
    video = open_video(layer(GREY, units=("pixel", "micrometer", "micrometer")))
    assert video.contrast == ((10, 20),)
    assert (video.pixel_size, video.unit) == ((0.5, 0.25), "µm")
    assert open_video(layer(GREY), contrast=(1, 2)).contrast == ((1, 2),)
    assert open_video(layer(COLOUR, rgb=True)).is_rgb8
    assert open_video(layer([GREY, GREY[:, ::2, ::2]], multiscale=True)).shape[1] == 16
    narrow = open_video(layer(COLOUR[..., 0, :]))
    assert narrow.shape == COLOUR[..., 0, :].shape


def text(path: Path) -> Path:
    path.write_text("t,y,x\n1,2,3\n")
    return path


def empty(path: Path) -> Path:
    path.touch()
    return path


def tiff(path: Path, movie: np.ndarray, **options: Any) -> Path:
    tifffile.imwrite(path, movie, **options)
    return path


def npy(path: Path, movie: np.ndarray) -> Path:
    np.save(path, movie)
    return path


def cut(path: Path, keep: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def folder(path: Path, frames: dict[str, np.ndarray]) -> Path:
    path.mkdir()
    for name, frame in frames.items():
        Image.fromarray(frame).save(path / name)
    return path


def frame(height: int = 8, dtype: Any = np.uint8) -> np.ndarray:
    return np.zeros((height, 9), dtype)


ZERO = np.zeros
BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda p: p / "none.tif", "no such file or folder"),
    "empty file": (lambda p: empty(p / "a.tif"), r"is empty \(0 bytes\)"),
    "empty npy": (lambda p: empty(p / "a.npy"), "is empty"),
    "text as tiff": (lambda p: text(p / "a.tif"), "cannot be read as a .tif file"),
    "text as npy": (lambda p: text(p / "a.npy"), "cannot be read as a numpy file"),
    "text": (lambda p: text(p / "a.csv"), "files ending in '.csv' are not read"),
    "no suffix": (lambda p: text(p / "movie"), "no suffix"),
    "single tiff": (lambda p: tiff(p / "a.tif", ZERO((8, 9))), "one single image"),
    "single npy": (lambda p: npy(p / "a.npy", ZERO((8, 9))), "one single image"),
    "single array": (lambda p: ZERO((8, 9)), "one single image"),
    "single colour": (lambda p: ZERO((8, 9, 3), np.uint8), "one single image"),
    "single png": (lambda p: text(p / "a.png"), "one single image"),
    "one axis": (lambda p: ZERO(8), "at least three: T, Y, X"),
    "five axes": (lambda p: ZERO((2, 3, 4, 8, 9)), "--axes TCZYX"),
    "five in npy": (lambda p: npy(p / "a.npy", ZERO((2,) * 5)), "--axes TCZYX"),
    "z in time": (
        lambda p: tiff(
            p / "a.tif", ZERO((2, 3, 8, 9)), ome=True, metadata={"axes": "TZYX"}
        ),
        "2 frames of 3 z planes each; choose a plane or project.*--axes ZYX",
    ),
    "channels of an image": (
        lambda p: tiff(
            p / "a.tif", ZERO((3, 8, 9)), ome=True, metadata={"axes": "CYX"}
        ),
        "one single image",
    ),
    "deep colour?": (lambda p: ZERO((5, 8, 9, 3), np.uint16), "--axes TYXS"),
    "positions": (
        lambda p: tiff(p / "a.tif", ZERO((2, 5, 8, 9)), metadata={"axes": "PTYX"}),
        "are PTYX.*--axes",
    ),
    "complex": (lambda p: ZERO((3, 8, 9), complex), "complex pixels"),
    "complex tiff": (
        lambda p: tiff(p / "a.tif", ZERO((5, 8, 9), np.complex64)),
        "complex pixels",
    ),
    "text pixels": (lambda p: ZERO((3, 8, 9), "U4"), "pixels of the type <U4"),
    "objects in npy": (lambda p: npy(p / "a.npy", ZERO((3, 8, 9), object)), "type obj"),
    "no frames": (lambda p: ZERO((0, 8, 9)), "has no frames"),
    "no frames npy": (lambda p: npy(p / "a.npy", ZERO((0, 8, 9))), "has no frames"),
    "no pixels": (lambda p: ZERO((3, 0, 9)), "without pixels"),
    "no movie": (lambda p: 5, "a int is no movie"),
    "a list": (lambda p: [frame()], "a list is no movie"),
    "cut npy": (lambda p: cut(npy(p / "a.npy", ZERO((9, 8, 9))), 0.9), "is truncated"),
    "empty folder": (lambda p: folder(p / "a", {}), "holds no frames"),
    "no zarr": (lambda p: folder(p / "a.zarr", {}), "cannot be read as"),
    "two sizes": (
        lambda p: folder(p / "a", {"0.png": frame(), "1.png": frame(7)}),
        "1.png is 7 x 9 uint8, but 0.png is 8 x 9 uint8",
    ),
    "two types": (
        lambda p: folder(p / "a", {"0.png": frame(), "1.tif": frame(8, np.uint16)}),
        "1.tif is 8 x 9 uint16",
    ),
    "no number": (
        lambda p: folder(p / "a", {"0.png": frame(), "mean.png": frame()}),
        "mean.png has no number",
    ),
    "two channels": (
        lambda p: folder(p / "a", {"a1.png": frame(), "b1.png": frame()}),
        "a1.png and b1.png both end in number 1",
    ),
    "text frame": (
        lambda p: text(folder(p / "a", {"0.png": frame()}) / "1.png").parent,
        "1.png is not a readable image",
    ),
    "stacks as frames": (
        lambda p: tiff(folder(p / "a", {}) / "0.tif", ZERO((5, 8, 9))).parent,
        "0.tif is a stack of images",
    ),
    "remote": (lambda p: "https://example.org/a.zarr", "no such file"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_movies_are_one_line(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make, message = BAD[case]
    with pytest.raises(InputError, match=message) as raised:
        open_video(make(tmp_path))
    assert "\n" not in str(raised.value)
    assert caplog.text == ""


AXES = {"TYQ": "'Q'", "TY": "names 2 axes", "TTX": "twice", "TCX": "lacks Y", "": "0"}


@pytest.mark.parametrize("axes", AXES)
def test_bad_axes_are_one_line(axes: str) -> None:
    with pytest.raises(InputError, match=AXES[axes]):
        open_video(GREY, axes=axes)


@pytest.mark.parametrize("keep", [0.05, 0.3, 0.5, 0.8])
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zlib"},
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"ome": True, "metadata": {"axes": "TYX"}, "compression": "lzw"},
        {},
        {"metadata": None},
    ],
    ids=["zlib", "imagej", "ome", "plain", "no metadata"],
)
def test_truncated_tiffs_are_noticed(
    options: dict[str, Any],
    keep: float,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = cut(tiff(tmp_path / "a.tif", GREY, **options), keep)
    with pytest.raises(InputError, match="truncated|damaged"):
        open_video(path)
    assert caplog.text == ""


def test_lost_metadata_are_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tiff(tmp_path / "a.tif", GREY, ome=True, metadata={"axes": "TYX"})
    video = open_video(cut(path, 0.99))  # tifffile writes OME-XML at the end
    np.testing.assert_array_equal(video.frame(6), GREY[6])
    assert "--axes" in caplog.text


def test_a_damaged_page_names_its_frame(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", GREY, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[4].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = bytes(40)
    path.write_bytes(content)
    video = open_video(path)
    np.testing.assert_array_equal(video.frame(3), GREY[3])
    with pytest.raises(InputError, match=r"^frame 4 of \S+ cannot be read: "):
        video.frame(4)
