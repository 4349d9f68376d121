"""Which frames a propagation visits, in which order, and for which objects.

Forward, every object runs from its first prompted frame; backward, from its last.
Both is backward from the first, then forward from the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from napari_sam_i2v.session.actions import Direction


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One run over consecutive frames.

    Attributes
    ----------
    frames
        Frames in the order of the visits.
    reverse
        Whether the run goes backward in time.
    origins
        Object id to the frame at which it joins.
    seen
        Whether an earlier pass visited the origins and the frames behind them.
    ends
        Object id to the frame at which it leaves, of those that do.
    """

    frames: range
    reverse: bool
    origins: Mapping[int, int]
    seen: bool = False
    ends: Mapping[int, int] = field(default_factory=dict)

    def visited(self, frame: int) -> list[int]:
        """Ids of the objects that are visited on a frame, sorted."""
        if self.reverse:
            due = (i for i, origin in self.origins.items() if frame <= origin)
        elif self.seen:
            due = (i for i, origin in self.origins.items() if frame > origin)
        else:
            due = (i for i, origin in self.origins.items() if frame >= origin)
        return sorted(i for i in due if frame < self.ends.get(i, frame + 1))

    def visited_before(self, frame: int) -> list[int]:
        """Ids of the objects that an earlier pass visited on a frame, sorted."""
        if not self.seen:
            return []
        return sorted(i for i, origin in self.origins.items() if frame <= origin)

    def needing_history(self) -> list[int]:
        """Ids of the objects that this pass meets after their origin, sorted."""
        if not self.frames:
            return []
        first = self.frames[0]
        if self.reverse:
            return sorted(i for i, origin in self.origins.items() if first < origin)
        reach = first - 1 if self.seen else first
        return sorted(i for i, origin in self.origins.items() if reach > origin)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One frame of a pass."""

    frame: int
    run: Pass


def plan(
    prompted: Mapping[int, Sequence[int]],
    start: int,
    stop: int,
    direction: Direction,
    ends: Mapping[int, int],
) -> list[Pass]:
    """Lay out the passes of a propagation.

    Parameters
    ----------
    prompted
        Object id to its prompted frames, at least one each.
    start, stop
        Frames visited, half-open.
    direction
        Which way to go.
    ends
        Object id to the frame from which on it is gone, after all its prompts.

    Returns
    -------
    list of Pass
        Passes that visit something, in order.
    """
    first = {object_id: min(frames) for object_id, frames in prompted.items()}
    last = {object_id: max(frames) for object_id, frames in prompted.items()}
    match direction:
        case "forward":
            passes = [_forward(first, start, stop, ends)]
        case "backward":
            passes = [_backward(last, start, stop)]
        case "both":
            passes = [
                _backward(first, start, stop),
                _forward(first, start, stop, ends, seen=True),
            ]
        case _:
            assert_never(direction)
    return [run for run in passes if run.frames]


def visits(passes: Sequence[Pass]) -> Iterator[Visit]:
    """Yield the frames of all passes in the order of the visits."""
    for run in passes:
        for frame in run.frames:
            yield Visit(frame=frame, run=run)


def count(passes: Sequence[Pass]) -> int:
    """Count the visits of all passes."""
    return sum(len(run.frames) for run in passes)


def _forward(
    origins: Mapping[int, int],
    start: int,
    stop: int,
    ends: Mapping[int, int],
    *,
    seen: bool = False,
) -> Pass:
    earliest = min(origins.values(), default=stop) + seen
    latest = max((ends.get(i, stop) for i in origins), default=stop)
    frames = range(max(start, earliest), min(stop, latest))
    return Pass(frames=frames, reverse=False, origins=origins, seen=seen, ends=ends)


def _backward(origins: Mapping[int, int], start: int, stop: int) -> Pass:
    latest = max(origins.values(), default=start - 1)
    frames = range(min(stop - 1, latest), start - 1, -1)
    return Pass(frames=frames, reverse=True, origins=origins)
