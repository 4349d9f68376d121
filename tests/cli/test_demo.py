"""``sam-i2v demo``, with the threshold engine in the network's place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from fakes import ThresholdPredictor
from napari_sam_i2v import backends
from napari_sam_i2v.cli import main
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.tracking import load_session


class Copier(ThresholdPredictor):
    """Finds every object where it was first seen."""

    def segment(self, frame, object_id, prompts):
        answer = super().segment(frame, object_id, prompts)
        self.memories[object_id] = answer
        return answer

    def track(self, frame, object_ids, *, reverse=False):
        first = {object_id: self.memories[object_id] for object_id in object_ids}
        return {
            object_id: ObjectMask(
                frame=frame,
                object_id=object_id,
                offset=seen.offset,
                logits=seen.logits,
                predicted_iou=0.5,
                object_score=1.0,
            )
            for object_id, seen in first.items()
        }


def test_the_demo_shows_the_whole_way(tmp_path: Path, monkeypatch, capfd) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(
        backends.BACKENDS, "sam-i2v-cell", lambda name, video, **options: Copier(video)
    )
    assert main(["demo"]) == 0
    shown = capfd.readouterr().out
    assert shown.split()[:4] == ["object", "seen", "frames", "J"]
    mean = [line for line in shown.splitlines() if line.split()[:1] == ["all"]]
    assert 0 < float(mean[0].split()[1]) < 1
    out = Path("sam-i2v-demo")
    labels = tifffile.imread(out / "masklets.tif")
    truth = tifffile.imread(out / "labels.tif")
    assert labels.shape == truth.shape
    np.testing.assert_array_equal(labels[0], truth[0])
    with Image.open(out / "overlay.png") as overlay:
        assert overlay.width > 500
    named = json.loads((out / "session.json").read_text())["files"]
    found = {path.name for path in out.iterdir()} - {"session.json"}
    assert found <= set(named)

    assert load_session(out).shape == truth.shape, "it knows where its movie is"
    assert main(["evaluate", "--pred", str(out), "--truth", str(out)]) == 0
    capfd.readouterr()
    (out / "notes.txt").write_text("mine")
    assert main(["demo", "--quiet"]) == 0
    assert (out / "notes.txt").exists()


def test_the_demo_replaces_only_what_it_made(tmp_path: Path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    out = Path("sam-i2v-demo")
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    assert main(["demo"]) == 2
    assert "is not empty" in capfd.readouterr().err
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("kind", ["stack", "folder"])
def test_existing_results_are_scored(tmp_path: Path, capfd, kind: str) -> None:
    truth = np.zeros((3, 20, 20), np.uint16)
    truth[:, 4:12, 4:12] = 1
    truth[:, 14:18, 14:18] = 2
    predicted = truth.copy()
    predicted[1:, 8:12, 4:12] = 0
    pred, known = tmp_path / "pred.tif", tmp_path / "labels.tif"
    tifffile.imwrite(pred, predicted, photometric="minisblack")
    tifffile.imwrite(known, truth, photometric="minisblack")
    where = known if kind == "stack" else tmp_path
    assert main(["evaluate", "--pred", str(pred), "--truth", str(where)]) == 0
    names, figures = (line.split() for line in capfd.readouterr().out.splitlines())
    assert figures[names.index("j")] == "0.750"
    assert figures[names.index("objects")] == "2"


def test_simulating_writes_a_movie_with_its_truth(tmp_path: Path, capfd) -> None:
    words = "--frames 2 --size 48 64 --cells 3 --seed 1".split()
    assert main(["simulate", "--out", str(tmp_path / "a"), *words]) == 0
    assert tifffile.imread(tmp_path / "a" / "images.tif").shape == (2, 48, 64)
    assert len(capfd.readouterr().out.splitlines()) == 6
    assert main(["simulate", "--out", str(tmp_path / "b"), *words]) == 0
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert main(["simulate", "--out", str(tmp_path / "a"), *words]) == 2
