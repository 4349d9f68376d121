"""What goes between the viewer and the worker."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_sam_i2v.annotator.autosave import FoundSession
from napari_sam_i2v.annotator.reading import Place, Places
from napari_sam_i2v.annotator.status import Progress
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import Direction, Style

if TYPE_CHECKING:
    from napari_sam_i2v.session.summary import ObjectSummary


@dataclass(frozen=True, kw_only=True, eq=False)
class Update:
    """What the viewer is to show after a job.

    Attributes
    ----------
    frames
        Labels ``(Y, X)`` of frames that changed.
    objects
        All objects, where they may have changed.
    styles
        Names and colours, with `objects`.
    places
        All prompts in force, where the prompt layers may be out of step.
    progress
        Of the propagation that is running.
    found
        An earlier session of the movie.
    text
        What was done, for people.
    """

    frames: Mapping[int, np.ndarray] = field(default_factory=dict)
    objects: list[ObjectSummary] | None = None
    styles: Mapping[int, Style] = field(default_factory=dict)
    places: Places | None = None
    progress: Progress | None = None
    found: FoundSession | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Which frames a propagation visits, and for which objects.

    Attributes
    ----------
    objects
        Ids; ``None`` for all.
    start, stop
        Frames, half-open.
    direction
        Which way.
    """

    objects: tuple[int, ...] | None = None
    start: int = 0
    stop: int | None = None
    direction: Direction = "forward"


class Pending:
    """Prompts that wait to be answered, the latest of every place, in order."""

    def __init__(self) -> None:
        self._places: dict[Place, tuple[Prompt, ...]] = {}
        self._lock = threading.Lock()

    def put(self, place: Place, prompts: tuple[Prompt, ...]) -> None:
        """Have a place answered anew; it keeps its turn if it waits already."""
        with self._lock:
            self._places[place] = prompts

    def take(self) -> tuple[Place, tuple[Prompt, ...]] | None:
        """Take the place whose turn it is."""
        with self._lock:
            if not self._places:
                return None
            place = next(iter(self._places))
            return place, self._places.pop(place)
