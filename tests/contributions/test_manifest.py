"""The manifest holds together, and importing what it names stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sources import PACKAGE

MANIFEST = yaml.safe_load((PACKAGE / "napari.yaml").read_text())
CONTRIBUTIONS = MANIFEST["contributions"]
TARGETS = {each["id"]: each["python_name"] for each in CONTRIBUTIONS["commands"]}
HEAVY = ("torch", "torchvision")


def run(script: str, folder: Path) -> str:
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_the_manifest_is_valid(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "npe2", "validate", str(PACKAGE / "napari.yaml")]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout + shown.stderr


@pytest.mark.parametrize("package", ["contributions", "widgets"])
def test_what_it_names_is_there_and_light(package: str, tmp_path: Path) -> None:
    home = f"napari_sam_i2v.{package}."
    names = [name for name in TARGETS.values() if name.startswith(home)]
    lines = [f"from {name.replace(':', ' import ')}" for name in names]
    script = "\n".join([*lines, "import sys; print(*sys.modules)"])
    loaded = {name.partition(".")[0] for name in run(script, tmp_path).split()}
    assert not loaded & set(HEAVY)
    if package == "contributions":
        assert not loaded & {"napari", "dask", "qtpy", "PyQt6", "PySide6"}


def test_everything_it_names_is_in_one_of_two_packages() -> None:
    packages = {name.split(".")[1] for name in TARGETS.values()}
    assert packages == {"contributions", "widgets"}


def test_every_contribution_has_its_command() -> None:
    used = [
        each["command"]
        for kind in ("widgets", "readers", "writers", "sample_data")
        for each in CONTRIBUTIONS[kind]
    ]
    used += [
        each["command"] for menu in CONTRIBUTIONS["menus"].values() for each in menu
    ]
    assert set(used) <= set(TARGETS)


def test_no_reader_takes_any_file() -> None:
    patterns = [each["filename_patterns"] for each in CONTRIBUTIONS["readers"]]
    assert all(len(one.strip("*.")) > 8 for several in patterns for one in several)


def test_napari_knows_what_is_contributed(plugins: Any) -> None:
    manifest = plugins.get_manifest("napari-sam-i2v")
    given = manifest.contributions
    assert [widget.display_name for widget in given.widgets] == [
        "Segment & track",
        "Fine-tune",
    ]
    assert set(given.menus) == {"napari/layers/segment", "napari/layers/track"}
    assert set(given.configurations["tracking"].properties) == {
        "model",
        "device",
        "cache_folder",
        "memory_limit_gb",
    }
