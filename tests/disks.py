"""Small disks, to be filled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(disk: Path, size: str) -> Iterator[Path]:
    """Mount a disk of a size, as ``512k``, on a folder that is made for it."""
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]
    try:
        subprocess.run(["mount", *options, str(disk)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("disks cannot be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
