from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_sam_i2v.video import open_video

GREY = np.random.default_rng(0).integers(0, 60000, (7, 16, 20)).astype(np.uint16)
COLOUR = np.random.default_rng(1).integers(0, 255, (7, 16, 20, 3)).astype(np.uint8)

FRAME_WRITERS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".tif": lambda path, frame: tifffile.imwrite(path, frame, compression="zlib"),
    ".png": lambda path, frame: path.write_bytes(imagecodecs.png_encode(frame)),
    ".PNG": lambda path, frame: Image.fromarray(frame).save(path),
}


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        *itertools.product(["grey8", "grey16", "colour8"], FRAME_WRITERS),
        *itertools.product(["colour16"], [".tif", ".png"]),  # not from Pillow
    ],
)
def test_folder_of_frames(kind: str, suffix: str, tmp_path: Path) -> None:
    movie = {
        "grey8": COLOUR[..., 0],
        "grey16": GREY,
        "colour8": COLOUR,
        "colour16": COLOUR.astype(np.uint16) * 257,
    }[kind]
    for t, frame in enumerate(movie):
        # Without zeros in front: 10 comes after 9, not after 1.
        name = f"exp2_frame{t + 5}{suffix}"
        FRAME_WRITERS[suffix](tmp_path / name, np.ascontiguousarray(frame))
    (tmp_path / "notes.txt").write_text("not a frame")
    video = open_video(tmp_path)
    assert video.shape == movie.shape[:3] and video.path == tmp_path
    assert video.is_rgb8 == (kind == "colour8")
    for t in (6, 0, 4):
        np.testing.assert_array_equal(video.frame(t), movie[t])


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1", "I;16", "CMYK"])
def test_folder_of_every_pillow_mode(mode: str, tmp_path: Path) -> None:
    suffix = ".jpg" if mode == "CMYK" else ".png"
    for t in range(3):
        image = Image.fromarray(GREY[t] if mode == "I;16" else COLOUR[t])
        image = image if mode == "I;16" else image.convert(mode)
        image.save(tmp_path / f"{t:03}{suffix}")
    video = open_video(tmp_path)
    assert video.shape == (3, 16, 20)
    assert video.is_rgb8 == (mode in ("RGB", "RGBA", "P", "CMYK"))
    assert video.image(2).std() > 0


def test_jpeg_frames_are_what_pillow_reads(tmp_path: Path) -> None:
    for t in range(3):
        Image.fromarray(COLOUR[t]).save(tmp_path / f"{t:05}.jpg")
    with Image.open(tmp_path / "00001.jpg") as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(open_video(tmp_path).image(1), expected)


def test_missing_numbers_are_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for t in (1, 2, 5):
        Image.fromarray(COLOUR[t]).save(tmp_path / f"{t}.png")
    assert open_video(tmp_path).n_frames == 3
    assert "2 numbers are missing" in caplog.text
