"""TrackMate's XML: what its reader needs, and what another reader of it finds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from skimage.draw import polygon2mask

import scenes
from fakes import tracked
from napari_sam_i2v.io.trackmate import TRACKMATE_FILE, write_trackmate
from scenes import SCENES, Scene

# What TrackMate's reader asks for without looking whether it is there.
NEEDED = """
Model/FeatureDeclarations/SpotFeatures Model/FeatureDeclarations/EdgeFeatures
Model/FeatureDeclarations/TrackFeatures Model/AllSpots Model/AllTracks
Model/FilteredTracks Settings/ImageData Settings/BasicSettings
Settings/DetectorSettings Settings/InitialSpotFilter Settings/SpotFilterCollection
Settings/TrackerSettings Settings/TrackFilterCollection
Settings/AnalyzerCollection/SpotAnalyzers Settings/AnalyzerCollection/EdgeAnalyzers
Settings/AnalyzerCollection/TrackAnalyzers GUIState DisplaySettings
""".split()
DIMENSIONS = {"NONE", "QUALITY", "COST", "LENGTH", "AREA", "POSITION", "TIME"}


def written(scene: Scene, folder: Path, **pixels: object) -> ElementTree.Element:
    masklets = tracked(scene)
    for name, value in pixels.items():
        setattr(masklets, name, value)
    write_trackmate(masklets, folder)
    return ElementTree.parse(folder / TRACKMATE_FILE).getroot()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_everything_the_reader_needs_is_there(tmp_path: Path, scene: Scene) -> None:
    root = written(scene, tmp_path)
    assert root.tag == "TrackMate"
    assert tuple(map(int, root.get("version").split("."))) >= (2, 1, 0)
    assert [path for path in NEEDED if root.find(path) is None] == []
    json.loads(root.findtext("DisplaySettings"))
    for feature in root.iter("Feature"):
        assert set(feature.attrib) == set(
            "feature name shortname dimension isint".split()
        )
        assert feature.get("dimension") in DIMENSIONS
        assert feature.get("isint") in ("true", "false")
    declared = {
        group.tag: {feature.get("feature") for feature in group}
        for group in root.find("Model/FeatureDeclarations")
    }
    for spot in root.iter("Spot"):
        known = declared["SpotFeatures"] | {"ID", "name", "ROI_N_POINTS"}
        assert set(spot.attrib) == known
    for edge in root.iter("Edge"):
        assert set(edge.attrib) == declared["EdgeFeatures"]
    for track in root.iter("Track"):
        assert set(track.attrib) == declared["TrackFeatures"] | {"name"}
    assert int(root.find("Model/AllSpots").get("nspots")) == len([*root.iter("Spot")])


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_outlines_hold_the_masks(tmp_path: Path, scene: Scene) -> None:
    root = written(scene, tmp_path)
    painted = np.zeros_like(scene.truth)
    for in_frame in root.iter("SpotsInFrame"):
        frame = int(in_frame.get("frame"))
        for spot in in_frame:
            values = np.array([float(number) for number in spot.text.split(" ")])
            xy = values.reshape(int(spot.get("ROI_N_POINTS")), 2)
            xy += float(spot.get("POSITION_X")), float(spot.get("POSITION_Y"))
            mask = polygon2mask(scenes.SIZE, xy[:, ::-1])
            painted[frame][mask] = int(spot.get("OBJECT_ID"))
            assert int(spot.get("FRAME")) == float(spot.get("POSITION_T")) == frame
            area = math.pi * float(spot.get("RADIUS")) ** 2
            assert area == pytest.approx(float(spot.get("AREA")))
    np.testing.assert_array_equal(painted, scene.truth)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_tracks_link_spots_of_one_object(tmp_path: Path, scene: Scene) -> None:
    root = written(scene, tmp_path)
    spots = {spot.get("ID"): spot for spot in root.iter("Spot")}
    assert len(spots) == len([*root.iter("Spot")])
    tracks = [*root.iter("Track")]
    for track in tracks:
        linked = set()
        for edge in track:
            source, target = edge.get("SPOT_SOURCE_ID"), edge.get("SPOT_TARGET_ID")
            assert int(spots[source].get("FRAME")) < int(spots[target].get("FRAME"))
            linked |= {source, target}
        names = {spots[spot].get("name") for spot in linked}
        assert track.get("name") == f"Object {names.pop()}"
        assert not names
        assert len(linked) == len(track) + 1 == int(track.get("NUMBER_SPOTS"))
    shown = [each.get("TRACK_ID") for each in root.iter("TrackID")]
    assert shown == [track.get("TRACK_ID") for track in tracks]


def test_lengths_are_in_the_movies_unit(tmp_path: Path) -> None:
    plain = written(scenes.moving_disc, tmp_path)
    root = written(scenes.moving_disc, tmp_path, pixel_size=(0.5, 0.25), unit="µm")
    assert root.find("Model").get("spatialunits") == "µm"
    assert root.find("Settings/ImageData").get("pixelwidth") == "0.25"
    for spot, in_pixels in zip(root.iter("Spot"), plain.iter("Spot"), strict=True):
        for name, factor in ("POSITION_X", 0.25), ("POSITION_Y", 0.5), ("AREA", 0.125):
            expected = float(in_pixels.get(name)) * factor
            assert float(spot.get(name)) == pytest.approx(expected)
        drawn, expected = (
            np.array([float(number) for number in each.text.split()]).reshape(-1, 2)
            for each in (spot, in_pixels)
        )
        np.testing.assert_allclose(drawn, expected * (0.25, 0.5), atol=1e-3)


@pytest.mark.filterwarnings("ignore:No image folder")
def test_another_reader_finds_the_same_tracks(tmp_path: Path) -> None:
    geff = pytest.importorskip("geff")
    from geff.convert import from_trackmate_xml_to_geff

    written(scenes.two_crossing, tmp_path)
    from_trackmate_xml_to_geff(tmp_path / TRACKMATE_FILE, tmp_path / "read.geff")
    graph, _ = geff.read(tmp_path / "read.geff", backend="networkx")
    assert len(graph) == 16
    assert len(graph.edges) == 14
