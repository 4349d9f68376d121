"""Rods that stay linked end to end after division."""

from __future__ import annotations

import numpy as np

from napari_sam_i2v.simulation.cell import Cell, Vector

LONGEST_CHAIN = 8
STIFFNESS = 0.2
"""Part of the bend between two rods that is lost per round."""


def end_of(rod: Cell, side: int) -> Vector:
    """The tip of a rod, ``(y, x)``; `side` is 1 or -1."""
    tip: Vector = rod.centre + side * (rod.length / 2 + rod.radius) * rod.axis
    return tip


def append(rod: Cell, follower: Cell) -> None:
    """Put a rod behind another one and link them, in place."""
    follower.centre = end_of(rod, 1) + follower.axis * (
        follower.length / 2 + follower.radius
    )
    rod.behind = follower


def hold_together(rods: list[Cell], rounds: int) -> None:
    """Pull linked rods to each other and stretch their chains, in place.

    Parameters
    ----------
    rods
        All rods of a movie; a link to a rod that is not among them is dropped.
    rounds
        How often to repeat.
    """
    here = {id(rod) for rod in rods}
    for rod in rods:
        if rod.behind is not None and id(rod.behind) not in here:
            rod.behind = None
    linked = [(rod, rod.behind) for rod in rods if rod.behind is not None]
    for _ in range(rounds):
        for front, back in linked:
            bend = (back.angle - front.angle + np.pi) % (2 * np.pi) - np.pi
            front.angle += STIFFNESS / 2 * bend
            back.angle -= STIFFNESS / 2 * bend
            gap = end_of(front, 1) - end_of(back, -1)
            front.centre = front.centre - gap / 2
            back.centre = back.centre + gap / 2
