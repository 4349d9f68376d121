"""napari opens CTC folders, and leaves others alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel

import scenes
from napari_sam_i2v.contributions import ctc_layers
from napari_sam_i2v.contributions.ctc_layers import track_vertices
from napari_sam_i2v.contributions.readers import ctc_reader, session_reader
from napari_sam_i2v.contributions.settings import PluginSettings
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.ctc import write_ctc_labels
from scenes import SCENES, Scene

PLUGIN = "napari-sam-i2v"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """``01_RES`` of the scene in which a cell divides, with its images beside it."""
    scene = scenes.divides
    write_ctc_labels(scene.truth, tmp_path / "01_RES", {2: 1, 3: 1})
    (tmp_path / "01").mkdir()
    for t, image in enumerate(scene.images):
        tifffile.imwrite(tmp_path / "01" / f"t{t:03d}.tif", image)
    return tmp_path / "01_RES"


@pytest.mark.parametrize("inside", ["", "res_track.txt"])
def test_a_ctc_folder_opens_as_labels_and_tracks(
    viewer: ViewerModel, results: Path, inside: str
) -> None:
    viewer.open(results / inside, plugin=PLUGIN)
    labels, tracks = viewer.layers
    assert (labels.name, tracks.name) == ("01_RES", "01_RES tracks")
    np.testing.assert_array_equal(labels.data, scenes.divides.truth)
    assert tracks.graph == {2: [1], 3: [1]}
    np.testing.assert_allclose(tracks.data, track_vertices(scenes.divides.truth))


def test_a_folder_of_images_opens_with_the_results(
    viewer: ViewerModel, results: Path
) -> None:
    viewer.open(results.parent / "01", plugin=PLUGIN)
    image, labels, tracks = viewer.layers
    assert (image.name, labels.name) == ("01", "01_RES")
    assert isinstance(image.data, da.Array)
    np.testing.assert_array_equal(image.data, scenes.divides.images)


def test_large_masks_are_read_when_shown(
    viewer: ViewerModel, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small() -> PluginSettings:
        return PluginSettings(memory_limit_gb=0)

    monkeypatch.setattr(ctc_layers, "plugin_settings", small)
    viewer.open(results, plugin=PLUGIN)
    assert isinstance(viewer.layers[0].data, da.Array)
    np.testing.assert_array_equal(viewer.layers[0].data, scenes.divides.truth)


def test_a_damaged_ctc_folder_is_one_line(viewer: ViewerModel, results: Path) -> None:
    (results / "mask003.tif").unlink()
    with pytest.raises(InputError, match="none for frame 3"):
        viewer.open(results, plugin=PLUGIN)
    assert not viewer.layers


def test_masks_without_objects_open_without_tracks(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    write_ctc_labels(scenes.empty.truth, tmp_path / "empty")
    viewer.open(tmp_path / "empty", plugin=PLUGIN)
    assert [layer._type_string for layer in viewer.layers] == ["labels"]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_tracks_run_through_the_centres(scene: Scene) -> None:
    vertices = track_vertices(scene.truth)
    for label, frame, y, x in vertices:
        rows, columns = np.nonzero(scene.truth[int(frame)] == label)
        assert (y, x) == pytest.approx((rows.mean(), columns.mean()))
    seen = {(int(label), int(frame)) for label, frame, *_ in vertices}
    expected = {
        (int(label), t)
        for t, image in enumerate(scene.truth)
        for label in np.unique(image[image > 0])
    }
    assert seen == expected
    assert np.all(np.diff(vertices[:, 0]) >= 0)


def plain_images(folder: Path) -> None:
    for t in range(3):
        tifffile.imwrite(folder / f"frame{t}.tif", scenes.divides.images[t])


def foreign_session(folder: Path) -> None:
    (folder / "session.json").write_text('{"tabs": []}')


def nothing(folder: Path) -> None:
    pass


@pytest.mark.parametrize("fill", [plain_images, foreign_session, nothing])
def test_what_is_not_ours_is_left_to_others(
    plugins: Any, tmp_path: Path, fill: Callable[[Path], None]
) -> None:
    fill(tmp_path)
    for path in (tmp_path, *tmp_path.iterdir()):
        assert session_reader(str(path)) is None
        assert ctc_reader([str(path)]) is None
    with pytest.raises(ValueError, match="refused"):
        ViewerModel().open(tmp_path, plugin=PLUGIN)


def test_napari_still_opens_a_folder_of_images(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    plain_images(tmp_path)
    viewer.open(tmp_path, plugin="napari")
    assert viewer.layers[0].data.shape == (3, *scenes.SIZE)


def test_several_paths_are_not_stacked(results: Path) -> None:
    assert ctc_reader([str(results), str(results)]) is None
    assert session_reader([str(results), str(results)]) is None


@pytest.mark.parametrize("name", ["session.json", "res_track.txt", "man_track.txt"])
def test_files_of_ours_are_offered_to_no_other_plugin(
    plugins: Any, tmp_path: Path, name: str
) -> None:
    found = plugins.iter_compatible_readers([str(tmp_path / name)])
    assert {reader.plugin_name for reader in found} == {PLUGIN}


@pytest.mark.parametrize("name", ["a.json", "tracks.txt", "movie.tif", "a.csv"])
def test_other_files_are_not_offered_to_us(
    plugins: Any, tmp_path: Path, name: str
) -> None:
    found = plugins.iter_compatible_readers([str(tmp_path / name)])
    assert PLUGIN not in {reader.plugin_name for reader in found}


@pytest.mark.qt
def test_the_viewer_opens_a_dropped_folder(
    make_napari_viewer: Callable[[], Any], results: Path, folder: Path
) -> None:
    viewer = make_napari_viewer(show=True)
    viewer.open(folder, plugin=PLUGIN)
    for frame in range(scenes.two_crossing.n_frames):
        viewer.dims.set_current_step(0, frame)
    viewer.reset_view()
    drawn = viewer.screenshot(canvas_only=True, flash=False)
    assert len(np.unique(drawn.reshape(-1, drawn.shape[-1]), axis=0)) > 2
    viewer.open(results, plugin=PLUGIN)
    assert len(viewer.layers) == 6
