"""Results as files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

import scenes
from fakes import tracked
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io import results
from napari_sam_i2v.io.results import (
    EXPORTERS,
    check_formats,
    files_of,
    write_scores,
    write_tif,
)
from napari_sam_i2v.masklets import Masklets, ObjectMask
from scenes import SCENES, Scene


class Single:
    """One object with a large id on the first of two frames."""

    revision = 0

    def __init__(self, object_id: int = 70_000) -> None:
        self.object_ids = [object_id]

    def approved_on(self, frame: int) -> set[int]:
        return set()

    def masks_on(self, frame: int) -> dict[int, ObjectMask]:
        mask = ObjectMask(
            frame=frame,
            object_id=self.object_ids[0],
            offset=(1, 1),
            logits=np.full((2, 2) if frame == 0 else (0, 0), 1, np.float16),
            predicted_iou=1 / 3,
            object_score=4.0,
        )
        return {self.object_ids[0]: mask}


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_every_format_holds_the_truth(tmp_path: Path, scene: Scene) -> None:
    masklets = tracked(scene)
    formats = ["tif", "csv", "ctc", "trackmate"]
    for name in formats:
        EXPORTERS[name].write(masklets, tmp_path)
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert written == set(files_of(formats, scene.n_frames))
    labels = tifffile.imread(tmp_path / "masklets.tif")
    np.testing.assert_array_equal(labels, scene.truth)
    frames = [tifffile.imread(path) for path in sorted(tmp_path.glob("ctc/*.tif"))]
    np.testing.assert_array_equal(np.stack(frames) > 0, scene.truth > 0)
    check_tracks(tmp_path / "ctc" / "res_track.txt", np.stack(frames))


def check_tracks(path: Path, labels: np.ndarray) -> None:
    tracks = np.loadtxt(path, int, ndmin=2)
    assert set(tracks[:, 0]) == set(np.unique(labels)) - {0}
    for label, first, last, parent in tracks:
        seen = np.flatnonzero((labels == label).any(axis=(1, 2)))
        assert seen.tolist() == list(range(first, last + 1))
        assert parent == 0 or parent in tracks[:, 0]


def test_small_ids_make_an_imagej_stack_with_its_pixel_size(tmp_path: Path) -> None:
    masklets = tracked(scenes.moving_disc)
    masklets.pixel_size, masklets.unit = (0.5, 0.25), "µm"
    write_tif(masklets, tmp_path)
    with tifffile.TiffFile(tmp_path / "masklets.tif") as tif:
        assert tif.is_imagej
        assert tif.series[0].axes == "TYX"
        assert tif.imagej_metadata["unit"] == "um"
        resolution = [tif.pages[0].tags[f"{axis}Resolution"].value for axis in "YX"]
        assert [a / b for a, b in resolution] == [2, 4]
        assert tif.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE


def test_large_ids_make_ome_tiff(tmp_path: Path) -> None:
    masklets = Masklets(Single(), (2, 5, 6), pixel_size=(0.5, 0.25), unit="µm")
    write_tif(masklets, tmp_path)
    first = (tmp_path / "masklets.tif").read_bytes()
    with tifffile.TiffFile(tmp_path / "masklets.tif") as tif:
        assert tif.is_ome
        assert tif.series[0].axes == "TYX"
        assert 'PhysicalSizeX="0.25"' in tif.ome_metadata
        labels = tif.asarray()
    assert labels.dtype == np.uint32
    assert np.unique(labels).tolist() == [0, 70_000]
    write_tif(masklets, tmp_path)
    assert (tmp_path / "masklets.tif").read_bytes() == first


@pytest.mark.parametrize("shape", [(3, 5, 6), (2, 5, 3), (4, 3, 4), (1, 5, 6)])
@pytest.mark.parametrize("object_id", [7, 70_000])
def test_no_movie_is_taken_for_colour(tmp_path: Path, shape, object_id: int) -> None:
    write_tif(Masklets(Single(object_id), shape), tmp_path)
    assert tifffile.imread(tmp_path / "masklets.tif").shape == shape


def test_large_stacks_are_big_tiff(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(results, "_IMAGEJ_LIMIT", 100)
    masklets = tracked(scenes.moving_disc)
    write_tif(masklets, tmp_path)
    with tifffile.TiffFile(tmp_path / "masklets.tif") as tif:
        assert tif.is_bigtiff
        np.testing.assert_array_equal(tif.asarray(), scenes.moving_disc.truth)


def test_absent_objects_have_empty_places(tmp_path: Path) -> None:
    write_scores(Masklets(Single(), (2, 5, 6)), tmp_path)
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    assert lines == [
        "frame,object_id,area,y,x,predicted_iou,object_score",
        "0,70000,4,1.5,1.5,0.333333,4",
        "1,70000,0,,,0.333333,4",
    ]


def test_scores_are_read_as_they_were(tmp_path: Path) -> None:
    masklets = tracked(scenes.leaves_and_returns)
    write_scores(masklets, tmp_path)
    read = pd.read_csv(tmp_path / "scores.csv")
    pd.testing.assert_frame_equal(read, masklets.scores, rtol=1e-5)


def test_large_ids_get_labels_that_ctc_can_hold(tmp_path: Path) -> None:
    EXPORTERS["ctc"].write(Masklets(Single(), (2, 5, 6)), tmp_path)
    assert tifffile.imread(tmp_path / "ctc" / "mask000.tif").max() == 1
    assert (tmp_path / "ctc" / "res_track.txt").read_text() == "1 0 0 0\n"


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    masklets = tracked(scenes.moving_disc)
    write_tif(masklets, tmp_path)
    before = (tmp_path / "masklets.tif").read_bytes()

    def broken(frame: int) -> None:
        raise RuntimeError

    monkeypatch.setattr(masklets, "frame", broken)
    with pytest.raises(RuntimeError):
        write_tif(masklets, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["masklets.tif"]
    assert (tmp_path / "masklets.tif").read_bytes() == before


def test_formats_are_checked() -> None:
    assert check_formats(["ctc", "tif"]) == ("tif", "csv", "ctc")
    with pytest.raises(InputError, match="known: tif, csv, ctc"):
        check_formats(["xml"])


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "geff", None)
    with pytest.raises(InputError, match=r"napari-sam-i2v\[tracking\]"):
        check_formats(["geff"])
