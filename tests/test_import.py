"""What an import costs: no torch, no napari, no Qt before they are needed."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import napari_sam_i2v
from sources import module_name, modules

QT = {"PyQt5", "PyQt6", "PySide2", "PySide6"}
NAPARI_FOLDERS = ("annotator", "contributions")
HEAVY_FOLDERS = ("model", "inference", "training", "widgets")


def loaded_after(*statements: str, folder: Path, warnings: str = "error") -> set[str]:
    """Top-level modules that a fresh interpreter holds after some statements."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    script = "\n".join([*statements, report])
    command = [sys.executable, "-W", warnings, "-c", script]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return set(shown.stdout.split())


def light_modules(*, napari: bool) -> list[str]:
    """Modules that need neither torch nor Qt, and napari or not."""
    return [
        module_name(path)
        for path in modules()
        if path.parent.name not in HEAVY_FOLDERS
        and path.name != "__main__.py"
        and (path.parent.name in NAPARI_FOLDERS) == napari
    ]


def test_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    loaded = loaded_after("import napari_sam_i2v", folder=tmp_path)
    assert not loaded & (QT | {"torch", "napari", "numpy", "qtpy"})


@pytest.mark.parametrize("given", [None, "active"])
def test_threads_sleep_while_they_wait(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    """Or do what the user has asked for."""
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    script = (
        "import napari_sam_i2v, os; "
        "print(os.environ['OMP_WAIT_POLICY'], os.environ.get('GOMP_SPINCOUNT'))"
    )
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == (f"{given} None" if given else "passive 3000")


def test_plain_modules_load_neither_torch_nor_qt(tmp_path: Path) -> None:
    statements = [f"import {name}" for name in light_modules(napari=False)]
    loaded = loaded_after(*statements, folder=tmp_path)
    assert not loaded & (QT | {"torch", "torchvision"})


def test_modules_on_napari_load_neither_torch_nor_qt(tmp_path: Path) -> None:
    statements = [f"import {name}" for name in light_modules(napari=True)]
    # What napari warns of on the way is not ours.
    loaded = loaded_after(*statements, folder=tmp_path, warnings="default")
    assert not loaded & (QT | {"torch", "torchvision"})


def test_what_makes_training_movies_does_without_torch(tmp_path: Path) -> None:
    training = f"{napari_sam_i2v.__name__}.training"
    statements = [f"import {training}.movies, {training}.workers"]
    assert "torch" not in loaded_after(*statements, folder=tmp_path)


def test_the_installed_manifest_is_valid(tmp_path: Path) -> None:
    if find_spec("npe2") is None:
        pytest.skip("npe2 is not installed")
    command = [sys.executable, "-m", "npe2", "validate", "napari-sam-i2v"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stdout + shown.stderr


@pytest.mark.parametrize("name", napari_sam_i2v.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(napari_sam_i2v, name) is not None
    assert name in dir(napari_sam_i2v)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        napari_sam_i2v.nonsense  # noqa: B018
