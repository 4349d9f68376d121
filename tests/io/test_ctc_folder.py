"""CTC folders: what is written is read again, what is damaged is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import scenes
from fakes import tracked
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.movies import Track
from napari_sam_i2v.io.ctc import write_ctc, write_ctc_labels
from napari_sam_i2v.io.ctc_folder import CtcFolder, is_ctc, read_ctc
from scenes import SCENES, Scene

BLOCK = np.s_[2:5, 3:7]


def read_masks(found: CtcFolder) -> np.ndarray:
    assert found.masks is not None
    return np.stack([found.masks.read(t) for t in range(found.masks.shape[0])])


def has_gaps(labels: np.ndarray) -> bool:
    for label in np.unique(labels[labels > 0]):
        (frames,) = np.nonzero((labels == label).any(axis=(1, 2)))
        if len(frames) <= frames[-1] - frames[0]:
            return True
    return False


@pytest.mark.parametrize("scene", [*SCENES, scenes.empty], ids=lambda scene: scene.name)
def test_labels_come_back(scene: Scene, tmp_path: Path) -> None:
    files = write_ctc_labels(scene.truth, tmp_path / "01_RES")
    assert set(files) == set((tmp_path / "01_RES").iterdir())
    found = read_ctc(tmp_path / "01_RES")
    masks = read_masks(found)
    np.testing.assert_array_equal(masks > 0, scene.truth > 0)
    if not has_gaps(scene.truth):
        np.testing.assert_array_equal(masks, scene.truth)
    for track in found.tracks:
        (frames,) = np.nonzero((masks == track.object_id).any(axis=(1, 2)))
        assert frames.tolist() == list(range(track.first, track.last + 1))


def test_results_of_a_session_come_back(tmp_path: Path) -> None:
    masklets = tracked(scenes.two_crossing)
    write_ctc(masklets, tmp_path)
    masks = read_masks(read_ctc(tmp_path / "ctc"))
    np.testing.assert_array_equal(masks, masklets.labels)


def test_parents_are_written(tmp_path: Path) -> None:
    write_ctc_labels(scenes.divides.truth, tmp_path / "out", {2: 1, 3: 1})
    assert read_ctc(tmp_path / "out").tracks == (
        Track(object_id=1, first=0, last=2),
        Track(object_id=2, first=3, last=5, parent=1),
        Track(object_id=3, first=3, last=5, parent=1),
    )


def test_a_parent_that_lives_on_is_left_out(tmp_path: Path) -> None:
    write_ctc_labels(scenes.late_arrival.truth, tmp_path / "out", {2: 1, 1: 9})
    assert [track.parent for track in read_ctc(tmp_path / "out").tracks] == [0, 0]


def test_after_a_gap_a_track_is_its_own_child(tmp_path: Path) -> None:
    labels = np.zeros((6, 8, 9), np.uint8)
    labels[[0, 1, 4, 5], 2:5, 3:7] = 7
    labels[3:, 0, 0] = 8
    write_ctc_labels(labels, tmp_path / "out", {8: 7, 7: 8})
    assert read_ctc(tmp_path / "out").tracks == (
        Track(object_id=7, first=0, last=1),
        Track(object_id=9, first=4, last=5, parent=7),
        Track(object_id=8, first=3, last=5),
    )


def test_nothing_of_the_users_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(InputError, match="a new or an empty folder"):
            write_ctc_labels(scenes.divides.truth, path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.ones((4, 4), int), "2 axes"),
        (np.full((2, 4, 4), -1), "no whole numbers"),
        (np.full((2, 4, 4), 0.5), "no whole numbers"),
    ],
)
def test_what_is_no_movie_is_refused(
    labels: np.ndarray, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        write_ctc_labels(labels, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def write_sequence(home: Path, *, results: bool = False) -> np.ndarray:
    """Write ``01`` and ``01_GT/TRA`` as the challenge has them."""
    labels = scenes.divides.truth.astype(np.uint16)
    for folder in ("01", "01_GT/TRA"):
        (home / folder).mkdir(parents=True)
    for t, frame in enumerate(labels):
        image = scenes.divides.images[t]
        tifffile.imwrite(home / "01" / f"t{t:03d}.tif", image)
        tifffile.imwrite(home / "01_GT/TRA" / f"man_track{t:03d}.tif", frame)
    lines = "1 0 2 0\n2 3 5 1\n3 3 5 1\n"
    (home / "01_GT/TRA/man_track.txt").write_text(lines)
    if results:
        write_ctc_labels(np.minimum(labels, 1), home / "01_RES")
    return labels


@pytest.mark.parametrize(
    ("path", "has_images", "name"),
    [
        ("01", True, "01_GT/TRA"),
        ("01_GT", False, "01_GT/TRA"),
        ("01_GT/TRA", False, "01_GT/TRA"),
        ("01_GT/TRA/man_track.txt", False, "01_GT/TRA"),
        ("01_RES", False, "01_RES"),
        ("01_RES/res_track.txt", False, "01_RES"),
    ],
)
def test_folders_of_a_data_set(
    path: str, has_images: bool, name: str, tmp_path: Path
) -> None:
    labels = write_sequence(tmp_path, results=True)
    assert is_ctc(tmp_path / path)
    found = read_ctc(tmp_path / path)
    assert (found.images is not None, found.masks_name) == (has_images, name)
    expected = np.minimum(labels, 1) if name == "01_RES" else labels
    np.testing.assert_array_equal(read_masks(found), expected)
    if found.images is not None:
        np.testing.assert_array_equal(found.images.read(2), scenes.divides.images[2])


def test_without_truth_the_results_are_beside_the_images(tmp_path: Path) -> None:
    write_sequence(tmp_path, results=True)
    (tmp_path / "01_GT").rename(tmp_path / "away")
    assert read_ctc(tmp_path / "01").masks_name == "01_RES"
    (tmp_path / "01_RES").rename(tmp_path / "gone")
    found = read_ctc(tmp_path / "01")
    assert (found.images is not None, found.masks, found.tracks) == (True, None, ())


@pytest.mark.parametrize("name", ["image01.tif", "t1.tif", "track000.tif", "t000.png"])
def test_other_folders_are_left_to_others(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    for path in (tmp_path, tmp_path / name, tmp_path / "nowhere"):
        assert not is_ctc(path)


def lose_frame(folder: Path) -> None:
    (folder / "man_track002.tif").unlink()


def lose_masks(folder: Path) -> None:
    for file in folder.glob("*.tif"):
        file.unlink()


def cut_frame(folder: Path) -> None:
    (folder / "man_track000.tif").write_bytes(b"II*\0")


def resize_frame(folder: Path) -> None:
    tifffile.imwrite(folder / "man_track003.tif", np.zeros((3, 3), np.uint16))


def make_volume(folder: Path) -> None:
    tifffile.imwrite(folder / "man_track000.tif", np.zeros((2, 8, 8), np.uint16))


def track_text(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "man_track.txt").write_text(text)


def binary_tracks(folder: Path) -> None:
    (folder / "man_track.txt").write_bytes(b"\xff\xfe\x00\x81")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lose_frame, "none for frame 2"),
        (lose_masks, "no man_track000.tif"),
        (cut_frame, "not a readable TIFF"),
        (resize_frame, "as the first frame"),
        (make_volume, r"expected a mask of whole numbers, \(Y, X\)"),
        (track_text("1 0 2"), "line 1: expected four whole numbers"),
        (track_text("1 0 6 0"), "frames are 0 to 5"),
        (track_text("1 3 2 0"), "lives from frame 3 to 2"),
        (track_text("1 0 2 0\n1 3 4 0"), "two tracks 1"),
        (track_text("0 0 2 0"), "ids count from 1"),
        (track_text("1 0 2 4"), "the parent 4"),
        (binary_tracks, "cannot be read as text"),
    ],
)
def test_damage_is_one_line(
    harm: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    write_sequence(tmp_path)
    harm(tmp_path / "01_GT/TRA")
    assert is_ctc(tmp_path / "01")
    with pytest.raises(InputError, match=said) as raised:
        read_masks(read_ctc(tmp_path / "01_GT" / "TRA"))
    assert "\n" not in str(raised.value)
