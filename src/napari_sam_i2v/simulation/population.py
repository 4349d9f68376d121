"""The cells of a movie: how they start, divide, die, enter and leave."""

from __future__ import annotations

import copy

import numpy as np

from napari_sam_i2v.simulation.cell import Cell, Vector, deform, new_cell
from napari_sam_i2v.simulation.chains import LONGEST_CHAIN, append, hold_together
from napari_sam_i2v.simulation.dynamics import AREA, Dynamics
from napari_sam_i2v.simulation.motion import push_apart, walk
from napari_sam_i2v.simulation.settings import SimulationSettings
from napari_sam_i2v.simulation.skeleton import ROUNDED

DEATH_STEP = 0.2


class Population:
    """All cells in and around the field of view, advanced frame by frame.

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
        self.size = np.array([settings.height, settings.width], float)
        reach = dynamics.radius * np.sqrt(AREA[dynamics.body] / np.pi)
        # A tissue is dense: cells far outside cost much and show little.
        self.margin = (1.8 if dynamics.confluent else 2.5) * reach
        self.director = rng.uniform(0, 2 * np.pi)
        self.cells: list[Cell] = []
        world = self.size + 2 * self.margin
        # Cells are seen before their centre is in view; a tissue must stay filled.
        seen = self.size + (0.5 if dynamics.confluent else 0.8) * self.margin
        count = max(1, round(settings.cells * world.prod() / seen.prod()))
        # Division must not fill the memory however long the movie is.
        self.capacity = 2 * count + 20
        # Colonies come from few founders; a quarter of linked rods are first ones.
        founders = {"colony": count // 14, "chain": count // 4}
        for centre in self._places(max(1, founders.get(dynamics.arrangement, count))):
            self.cells.append(new_cell(dynamics, centre, self.director, rng))
        if dynamics.arrangement == "chain":
            self.cells = self._linked(self.cells)
        if dynamics.arrangement == "colony":
            self._grow_to(count)
        self._settle(rounds=25)

    def _places(self, count: int) -> list[Vector]:
        """Draw where the cells start: anywhere, or next to an earlier one."""
        # The first one is in view, or a movie of one cell might show none.
        places = [self.size * self.rng.uniform(0.25, 0.75, 2)]
        low, high = -self.margin, self.size + self.margin
        near = 1.6 * self.dynamics.radius
        singles = max(2, count // 8)
        for _ in range(count - 1):
            clustered = self.rng.random() < self.dynamics.clustering
            if clustered and len(places) >= singles:
                start = places[self.rng.integers(len(places))]
                places.append(start + self.rng.normal(0, near, 2))
            else:
                places.append(self.rng.uniform(low, high))
        return places

    def _linked(self, founders: list[Cell]) -> list[Cell]:
        """Let a chain begin at each of the founders."""
        rods = []
        for rod in founders:
            rods.append(rod)
            for _ in range(self.rng.integers(LONGEST_CHAIN)):
                turn = self.rng.normal(0, 0.15)
                rod = new_cell(self.dynamics, rod.centre, rod.angle + turn, self.rng)
                rod.angle = rods[-1].angle + turn
                append(rods[-1], rod)
                rods.append(rod)
        return rods

    def _grow_to(self, count: int) -> None:
        """Let founders divide until there are enough cells."""
        longest = self.dynamics.longest
        while len(self.cells) < count:
            grown: list[Cell] = []
            for rod in self.cells:
                rod.length += 0.12 * (rod.length + 2 * rod.radius)
                due = rod.length > longest * rod.radius * self.rng.uniform(0.8, 1.2)
                grown.extend(self._cut(rod) if due else [rod])
            self.cells = grown
            self._settle(rounds=3)

    def _settle(self, rounds: int) -> None:
        """Let cells push each other, and linked ones pull."""
        if self.dynamics.arrangement != "chain":
            push_apart(self.cells, self.dynamics.crowding, rounds)
            return
        for _ in range(rounds // 2):
            push_apart(self.cells, self.dynamics.crowding, 1)
            hold_together(self.cells, 2)

    def step(self, shift: Vector) -> None:
        """Advance all cells by one frame.

        Parameters
        ----------
        shift
            Movement of the stage since the last frame, ``(y, x)`` pixels.
        """
        walk(self.cells, self.dynamics, self.rng)
        survivors: list[Cell] = []
        for cell in self.cells:
            cell.centre = cell.centre + shift
            deform(cell, self.dynamics, self.rng)
            survivors.extend(self._live(cell))
        self.cells = survivors
        self._settle(rounds=4 if self.dynamics.rods else 2)
        for cell in self.cells:
            self._hang_bud(cell)
            self._wrap(cell)

    def _live(self, cell: Cell) -> list[Cell]:
        """Age a cell by one frame; what is left of it, or its daughters."""
        rng, dynamics = self.rng, self.dynamics
        if cell.dying:
            cell.dying += DEATH_STEP
            cell.radius *= 0.9
            return [cell] if cell.dying < 1 else []
        if rng.random() < dynamics.death_rate:
            cell.dying = DEATH_STEP
            return [cell]
        cell.due -= 1
        if dynamics.division == "fission":
            return self._grow_rod(cell)
        if dynamics.division == "bud":
            return self._maybe_bud(cell)
        if cell.dividing:
            cell.mitosis = min(1.0, cell.mitosis + dynamics.mitosis_step)
            if cell.mitosis == 1.0:
                return self._split(cell)
            return [cell]
        cell.mitosis = max(0.0, cell.mitosis - 0.6 * dynamics.mitosis_step)
        full = len(self.cells) >= self.capacity
        if cell.due <= 0 and cell.rounded == 0 and not full:
            cell.dividing = True
        return [cell]

    def _daughter(self, mother: Cell, offset: Vector) -> Cell:
        """A young copy of a mother, `offset` pixels from her centre."""
        rng, dynamics = self.rng, self.dynamics
        child = copy.copy(mother)
        fresh = new_cell(dynamics, mother.centre + offset, mother.angle, rng)
        child.centre, child.texture, child.due = fresh.centre, fresh.texture, fresh.due
        child.modes = 0.5 * mother.modes + 0.5 * fresh.modes
        child.phases, child.phase_rates = fresh.phases, fresh.phase_rates
        child.arms, child.rest_arms = fresh.arms, fresh.rest_arms
        child.corners, child.rest_corners = fresh.corners, fresh.rest_corners
        child.spots, child.nucleoli = fresh.spots, fresh.nucleoli
        child.velocity = 0.5 * mother.velocity
        child.brightness = mother.brightness * np.exp(rng.normal(0, 0.1))
        child.adult_radius = 0.92 * mother.adult_radius
        child.track_id, child.parent = 0, mother.track_id
        child.dividing = False
        return child

    def _split(self, mother: Cell) -> list[Cell]:
        plate = self.dynamics.division == "plate"
        # A metaphase plate splits across its long axis, a round cell along it.
        axis = mother.axis[::-1] * [1, -1] if plate else mother.axis
        apart = 0.36 if plate else 0.72 * ROUNDED if len(mother.corners) else 0.72
        daughters = []
        for side in (-1, 1):
            child = self._daughter(mother, side * apart * mother.radius * axis)
            child.radius = 0.72 * mother.radius
            child.angle = mother.angle + self.rng.normal(0, 0.2)
            if plate:
                # Two thin plates, pulled apart over the next frames.
                child.stretch = 0.5 * mother.stretch
                child.plate = mother.plate
                child.velocity = side * 0.3 * mother.radius * axis
            daughters.append(child)
        return daughters

    def _grow_rod(self, rod: Cell) -> list[Cell]:
        """Lengthen a rod exponentially and cut it when it is long enough."""
        rng = self.rng
        crowded = len(self.cells) >= self.capacity
        growth = 0.0 if crowded else self.dynamics.division_rate
        rod.length += growth * (rod.length + 2 * rod.radius)
        longest = self.dynamics.longest * rod.radius
        if not growth or rod.length < longest or rng.random() > 0.4:
            return [rod]
        return self._cut(rod)

    def _cut(self, rod: Cell) -> list[Cell]:
        rng = self.rng
        daughters = []
        for side in (-1, 1):
            offset = side * (rod.length / 4 + rod.radius / 2) * rod.axis
            child = self._daughter(rod, offset)
            child.length = rod.length / 2 - rod.radius
            child.angle = rod.angle + rng.normal(0, 0.12)
            daughters.append(child)
        if self.dynamics.arrangement == "chain":
            daughters[0].behind = daughters[1]
            for other in self.cells:
                if other.behind is rod:
                    other.behind = daughters[0]
        return daughters

    def _maybe_bud(self, mother: Cell) -> list[Cell]:
        """Let a bud grow out of an adult yeast cell; the mother lives on."""
        if mother.mother is not None or mother.due > 0:
            return [mother]
        mother.due = self.rng.exponential(1 / self.dynamics.division_rate)
        if len(self.cells) >= self.capacity or mother.radius < 0.8 * (
            self.dynamics.radius
        ):
            return [mother]
        bud = self._daughter(mother, np.zeros(2))
        bud.radius, bud.parent = 0.3 * mother.radius, 0
        bud.adult_radius = mother.adult_radius * self.rng.uniform(0.75, 0.98)
        bud.mother, bud.bud_angle = mother, self.rng.uniform(0, 2 * np.pi)
        self._hang_bud(bud)
        return [mother, bud]

    def _hang_bud(self, bud: Cell) -> None:
        """Keep a bud on its mother's surface until it is grown."""
        mother = bud.mother
        if mother is None:
            return
        if bud.radius > 0.85 * bud.adult_radius or mother.dying:
            bud.mother = None
            return
        out = np.array([np.sin(bud.bud_angle), np.cos(bud.bud_angle)])
        bud.centre = mother.centre + out * (mother.radius + 0.85 * bud.radius)
        bud.angle = bud.bud_angle

    def _wrap(self, cell: Cell) -> None:
        """Replace a cell that is far outside by a new one coming in opposite."""
        low, high = -self.margin, self.size + self.margin
        inside = (cell.centre >= low) & (cell.centre < high)
        if inside.all():
            return
        span = high - low
        cell.centre = low + np.mod(cell.centre - low, span)
        cell.track_id = cell.parent = 0
        cell.mother = cell.behind = None
        for other in self.cells:
            if other.behind is cell:
                other.behind = None
        cell.texture = (int(self.rng.integers(256)), int(self.rng.integers(256)))
