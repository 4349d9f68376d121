"""What an annotator is doing, as a value for people to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from napari_sam_i2v.session.settings import DEFAULT_MODEL, Divisions, Neighbours, Views

Phase = Literal["off", "loading", "ready", "busy", "failed"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a propagation is.

    Attributes
    ----------
    done, total
        Frames visited, and to be visited.
    seconds_left
        From the pace so far; ``None`` before the first frame.
    """

    done: int
    total: int
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class Status:
    """What an annotator is doing.

    Attributes
    ----------
    phase
        ``off`` before the start, ``loading`` while the model is, ``ready``, ``busy``
        with a propagation, or ``failed`` where the model could not be loaded.
    text
        The same for people.
    waiting
        Prompts and actions that wait.
    progress
        Of a propagation.
    """

    phase: Phase = "off"
    text: str = ""
    waiting: int = 0
    progress: Progress | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an annotator is started with.

    Attributes
    ----------
    model
        Name of a model, or path of its YAML file.
    checkpoint
        Its weights; by default those known by its name.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    views
        ``frame``, ``objects`` or ``auto``.
    cell_size
        Diameter of a typical cell in pixels, as a hint.
    divisions
        ``end`` or ``ignore``: whether cells end where they divide, or are doubtful.
    neighbours
        ``contend`` or ``ignore``: whether cells that are followed together contend for
        pixels that several of them claim.
    channel
        Of a layer with channels, or up to three of them to be seen together; by
        default the one that is shown.
    time_axis
        The layer's axis of time; by default the slider's.
    as_seen
        Whether the layer's contrast limits and gamma are what the network sees;
        otherwise the movie's percentiles.
    """

    model: str = DEFAULT_MODEL
    checkpoint: str | None = None
    device: str = "auto"
    views: Views = "auto"
    cell_size: float | None = None
    divisions: Divisions = "end"
    neighbours: Neighbours = "contend"
    channel: int | tuple[int, ...] | None = None
    time_axis: int | None = None
    as_seen: bool = True
