"""``sam-i2v simulate``: a movie of cells with its truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_sam_i2v.cli.tables import print_table
from napari_sam_i2v.errors import InputError

NAMES = {"body": "kind of outline", "look": "how the cells are imaged"}
NUMBERS = {
    "diameter": "typical cell diameter in pixels (of rods: their width)",
    "speed": "typical step in diameters per frame",
    "deformation": "how fast outlines change, 0 to about 1",
    "division-rate": "divisions per cell and frame",
    "death-rate": "deaths per cell and frame",
    "drift": "largest stage drift in pixels per frame",
    "drops": "part of the frames that the recording lost",
    "noise": "camera noise: 0 is clean, 1 is barely usable",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``simulate`` to the command line."""
    parser = subparsers.add_parser(
        "simulate",
        help="make a movie of cells with labels",
        description="What is not given is drawn from the seed.",
    )
    add = parser.add_argument
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--out", type=Path, metavar="DIR", help="an empty or new folder for the movie"
    )
    target.add_argument(
        "--sheet", type=Path, metavar="PNG", help="one picture of every kind instead"
    )
    add("--modality", default="nuclei", metavar="NAME", help="kind of cells")
    for name, meaning in NAMES.items():
        add(f"--{name}", metavar="NAME", help=meaning)
    add("--frames", type=int, default=30, metavar="N")
    add("--size", type=int, nargs=2, default=(256, 256), metavar=("H", "W"))
    add("--cells", type=int, default=40, metavar="N", help="cells in the first frame")
    for name, meaning in NUMBERS.items():
        add(f"--{name}", type=float, metavar="X", help=meaning)
    add("--seed", type=int, default=0, metavar="N")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate a movie and write it."""
    if arguments.sheet is not None:
        return draw_sheet(arguments.sheet)
    from napari_sam_i2v.simulation.settings import SimulationSettings
    from napari_sam_i2v.simulation.simulate import simulate
    from napari_sam_i2v.simulation.write import write_movie, write_visibility

    height, width = arguments.size
    options = [*NAMES, *(name.replace("-", "_") for name in NUMBERS)]
    settings = SimulationSettings(
        modality=arguments.modality,
        frames=arguments.frames,
        height=height,
        width=width,
        cells=arguments.cells,
        seed=arguments.seed,
        **{name: getattr(arguments, name) for name in options},
    )
    check_empty(arguments.out)
    movie = simulate(settings)
    paths = write_movie(movie, arguments.out)
    paths.append(write_visibility(movie, arguments.out))
    rows = [(str(path), f"{path.stat().st_size / 1e6:.2f} MB") for path in paths]
    print_table(("file", "size"), rows)
    return 0


def draw_sheet(path: Path) -> int:
    """Draw everything that can be simulated."""
    from napari_sam_i2v.simulation.gallery import draw_gallery

    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for the sheet")
    draw_gallery(path)
    print(path)
    return 0


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds something."""
    for parent in (folder, *folder.parents):
        if parent.exists() and not parent.is_dir():
            raise InputError(f"{parent} is a file; a movie needs a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; choose another folder")
