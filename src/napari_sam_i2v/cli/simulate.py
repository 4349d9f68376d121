"""``sam-i2v simulate``: a movie of cells with its truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_sam_i2v.cli.tables import print_table
from napari_sam_i2v.errors import InputError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``simulate`` to the command line."""
    parser = subparsers.add_parser("simulate", help="make a movie of cells with labels")
    add = parser.add_argument
    add("--out", type=Path, required=True, metavar="DIR", help="an empty or new folder")
    add("--modality", default="nuclei", metavar="NAME", help="kind of cells")
    add("--frames", type=int, default=30, metavar="N")
    add("--size", type=int, nargs=2, default=(256, 256), metavar=("H", "W"))
    add("--cells", type=int, default=40, metavar="N", help="cells in the first frame")
    add("--seed", type=int, default=0, metavar="N")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate a movie and write it."""
    from napari_sam_i2v.simulation.settings import SimulationSettings
    from napari_sam_i2v.simulation.simulate import simulate
    from napari_sam_i2v.simulation.write import write_movie

    height, width = arguments.size
    settings = SimulationSettings(
        modality=arguments.modality,
        frames=arguments.frames,
        height=height,
        width=width,
        cells=arguments.cells,
        seed=arguments.seed,
    )
    check_empty(arguments.out)
    paths = write_movie(simulate(settings), arguments.out)
    rows = [(str(path), f"{path.stat().st_size / 1e6:.2f} MB") for path in paths]
    print_table(("file", "size"), rows)
    return 0


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds something."""
    for parent in (folder, *folder.parents):
        if parent.exists() and not parent.is_dir():
            raise InputError(f"{parent} is a file; a movie needs a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; choose another folder")
