"""What one run of tracking is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.session.actions import DIRECTIONS, Direction

Views = Literal["auto", "frame", "objects"]
VIEWS: tuple[Views, ...] = ("auto", "frame", "objects")
Divisions = Literal["end", "ignore"]
DIVISIONS: tuple[Divisions, ...] = ("end", "ignore")
Neighbours = Literal["contend", "ignore"]
NEIGHBOURS: tuple[Neighbours, ...] = ("contend", "ignore")
DEFAULT_MODEL = "sam-i2v-cell"


@dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """Everything a run depends on but the movie, the prompts and the weights.

    Attributes
    ----------
    model
        Name of a model, or path of its YAML file.
    checkpoint
        Path of its weights; by default those known by its name.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    seed
        For what is drawn at random.
    start, stop
        Frames visited and written, half-open.
    direction
        Which way objects are followed.
    views
        How the network looks at a frame.
    cell_size
        Diameter of a typical object in pixels, as a hint.
    divisions
        Whether a cell that is followed forward ends where it divides, and any cell
        where the network has doubted three of its masks, one after the other; or each
        is followed on as what is there, a daughter, say. Whole-frame views always do
        the latter.
    neighbours
        Whether objects that are followed together contend for pixels that several of
        them claim, or each is followed as if it were alone; whole-frame views always do
        the latter.
    axes
        One letter for each axis of the movie.
    channels
        Channels to use.
    contrast
        Limits given, a pair for each channel or one for all.
    gamma
        Exponents given, one for each channel or one for all.
    """

    model: str = DEFAULT_MODEL
    checkpoint: str | None = None
    device: str = "auto"
    seed: int = 0
    start: int = 0
    stop: int | None = None
    direction: Direction = "forward"
    views: Views = "auto"
    cell_size: float | None = None
    divisions: Divisions = "end"
    neighbours: Neighbours = "contend"
    axes: str | None = None
    channels: tuple[int, ...] | None = None
    contrast: tuple[tuple[float, float], ...] | None = None
    gamma: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what no movie and no model could be run with."""
        if self.direction not in DIRECTIONS:
            known = ", ".join(DIRECTIONS)
            raise InputError(f"direction {self.direction!r} is none of {known}")
        if self.views not in VIEWS:
            raise InputError(f"views {self.views!r} is none of {', '.join(VIEWS)}")
        if self.divisions not in DIVISIONS:
            raise InputError(
                f"divisions {self.divisions!r} is none of {', '.join(DIVISIONS)}"
            )
        if self.neighbours not in NEIGHBOURS:
            raise InputError(
                f"neighbours {self.neighbours!r} is none of {', '.join(NEIGHBOURS)}"
            )
        if self.seed < 0:
            raise InputError(f"seed {self.seed} is negative; give 0 or more")
        if self.cell_size is not None and not 0 < self.cell_size < float("inf"):
            raise InputError(
                f"cell size {self.cell_size:g} is no diameter; give pixels above 0"
            )
