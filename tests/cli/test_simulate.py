"""``sam-i2v simulate``: any kind of movie, or one picture of all of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from napari_sam_i2v.cli import main

SMALL = "--frames 3 --size 64 64 --cells 6".split()


def test_every_option_arrives_in_the_settings(tmp_path: Path) -> None:
    options = {
        "modality": "phase",
        "body": "sheet",
        "look": "phase",
        "diameter": 20.0,
        "speed": 0.1,
        "deformation": 0.4,
        "division_rate": 0.02,
        "death_rate": 0.01,
        "drift": 0.5,
        "drops": 0.2,
        "noise": 0.1,
        "seed": 4,
    }
    words = [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    assert main(["simulate", "--out", str(tmp_path), *SMALL, *words]) == 0
    written = json.loads((tmp_path / "settings.json").read_text())
    assert written | options == written


def test_visibility_has_a_column_for_each_track(tmp_path: Path) -> None:
    words = "--modality membrane --seed 2".split()
    assert main(["simulate", "--out", str(tmp_path), *SMALL, *words]) == 0
    labels = tifffile.imread(tmp_path / "labels.tif")
    with (tmp_path / "visibility.csv").open() as file:
        heading, *rows = csv.reader(file)
    tracks = (tmp_path / "man_track.txt").read_text().splitlines()
    ids = [line.split()[0] for line in tracks]
    assert heading == ids
    for frame, row in zip(labels, rows, strict=True):
        shown = {i for i, part in zip(ids, row, strict=True) if float(part) > 0}
        assert shown == {str(i) for i in np.unique(frame[frame > 0])}


def test_a_body_that_the_modality_lacks_is_refused(tmp_path: Path, capfd) -> None:
    words = ["--modality", "yeast", "--body", "sheet"]
    assert main(["simulate", "--out", str(tmp_path / "new"), *words]) == 2
    assert "known: round" in capfd.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_sheet_shows_every_modality(tmp_path: Path, monkeypatch) -> None:
    from napari_sam_i2v.simulation import MODALITIES, gallery

    shown = {settings.modality for _, settings in gallery.CASES}
    assert shown == set(MODALITIES)
    monkeypatch.setattr(gallery, "CASES", gallery.CASES[:4])
    assert main(["simulate", "--sheet", str(tmp_path / "sheet.png")]) == 0
    with Image.open(tmp_path / "sheet.png") as sheet:
        colours = len(sheet.convert("RGB").getcolors(1 << 20))
    assert colours > 20


def test_a_sheet_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert main(["simulate", "--sheet", str(tmp_path / "no" / "sheet.png")]) == 2
