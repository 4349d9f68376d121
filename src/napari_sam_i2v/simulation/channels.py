"""A mother machine: rods in narrow dead-end channels, pushed out at the mouth."""

from __future__ import annotations

import copy

import numpy as np

from napari_sam_i2v.simulation.cell import Cell, Vector, deform, new_cell
from napari_sam_i2v.simulation.dynamics import Dynamics
from napari_sam_i2v.simulation.population import DEATH_STEP
from napari_sam_i2v.simulation.settings import Array, SimulationSettings


class Channels:
    """All rods of a mother machine, advanced frame by frame.

    Parameters
    ----------
    settings
        The movie's settings.
    dynamics
        Behaviour of its cells.
    rng
        Source of all events.
    """

    def __init__(
        self,
        settings: SimulationSettings,
        dynamics: Dynamics,
        rng: np.random.Generator,
    ) -> None:
        self.dynamics = dynamics
        self.rng = rng
        height, width = settings.height, settings.width
        radius = dynamics.radius
        # Down or up the picture; a channel's own axis starts at its dead end.
        self.down = float(rng.choice([-1.0, 1.0]))
        self.depth = height * rng.uniform(0.45, 0.8)
        closed = height * rng.uniform(0.04, 0.15)
        self.end = closed if self.down > 0 else height - closed
        self.half_width = radius * rng.uniform(1.1, 1.3)
        fitting = self.depth / (0.6 * dynamics.longest * radius + 2 * radius)
        wanted = settings.cells / max(1.0, 0.8 * fitting)
        count = int(np.clip(round(wanted), 1, max(1, width // (3.2 * radius))))
        pitch = width / count
        self.columns = pitch * (np.arange(count) + rng.uniform(0.3, 0.7))
        self.drift = np.zeros(2)
        self.channels = [
            # The first one is not empty, or a small movie might show nothing.
            self._fill(column, least=int(index == 0))
            for index, column in enumerate(self.columns)
        ]

    @property
    def cells(self) -> list[Cell]:
        """All rods."""
        return [rod for channel in self.channels for rod in channel]

    def step(self, shift: Vector) -> None:
        """Advance all rods by one frame.

        Parameters
        ----------
        shift
            Movement of the stage since the last frame, ``(y, x)`` pixels.
        """
        self.drift = self.drift + shift
        for index, channel in enumerate(self.channels):
            grown: list[Cell] = []
            for rod in channel:
                rod.centre = rod.centre + shift
                deform(rod, self.dynamics, self.rng)
                grown.extend(self._live(rod))
            self.channels[index] = self._stack(grown, self.columns[index])

    def draw_walls(self, field: Array, offset: Vector, contrast: float) -> None:
        """Add the channels' walls to a background, in place.

        Parameters
        ----------
        field
            ``(H, W)``, larger than the frame.
        offset
            Where the first frame's corner lies in it, ``(y, x)``.
        contrast
            Brightness of a wall; negative is dark.
        """
        y = np.arange(field.shape[0], dtype=np.float32) - np.float32(offset[0])
        x = np.arange(field.shape[1], dtype=np.float32) - np.float32(offset[1])
        inward = self.down * (y - np.float32(self.end))
        within = (np.clip(inward, 0, 2) - np.clip(inward - self.depth, 0, 2)) / 2
        away = np.abs(x[:, None] - self.columns.astype(np.float32)).min(axis=1)
        wall = np.exp(-(((away - self.half_width - 1.2) / 1.1) ** 2))
        inside = (away < self.half_width).astype(np.float32)
        profile = wall - 0.35 * inside
        profile -= 0.5 * np.exp(-(((away - self.half_width - 3.6) / 1.5) ** 2))
        picture = np.outer(within, profile)
        # The rim of the trench that the channels open into, and their closed ends.
        rim = np.exp(-(((inward - self.depth - 1.5) / 1.5) ** 2))
        picture += np.outer(rim, 1 - inside)
        closed = np.exp(-(((inward + 1.2) / 1.1) ** 2))
        picture += np.outer(closed, away < self.half_width + 1.2)
        field += np.float32(contrast) * picture.astype(np.float32)

    def _fill(self, column: float, least: int) -> list[Cell]:
        """Draw the rods of a channel, at least so many; some channels are empty."""
        rng = self.rng
        rods: list[Cell] = []
        full = self.depth * (rng.uniform(0.5, 1.1) if rng.random() < 0.92 else 0)
        used = 0.0
        along = self.down * np.pi / 2
        while True:
            rod = new_cell(self.dynamics, np.zeros(2), along, rng)
            rod.angle = along + rng.normal(0, 0.03)
            used += rod.length + 2 * rod.radius
            if used > full and len(rods) >= least:
                return self._stack(rods, column)
            rods.append(rod)

    def _live(self, rod: Cell) -> list[Cell]:
        """Grow or divide a rod, or let it die."""
        rng, dynamics = self.rng, self.dynamics
        if rod.dying or rng.random() < dynamics.death_rate:
            rod.dying += DEATH_STEP
            return [rod] if rod.dying < 1 else []
        rod.length *= np.exp(dynamics.division_rate * rng.uniform(0.7, 1.3))
        if rod.length < dynamics.longest * rod.radius or rng.random() > 0.5:
            return [rod]
        daughters = []
        share = rng.uniform(0.45, 0.55)
        for part in (share, 1 - share):
            child = copy.copy(rod)
            child.length = part * rod.length - rod.radius
            child.track_id, child.parent = 0, rod.track_id
            child.brightness = rod.brightness * np.exp(rng.normal(0, 0.05))
            child.texture = (int(rng.integers(256)), int(rng.integers(256)))
            daughters.append(child)
        return daughters

    def _stack(self, rods: list[Cell], column: float) -> list[Cell]:
        """Line rods up from the dead end on; those outside the mouth are lost."""
        kept: list[Cell] = []
        used = self.rng.uniform(0, 0.2) * self.dynamics.radius
        for rod in rods:
            extent = rod.length + 2 * rod.radius
            # Half out, the flow takes it along; the mother at the dead end stays.
            if kept and used + 0.4 * extent > self.depth:
                break
            down = self.end + self.down * (used + extent / 2)
            side = column + self.rng.normal(0, 0.04) * rod.radius
            rod.centre = np.array([down, side]) + self.drift
            along = self.down * np.pi / 2
            rod.angle += 0.5 * (along - rod.angle)
            used += extent * 0.99
            kept.append(rod)
        return kept
