"""How fast movies are simulated: frames per second of one core, for each modality.

``python benchmarks/simulation.py`` simulates movies of 256 x 256 pixels with 50 cells.
Set ``OMP_NUM_THREADS=1``, or a linear algebra library may use more cores than one.
Every movie is simulated three times, and the fastest counts: the others tell more of
what else the machine did.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass

import numpy as np

from napari_sam_i2v.simulation import MODALITIES, SimulationSettings, simulate
from napari_sam_i2v.simulation.modalities import TABLE

GOAL = 20.0
FRAMES = 30
SIDE = 256
CELLS = 50
TIMES = 3
BUSY = 0.25
"""Load per core above which other programs falsify the figures."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast one kind of movie is simulated.

    Attributes
    ----------
    modality, body, look
        Kind of movie.
    median, slowest
        Frames per second of processor time, over the seeds.
    cells
        Mean number of cells in a frame.
    """

    modality: str
    body: str
    look: str
    median: float
    slowest: float
    cells: float


def measure(modality: str, body: str, look: str, seeds: int) -> Speed:
    """Simulate movies of one kind that differ by their seed.

    Parameters
    ----------
    modality, body, look
        Kind of movie.
    seeds
        How many movies.
    """
    rates, counts = [], []
    for seed in range(seeds):
        settings = SimulationSettings(
            modality=modality,
            body=body,
            look=look,
            frames=FRAMES,
            height=SIDE,
            width=SIDE,
            cells=CELLS,
            seed=seed,
        )
        taken = []
        for _ in range(TIMES):
            begun = time.process_time()
            movie = simulate(settings)
            taken.append(time.process_time() - begun)
        rates.append(FRAMES / min(taken))
        counts.append((movie.visibility > 0).sum() / FRAMES)
    return Speed(
        modality=modality,
        body=body,
        look=look,
        median=float(np.median(rates)),
        slowest=min(rates),
        cells=float(np.mean(counts)),
    )


def main() -> None:
    """Measure every modality and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=7, help="movies of each kind")
    parser.add_argument("--only", choices=MODALITIES, help="measure one modality")
    arguments = parser.parse_args()
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        print("The machine is busy: figures will be too low.\n")
    print(f"{SIDE} x {SIDE}, {CELLS} cells, one core; goal {GOAL:.0f} frames/s\n")
    head = ("modality", "body", "look", "frames/s", "slowest", "cells/frame")
    print("{:12}{:10}{:18}{:>9}{:>9}{:>13}".format(*head))
    # The first movie also pays for imports.
    measure("nuclei", "round", "nuclei", 1)
    for modality in [arguments.only] if arguments.only else MODALITIES:
        kinds = TABLE[modality]
        for body in dict.fromkeys(kinds.bodies):
            for look in dict.fromkeys(kinds.looks):
                speed = measure(modality, body, look, arguments.seeds)
                below = "" if speed.median >= GOAL else "  below the goal"
                print(
                    f"{modality:12}{body:10}{look:18}{speed.median:9.1f}"
                    f"{speed.slowest:9.1f}{speed.cells:13.1f}{below}"
                )


if __name__ == "__main__":
    main()
