"""Folders to learn from are told apart, and sessions are kept as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sam_i2v import track
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning import describe_data, keep_session
from napari_sam_i2v.fine_tuning.vouched import MOVIE_FILE, runs
from napari_sam_i2v.io.prompt_masks import mask_prompts
from napari_sam_i2v.io.session_folder import read_session
from napari_sam_i2v.training.sessions import open_session_movie
from napari_sam_i2v.video import open_video


def stills(folder: Path) -> Path:
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
        for number in range(3):
            blank = np.zeros((8, 8), np.uint8)
            tifffile.imwrite(folder / kind / f"{number}.tif", blank)
    return folder


def test_a_session_tells_what_a_person_vouched_for(session: Path) -> None:
    found = describe_data(session)
    assert found.kind == "session"
    cells = len(read_session(session).log[0].prompts)
    assert found.summary == f"{cells} cells, {cells} masks prompted or approved"


def test_too_few_cells_to_keep_one_out_are_told(movie: Path, tmp_path: Path) -> None:
    prompts = mask_prompts(tifffile.imread(movie / "labels.tif")[0], 0)[:2]
    out = tmp_path / "session"
    track(movie / "images.tif", prompts, stop=1, out=out, progress=False)
    assert "2 cells, 2 masks" in describe_data(out).summary
    assert describe_data(out).summary.endswith("of those it learned from")
    assert not describe_data(out).held_out


def test_layouts_are_told_apart(movie: Path, tmp_path: Path) -> None:
    assert describe_data(movie).training_source == {"movie": str(movie)}
    folder = stills(tmp_path / "stills")
    assert describe_data(folder).training_source == {"stills": str(folder)}
    assert "3 images" in describe_data(folder).summary
    (tmp_path / "01").mkdir()
    (tmp_path / "01_ST" / "SEG").mkdir(parents=True)
    assert describe_data(tmp_path / "01").kind == "challenge"


def test_what_holds_no_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no labels; expected a session"):
        describe_data(tmp_path)
    folder = stills(tmp_path / "stills")
    (folder / "labels" / "1.tif").unlink()
    with pytest.raises(InputError, match=r"labels/1\.tif is missing"):
        describe_data(folder)


def test_a_kept_session_needs_no_file_of_its_movie(
    session: Path, movie: Path, tmp_path: Path
) -> None:
    pixels = tifffile.imread(movie / "images.tif")
    (movie / "images.tif").unlink()
    kept = keep_session(session, tmp_path / "kept", open_video(pixels))
    frames = tifffile.imread(kept / MOVIE_FILE)
    np.testing.assert_array_equal(frames[0], pixels[0].astype(np.float32))
    assert not frames[1:].any()
    assert describe_data(kept).summary == describe_data(session).summary


def test_a_session_of_other_pixels_than_its_file_keeps_what_was_seen(
    session: Path, movie: Path, tmp_path: Path
) -> None:
    """A layer may have shown one of several channels of the file."""
    pixels = tifffile.imread(movie / "images.tif")
    tifffile.imwrite(movie / "images.tif", pixels[:, ::-1].copy())
    with pytest.raises(InputError, match="learn from .this session. while it is open"):
        open_session_movie(str(session))
    kept = keep_session(session, tmp_path / "kept", open_video(pixels))
    seen = open_session_movie(str(kept)).video.frame(0)
    np.testing.assert_array_equal(seen, pixels[0].astype(np.float32))


@pytest.mark.parametrize("folder", ["~nosuchuser/data", "x" * 5000])
def test_odd_folders_are_one_line(folder: str) -> None:
    with pytest.raises(InputError, match="cannot be read|no such folder"):
        describe_data(folder)


def test_runs_are_joined_without_gaps() -> None:
    frames = [0, 1, 2, 5, 7, 8]
    assert runs(frames) == [range(0, 3), range(5, 6), range(7, 9)]
    assert [t for run in runs(frames) for t in run] == frames
