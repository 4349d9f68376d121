"""Results as the Cell Tracking Challenge wants them: one image a frame, one track file.

A track there has no gaps, so a masklet that is away for a while becomes several tracks,
each the parent of the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import replacing
from napari_sam_i2v.masklets import Masklets

CTC_FOLDER = "ctc"
TRACK_FILE = "res_track.txt"
_LARGEST_LABEL = 2**16 - 1


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Frames on which an object is present without a gap, both ends included."""

    object_id: int
    first: int
    last: int


def ctc_files(n_frames: int) -> list[str]:
    """List the files of a movie's results."""
    digits = max(3, len(str(n_frames - 1)))
    names = [f"mask{frame:0{digits}d}.tif" for frame in range(n_frames)]
    return [f"{CTC_FOLDER}/{name}" for name in [*names, TRACK_FILE]]


def write_ctc(masklets: Masklets, folder: Path) -> None:
    """Write ``ctc/maskNNN.tif`` and ``ctc/res_track.txt``.

    Object ids are kept as labels where they fit into 16 bits; further stretches of an
    object get new ones.
    """
    stretches = _stretches(masklets)
    labels = _choose_labels(stretches)
    by_frame: dict[int, dict[int, int]] = {}
    for stretch, label in zip(stretches, labels, strict=True):
        for frame in range(stretch.first, stretch.last + 1):
            by_frame.setdefault(frame, {})[stretch.object_id] = label
    (folder / CTC_FOLDER).mkdir(exist_ok=True)
    *names, track_name = ctc_files(masklets.shape[0])
    for frame, (name, painted) in enumerate(zip(names, masklets.labels, strict=True)):
        with replacing(folder / name) as part:
            image = _relabelled(painted, by_frame.get(frame, {}))
            tifffile.imwrite(part, image, compression="zlib")
    with replacing(folder / track_name) as part:
        part.write_text("".join(_track_lines(stretches, labels)), encoding="utf-8")


def _stretches(masklets: Masklets) -> list[_Stretch]:
    """Find where objects are present, by object, then frame."""
    scores = masklets.scores
    present = scores[scores["area"] > 0]
    stretches = []
    for object_id, rows in present.groupby("object_id"):
        frames = rows["frame"].to_numpy()
        for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1):
            first, last = int(run[0]), int(run[-1])
            stretch = _Stretch(object_id=int(str(object_id)), first=first, last=last)
            stretches.append(stretch)
    return stretches


def _choose_labels(stretches: list[_Stretch]) -> list[int]:
    if len(stretches) > _LARGEST_LABEL:
        raise InputError(
            f"the format ctc holds {_LARGEST_LABEL} tracks, not {len(stretches)}; "
            "leave it out of --format"
        )
    ids = {stretch.object_id for stretch in stretches}
    if max(ids, default=0) > _LARGEST_LABEL:
        return list(range(1, len(stretches) + 1))
    free = set(range(1, _LARGEST_LABEL + 1)) - ids
    # Labels above all ids first: they are the least likely to be taken for ids.
    spare = iter(sorted(free, key=lambda label: (label < max(ids), label)))
    labels = []
    seen: set[int] = set()
    for stretch in stretches:
        is_first = stretch.object_id not in seen
        labels.append(stretch.object_id if is_first else next(spare))
        seen.add(stretch.object_id)
    return labels


def _relabelled(painted: np.ndarray, labels: dict[int, int]) -> np.ndarray:
    image = np.zeros(painted.shape, np.uint16)
    inside = painted > 0
    ids, places = np.unique(painted[inside], return_inverse=True)
    image[inside] = np.array([labels[int(i)] for i in ids], np.uint16)[places]
    return image


def _track_lines(stretches: list[_Stretch], labels: list[int]) -> Iterable[str]:
    before: dict[int, int] = {}
    for stretch, label in zip(stretches, labels, strict=True):
        parent = before.get(stretch.object_id, 0)
        yield f"{label} {stretch.first} {stretch.last} {parent}\n"
        before[stretch.object_id] = label
