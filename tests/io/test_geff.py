"""Tracks as GEFF: what a reader of the format finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scenes
from fakes import tracked
from napari_sam_i2v.io.geff import GEFF_FOLDER, write_geff
from napari_sam_i2v.masklets import Masklets
from scenes import SCENES, Scene

geff = pytest.importorskip("geff")


def read(folder: Path):
    """Read the file with everything the format's package can check."""
    from geff.core_io import read_to_memory
    from geff.validate.data import ValidationConfig, validate_data

    content = read_to_memory(folder / GEFF_FOLDER)
    checks = ValidationConfig(graph=True, lineage=True, tracklet=True)
    if len(content["node_ids"]):
        validate_data(content, checks)
    return geff.read(folder / GEFF_FOLDER, backend="networkx")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_nodes_are_objects_and_edges_their_ways(tmp_path: Path, scene: Scene) -> None:
    write_geff(tracked(scene), tmp_path)
    graph, metadata = read(tmp_path)
    found = {(each["t"], each["object_id"]) for _, each in graph.nodes(data=True)}
    assert found == {
        (frame, object_id)
        for frame in range(scene.n_frames)
        for object_id in np.unique(scene.truth[frame])
        if object_id
    }
    for _, node in graph.nodes(data=True):
        labels = scene.truth[node["t"]] == node["object_id"]
        y, x = (places.mean() for places in labels.nonzero())
        assert (node["y"], node["x"]) == pytest.approx((y, x))
        assert node["area"] == labels.sum()
    for source, target in graph.edges:
        assert graph.nodes[source]["object_id"] == graph.nodes[target]["object_id"]
        assert graph.nodes[source]["t"] < graph.nodes[target]["t"]
    assert len(graph.edges) == len(graph.nodes) - len({i for _, i in found})
    assert metadata.directed
    assert [axis.type for axis in metadata.axes] == ["time", "space", "space"]


def test_a_gap_is_bridged(tmp_path: Path) -> None:
    write_geff(tracked(scenes.leaves_and_returns), tmp_path)
    graph, _ = read(tmp_path)
    steps = [graph.nodes[b]["t"] - graph.nodes[a]["t"] for a, b in graph.edges]
    assert sorted(steps)[-1] > 1


def test_axes_know_the_size_of_a_pixel(tmp_path: Path) -> None:
    masklets = tracked(scenes.moving_disc)
    masklets.pixel_size, masklets.unit = (0.5, 0.25), "µm"
    write_geff(masklets, tmp_path)
    _, metadata = read(tmp_path)
    assert [axis.scale for axis in metadata.axes] == [None, 0.5, 0.25]
    assert [axis.scaled_unit for axis in metadata.axes[1:]] == ["micrometer"] * 2


class Nothing:
    """A session without objects."""

    revision = 0
    object_ids: list[int] = []

    def masks_on(self, frame: int) -> dict:
        return {}

    def approved_on(self, frame: int) -> set:
        return set()


def test_no_objects_make_an_empty_graph(tmp_path: Path) -> None:
    write_geff(Masklets(Nothing(), scenes.empty.truth.shape), tmp_path)
    graph, _ = read(tmp_path)
    assert len(graph) == 0


def test_writing_again_replaces_it(tmp_path: Path) -> None:
    write_geff(tracked(scenes.two_crossing), tmp_path)
    write_geff(tracked(scenes.moving_disc), tmp_path)
    graph, _ = read(tmp_path)
    assert {each["object_id"] for _, each in graph.nodes(data=True)} == {1}
    assert [path.name for path in tmp_path.iterdir()] == [GEFF_FOLDER]
