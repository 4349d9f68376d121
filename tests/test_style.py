"""The formatter, the linter and the type checker have nothing to say."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from sources import ROOT

CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
}


@pytest.mark.parametrize(
    "name", ["format", "lint", pytest.param("types", marks=pytest.mark.slow)]
)
def test_check_passes(name: str) -> None:
    tool, *arguments = CHECKS[name]
    if find_spec(tool) is None:
        pytest.skip(f"{tool} is not installed")
    command = [sys.executable, "-m", tool, *arguments]
    check = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
