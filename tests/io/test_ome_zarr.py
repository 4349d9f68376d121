from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.video import open_video

GREY = np.random.default_rng(0).integers(0, 60000, (7, 16, 20)).astype(np.uint16)
CHANNELS = np.stack([GREY, GREY[::-1], GREY // 2], axis=1)


def ome_zarr(
    path: Path, movie: np.ndarray, axes: str, *, version: str, name: str = "0"
) -> None:
    units = {"y": {"unit": "micrometer"}, "x": {"unit": "micrometer"}}
    image = {
        "axes": [{"name": axis, "type": "?", **units.get(axis, {})} for axis in axes],
        "datasets": [
            {
                "path": f"{name}/{level}",
                "coordinateTransformations": [
                    {"type": "scale", "scale": [0.5 * 2**level] * len(axes)}
                ],
            }
            for level in range(2)
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [0.5] * len(axes)}],
    }
    old = version == "0.4"
    group = zarr.open_group(path, mode="w", zarr_format=2 if old else 3)
    chunks = (1,) * (movie.ndim - 2) + (8, 8)
    group.create_array(f"{name}/0", data=movie, chunks=chunks)
    group.create_array(f"{name}/1", data=movie[..., ::2, ::2], chunks=chunks)
    if old:
        group.attrs["multiscales"] = [{"version": version, **image}]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [image]}


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["tyx", "tczyx", "tcyx", "ctyx"])
def test_ome_zarr(axes: str, version: str, tmp_path: Path) -> None:
    order = ["tcyxz".index(axis) for axis in axes if axis in "tcyxz"]
    full = CHANNELS[..., None] if "c" in axes else GREY[:, None, ..., None]
    movie = full.transpose(order + [i for i in range(5) if i not in order])
    movie = movie.reshape(movie.shape[: len(axes)])
    ome_zarr(tmp_path / "movie.ome.zarr", movie, axes, version=version)
    video = open_video(tmp_path / "movie.ome.zarr", channel=0)
    assert video.shape == GREY.shape
    assert (video.pixel_size, video.unit) == ((0.25, 0.25), "µm")
    np.testing.assert_array_equal(video.frame(6), GREY[6])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_zarr(zarr_format: Any, tmp_path: Path) -> None:
    for name in ("movie.zarr", "folder"):
        zarr.save_array(tmp_path / name, GREY, zarr_format=zarr_format)
        np.testing.assert_array_equal(open_video(tmp_path / name).frame(3), GREY[3])


def test_the_first_image_of_a_bioformats_export(tmp_path: Path) -> None:
    path = tmp_path / "export.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    ome_zarr(path / "0", GREY, "tyx", version="0.4")
    np.testing.assert_array_equal(open_video(path).frame(3), GREY[3])


def test_a_group_of_one_array_is_a_movie_and_of_two_is_not(tmp_path: Path) -> None:
    path = tmp_path / "group.zarr"
    group = zarr.open_group(path, mode="w")
    group.create_array("one", data=GREY)
    np.testing.assert_array_equal(open_video(path).frame(3), GREY[3])
    group.create_array("two", data=GREY)
    with pytest.raises(InputError, match="one, two"):
        open_video(path)


def test_a_plate_is_refused(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "plate.zarr", mode="w", zarr_format=2)
    group.attrs["plate"] = {"wells": []}
    with pytest.raises(InputError, match=r"plate\.zarr/A/1/0"):
        open_video(tmp_path / "plate.zarr")


def test_a_damaged_chunk_names_its_frame(tmp_path: Path) -> None:
    path = tmp_path / "movie.zarr"
    ome_zarr(path, GREY, "tyx", version="0.5")
    (path / "0" / "0" / "c" / "5" / "0" / "0").write_bytes(b"not a chunk")
    video = open_video(path)
    video.frame(4)
    with pytest.raises(InputError, match=r"^frame 5 of \S+ cannot be read: "):
        video.frame(5)
