"""What the rules of following views are worth: J with one of them changed at a time.

Tracks movies from the true masks of their first frames, once for each variant::

    python benchmarks/views.py FOLDER [FOLDER ...] --frames 32 --json views.json

Folders are as ``sam-i2v evaluate`` takes them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v.evaluation.prompting import PromptKind
from napari_sam_i2v.evaluation.protocol import ProtocolConfig
from napari_sam_i2v.evaluation.running import run_protocol
from napari_sam_i2v.views import Extent, FollowObjects, View

After = Callable[[FollowObjects, View, Extent | None], View]


def _ahead(share: float) -> After:
    """Move on by a share of the last step: motion at constant velocity."""

    def after(self: FollowObjects, view: View, seen: Extent | None) -> View:
        following = _AFTER(self, view, seen)
        if seen is None or following.centre == view.centre:
            return following
        step = np.subtract(seen.centre, view.centre) * share
        y, x = np.add(following.centre, step)
        return View.square((float(y), float(x)), following.extent[0])

    return after


def _widening(factor: float, most: float = 2.0) -> After:
    """Look in a wider square while nothing is seen."""

    def after(self: FollowObjects, view: View, seen: Extent | None) -> View:
        if seen is not None:
            return _AFTER(self, view, seen)
        shape = self._shape
        return View.square(
            view.centre, min(view.extent[0] * factor, most * min(shape) / 2)
        )

    return after


def _resting(self: FollowObjects, view: View, seen: Extent | None) -> View:
    """Never move at all."""
    return view


_AFTER = FollowObjects.after
VARIANTS: dict[str, dict[str, Any]] = {
    "as it ships": {},
    "views of 1.8 diameters": {"_diameters": 1.8},
    "views of 2.6 diameters": {"_diameters": 2.6},
    "views of 3.2 diameters": {"_diameters": 3.2},
    "views stay where they are": {"after": _resting},
    "centred anew on every frame": {"dead_zone": 0.0},
    "moved only after a tenth of the side": {"dead_zone": 0.1},
    "size fixed": {"growth": 1.0},
    "size follows at once": {"tolerance": 1.05, "growth": 1.2},
    "half a step ahead": {"after": _ahead(0.5)},
    "a step ahead": {"after": _ahead(1.0)},
    "wider by a tenth a frame while lost": {"after": _widening(1.1)},
}


@contextmanager
def changed(attributes: dict[str, Any]) -> Iterator[None]:
    """Give :class:`FollowObjects` other rules for a while."""
    rules = dict(attributes)
    side = rules.pop("_diameters", None)
    if side is not None:
        begin = FollowObjects.__init__

        def other(self: FollowObjects, shape: Any, _: float, *others: Any) -> None:
            begin(self, shape, side, *others)

        rules["__init__"] = other
    before = {name: getattr(FollowObjects, name) for name in rules}
    for name, value in rules.items():
        setattr(FollowObjects, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(FollowObjects, name, value)


def main() -> None:
    """Track with each variant and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("movies", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--prompts", default="label")
    parser.add_argument("--only", help="variants whose name holds this")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    kind: PromptKind = arguments.prompts
    config = ProtocolConfig(
        movies=tuple(arguments.movies),
        checkpoint=arguments.checkpoint,
        prompts=(kind,),
        baselines=(),
        frames=arguments.frames,
        boundary=False,
    )
    table = {}
    for name, attributes in VARIANTS.items():
        if arguments.only and arguments.only not in name and attributes:
            continue
        with changed(attributes):
            scores = {r.movie: round(r.scores.j, 3) for r in run_protocol(config)}
        table[name] = {**scores, "mean": round(float(np.mean([*scores.values()])), 3)}
        cells = "  ".join(f"{movie} {j:.3f}" for movie, j in table[name].items())
        print(f"{name:38}{cells}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
