"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of real movies with labels; NAPARI_SAM_I2V_DATA says where it is."""
    default = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("NAPARI_SAM_I2V_DATA", default))
    if not (folder / "README.md").is_file():
        pytest.skip("no movies: set NAPARI_SAM_I2V_DATA to their folder")
    return folder


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where annotators keep their sessions; the model ``threshold`` is known."""
    from fakes import build_threshold
    from napari_sam_i2v import backends

    monkeypatch.setenv("NAPARI_SAM_I2V_SESSIONS", str(tmp_path / "sessions"))
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    return tmp_path / "sessions"


@pytest.fixture
def notes() -> Iterator[list[str]]:
    """What napari's user was told, as ``severity: message``."""
    from napari.utils.notifications import notification_manager

    said: list[str] = []

    def listen(note: Any) -> None:
        said.append(f"{note.severity.value}: {note.message}")

    notification_manager.notification_ready.connect(listen)
    yield said
    notification_manager.notification_ready.disconnect(listen)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, and put files that open viewers last.

    Software OpenGL and Triton, which torch's optimizers import, each bring an LLVM.
    Triton crashes the process when it is loaded after the other's. Slow files come
    first, so that processes that share the tests end together.
    """
    marked = {name: _files_with(name, items) for name in ("qt", "slow")}
    items.sort(
        key=lambda item: (item.path in marked["qt"], item.path not in marked["slow"])
    )
    needs_gpu = [item for item in items if item.get_closest_marker("gpu")]
    needs_screen = [item for item in items if item.get_closest_marker("qt")]
    if needs_gpu and not _has_cuda():
        _skip(needs_gpu, "no CUDA device")
    if needs_screen and not _has_screen():
        _skip(needs_screen, "no screen: run 'python dev.py test', or use xvfb-run")


def _files_with(marker: str, items: list[pytest.Item]) -> set[Path]:
    return {item.path for item in items if item.get_closest_marker(marker)}


def _skip(items: list[pytest.Item], reason: str) -> None:
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def _has_screen() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
