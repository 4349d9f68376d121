from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.video import open_video

N_FRAMES = 60


def write(path: Path, codec: str, movie: np.ndarray, source: str, stored: str) -> None:
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.height, stream.width = movie.shape[1:3]
        stream.pix_fmt = stored
        stream.codec_context.gop_size = 25
        for pixels in movie:
            frame = av.VideoFrame.from_ndarray(pixels, format=source)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def colours() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 255, (N_FRAMES, 6, 8, 3))
    return coarse.astype(np.uint8).repeat(8, axis=1).repeat(8, axis=2)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "mpeg4"),
        ("b.avi", "mpeg4"),
        ("c.mkv", "libx264"),
        ("d.mp4", "libx264"),
    ],
)
def test_frames_are_those_of_playing_it_whatever_the_order(
    name: str, codec: str, tmp_path: Path
) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / name
    write(path, codec, colours(), "rgb24", "yuv420p")
    with av.open(str(path)) as container:
        played = [frame.to_ndarray(format="rgb24") for frame in container.decode()]
    video = open_video(path)
    assert video.shape == (N_FRAMES, 48, 64) == (len(played), *played[0].shape[:2])
    assert video.is_rgb8
    for t in [55, *range(N_FRAMES), *range(N_FRAMES - 1, -1, -1), 7, 40, 12, 59]:
        np.testing.assert_array_equal(video.frame(t), played[t], f"frame {t}")


def test_grey_of_many_bits_is_kept(tmp_path: Path) -> None:
    movie = colours()[..., 0].astype(np.uint16) * 257
    write(tmp_path / "grey.mkv", "ffv1", movie, "gray16le", "gray16le")
    video = open_video(tmp_path / "grey.mkv")
    assert video.dtype == np.uint16 and not video.is_rgb8
    for t in (3, 50, 12):
        np.testing.assert_array_equal(video.frame(t), movie[t])


def test_a_video_without_the_extra_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "movie.mp4").write_bytes(b"anything")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(InputError, match=r"napari-sam-i2v\[video\]"):
        open_video(tmp_path / "movie.mp4")


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("av")
    (tmp_path / "movie.mp4").write_bytes(b"anything")
    with pytest.raises(InputError, match="cannot be read as a .mp4 file"):
        open_video(tmp_path / "movie.mp4")
