"""What lives where, what may import what, and how long things may get."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

from sources import PACKAGE, ROOT, imports, modules, parse, tracked_files

NAME = "napari_sam_i2v"
MODULES = modules()

TORCH = ("torch", "torchvision", "safetensors.torch")
QT = ("qtpy", "PyQt5", "PyQt6", "PySide2", "PySide6", "superqt", "pytestqt")
QT += ("napari.qt", "napari._qt")
TORCH_ZONE = (f"{NAME}.model", f"{NAME}.inference", f"{NAME}.training")
QT_ZONE = (f"{NAME}.widgets",)

# What one zone, folder or module may never import, and what it may import in functions.
ZONES = {"model": "torch", "inference": "torch", "training": "torch", "widgets": "qt"}
FORBIDDEN = {
    "plain": TORCH + QT + TORCH_ZONE + QT_ZONE,
    "torch": (*QT, "napari", *QT_ZONE),
    "qt": TORCH + TORCH_ZONE,
}
USE_NAPARI = ("annotator", "contributions", "io")
DEFER_ANYTHING = ("__init__", "backends", "cli")
APART = {
    "model": (f"{NAME}.inference", f"{NAME}.training"),
    "inference": (f"{NAME}.training",),
    "training": (f"{NAME}.inference",),
    # The document and its parts know nothing of those who use them.
    **dict.fromkeys(
        ("errors", "prompts", "masklets", "video", "views", "session"),
        tuple(f"{NAME}.{user}" for user in ("annotator", "cli", "evaluation")),
    ),
}

LONGEST_FILE, MEDIAN_FILE, LONGEST_FUNCTION = 400, 150, 60

TOP_LEVEL = set(
    "src napari.yaml checkpoints configs tests benchmarks docs examples "
    "pyproject.toml .ci dev.py README.md LICENSE CHANGELOG.md .gitignore "
    "constraints.txt".split()
)
LINKS = ("napari.yaml", "configs", "checkpoints")
HOUSEHOLD_WORDS = ("extra-index-url", "find-links", "index-url", "download.pytorch")
MACHINE_PATH = re.compile(
    r"(?<![\w.:/~$}-])/(home|root|work|opt|mnt|srv|data|scratch|Users)/\w"
    r"|\b[A-Z]:\\(?!n|t)\w"
)


def area(path: Path) -> str:
    """Folder or module directly below the package."""
    return Path(path.relative_to(PACKAGE).parts[0]).stem


def is_one_of(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def forbidden(path: Path, deferred: bool) -> tuple[str, ...]:
    home = area(path)
    zone = ZONES.get(home, "plain")
    apart = APART.get(home, ())
    if zone != "plain":
        return FORBIDDEN[zone] + apart
    if deferred and home in DEFER_ANYTHING:
        return ()
    napari = () if home in USE_NAPARI else ("napari",)
    return FORBIDDEN["plain"] + napari + apart


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_stay_in_their_zone(path: Path) -> None:
    wrong = [
        f"line {each.line}: {each.module}"
        for each in imports(path)
        if is_one_of(each.module, forbidden(path, each.deferred))
    ]
    assert not wrong


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in python_files()}
    too_long = {str(path): n for path, n in lengths.items() if n > LONGEST_FILE}
    assert not too_long
    written = [lengths[path] for path in MODULES if lengths[path] > 0]
    assert statistics.median(written) < MEDIAN_FILE


def test_functions_are_short() -> None:
    too_long = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": length
        for path in python_files()
        for function in ast.walk(parse(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := length_without_docstring(function)) > LONGEST_FUNCTION
    }
    assert not too_long


def length_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    length = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is None:
        return length
    docstring = function.body[0]
    return length - (docstring.end_lineno - docstring.lineno + 1)


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


def test_the_top_level_holds_what_it_should() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert found <= TOP_LEVEL
    for name in LINKS:
        link = ROOT / name
        assert not Path(link).readlink().is_absolute()
        assert link.resolve() == PACKAGE / name


def test_no_file_speaks_of_a_machine() -> None:
    wrong = []
    for path in tracked_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, IsADirectoryError):
            continue
        for number, line in enumerate(lines, start=1):
            if path != Path(__file__).resolve() and speaks_of_a_machine(line):
                wrong.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not wrong


def speaks_of_a_machine(line: str) -> bool:
    words = any(word in line for word in HOUSEHOLD_WORDS)
    return words or MACHINE_PATH.search(line) is not None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('open("/home/someone")', True),
        (r"C:\Users\someone", True),
        ("movies in /data/movies", True),
        ("../shared/data/movie", False),
        ("https://github.com/home/data/x", False),
        ('"lines\\n"', False),
    ],
)
def test_machine_paths_are_recognised(line: str, expected: bool) -> None:
    assert speaks_of_a_machine(line) is expected
