"""Layers are saved through napari, and come back as they were."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

import scenes
from napari_sam_i2v.contributions.ctc_layers import track_vertices
from napari_sam_i2v.io.session_folder import MASK_FILE, read_session
from napari_sam_i2v.session import TrackingSession

PLUGIN = "napari-sam-i2v"


def choose(plugins: Any, kinds: list[str], command: str) -> Any:
    """Return a writer as the save dialog hands it over."""
    found = plugins.iter_compatible_writers(kinds)
    return next(writer for writer in found if writer.command == f"{PLUGIN}.{command}")


def test_labels_come_back_from_a_ctc_folder(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    viewer.add_labels(scenes.touching.truth)
    written = viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    assert {Path(file) for file in written} == set((tmp_path / "out").iterdir())
    opened = ViewerModel()
    opened.open(tmp_path / "out", plugin=PLUGIN)
    np.testing.assert_array_equal(opened.layers[0].data, scenes.touching.truth)


@pytest.mark.parametrize("with_image", [False, True])
def test_a_family_comes_back(
    viewer: ViewerModel, tmp_path: Path, with_image: bool
) -> None:
    scene = scenes.divides
    if with_image:
        viewer.add_image(scene.images)
    viewer.add_labels(scene.truth)
    viewer.add_tracks(track_vertices(scene.truth), graph={2: [1], 3: 1})
    viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    opened = ViewerModel()
    opened.open(tmp_path / "out", plugin=PLUGIN)
    labels, tracks = opened.layers
    np.testing.assert_array_equal(labels.data, scene.truth)
    assert tracks.graph == {2: [1], 3: [1]}
    np.testing.assert_allclose(tracks.data, viewer.layers[-1].data)


def test_multiscale_labels_are_written_at_their_finest(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    truth = scenes.touching.truth
    viewer.add_labels([truth, truth[:, ::2, ::2]], multiscale=True)
    viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    opened = ViewerModel()
    opened.open(tmp_path / "out", plugin=PLUGIN)
    np.testing.assert_array_equal(opened.layers[0].data, truth)


def test_the_dialog_may_name_a_folder_with_a_dot(
    plugins: Any, viewer: ViewerModel, tmp_path: Path
) -> None:
    viewer.add_labels(scenes.touching.truth)
    writer = choose(plugins, ["labels"], "write_ctc")
    viewer.layers.save(str(tmp_path / "movie.v2"), _writer=writer)
    assert (tmp_path / "movie.v2" / "res_track.txt").is_file()


def test_labels_of_one_image_are_refused(viewer: ViewerModel, tmp_path: Path) -> None:
    viewer.add_labels(scenes.touching.truth[0])
    with pytest.raises(RuntimeError, match="2 axes"):
        viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("only_masklets", [True, False])
def test_layers_of_a_session_save_that_session(
    plugins: Any,
    viewer: ViewerModel,
    session: TrackingSession,
    folder: Path,
    tmp_path: Path,
    only_masklets: bool,
) -> None:
    viewer.open(folder, plugin=PLUGIN)
    if only_masklets:
        viewer.layers.selection = {viewer.layers["movie masklets"]}
    kinds = [
        layer._type_string
        for layer in viewer.layers
        if not only_masklets or layer in viewer.layers.selection
    ]
    writer = choose(plugins, kinds, "write_session")
    written = viewer.layers.save(
        str(tmp_path / "copy"), selected=only_masklets, _writer=writer
    )
    assert {Path(file) for file in written} == set((tmp_path / "copy").iterdir())
    assert read_session(tmp_path / "copy").record.movie == (
        read_session(folder).record.movie
    )
    opened = ViewerModel()
    opened.open(tmp_path / "copy", plugin=PLUGIN)
    masklets = opened.layers["movie masklets"].data
    np.testing.assert_array_equal(masklets, session.masklets.labels)


def test_a_session_saved_onto_itself_stays(
    plugins: Any, viewer: ViewerModel, folder: Path
) -> None:
    viewer.open(folder, plugin=PLUGIN)
    before = (folder / MASK_FILE).read_bytes()
    kinds = [layer._type_string for layer in viewer.layers]
    writer = choose(plugins, kinds, "write_session")
    assert len(viewer.layers.save(str(folder), _writer=writer)) == 2
    assert (folder / MASK_FILE).read_bytes() == before


def test_labels_of_no_session_cannot_be_saved_as_one(
    plugins: Any, viewer: ViewerModel, tmp_path: Path
) -> None:
    viewer.add_labels(scenes.touching.truth)
    writer = choose(plugins, ["labels"], "write_session")
    with pytest.raises(RuntimeError, match="CTC folder"):
        viewer.layers.save(str(tmp_path / "out"), _writer=writer)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "kinds", [["labels"], ["image", "labels"], ["image", "labels", "points", "shapes"]]
)
def test_napari_stays_the_first_choice(plugins: Any, kinds: list[str]) -> None:
    writers = [writer.plugin_name for writer in plugins.iter_compatible_writers(kinds)]
    assert set(writers) == {"napari", PLUGIN}
    assert writers.index(PLUGIN) > max(
        index for index, name in enumerate(writers) if name == "napari"
    )


def test_what_only_we_can_write_needs_no_plugin_named(
    viewer: ViewerModel, tmp_path: Path
) -> None:
    viewer.add_labels(scenes.divides.truth)
    viewer.add_tracks(track_vertices(scenes.divides.truth))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert viewer.layers.save(str(tmp_path / "out"))
    assert (tmp_path / "out" / "res_track.txt").is_file()
