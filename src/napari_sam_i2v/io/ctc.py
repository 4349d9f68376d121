"""Results as the Cell Tracking Challenge wants them: one image a frame, one track file.

A track there has no gaps, so a masklet that is away for a while becomes several tracks,
each the parent of the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import replacing, replacing_folder
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
    return [f"{CTC_FOLDER}/{name}" for name in _file_names(n_frames)]


def _file_names(n_frames: int) -> list[str]:
    digits = max(3, len(str(n_frames - 1)))
    names = [f"mask{frame:0{digits}d}.tif" for frame in range(n_frames)]
    return [*names, TRACK_FILE]


def write_ctc(masklets: Masklets, folder: Path) -> None:
    """Write ``ctc/maskNNN.tif`` and ``ctc/res_track.txt``.

    Object ids are kept as labels where they fit into 16 bits; further stretches of an
    object get new ones.
    """
    (folder / CTC_FOLDER).mkdir(exist_ok=True)
    _write(masklets.labels, _stretches(masklets), {}, folder / CTC_FOLDER)


def write_ctc_labels(
    labels: Any, folder: Path, parents: Mapping[int, int] | None = None
) -> list[Path]:
    """Write labels as a folder of ``maskNNN.tif`` and ``res_track.txt``.

    Parameters
    ----------
    labels
        ``(T, Y, X)``, whole numbers from 0, read frame by frame.
    folder
        Where to; it appears when it is whole.
    parents
        Label to the label that it divided from. The format knows only parents that
        end before their children begin; others are left out.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InputError
        The labels are no movie's, or the folder holds something.
    """
    if len(labels.shape) != 3:
        raise InputError(
            f"the labels have {len(labels.shape)} axes; a CTC folder takes labels of a "
            "2D movie, (T, Y, X)"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something; name a new or an empty folder")
    stretches = _stretches_of_labels(labels)
    with replacing_folder(folder) as part:
        part.mkdir(parents=True)
        _write(labels, stretches, parents or {}, part)
    return [folder / name for name in _file_names(len(labels))]


def _write(
    frames: Any,
    stretches: Sequence[_Stretch],
    parents: Mapping[int, int],
    folder: Path,
) -> None:
    """Write the labels of all frames, and the tracks they make."""
    labels = _choose_labels(stretches)
    by_frame: dict[int, dict[int, int]] = {}
    for stretch, label in zip(stretches, labels, strict=True):
        for frame in range(stretch.first, stretch.last + 1):
            by_frame.setdefault(frame, {})[stretch.object_id] = label
    *names, track_name = _file_names(len(frames))
    for frame, name in enumerate(names):
        with replacing(folder / name) as part:
            painted = np.asarray(frames[frame])
            image = _relabelled(painted, by_frame.get(frame, {}))
            tifffile.imwrite(part, image, compression="zlib")
    with replacing(folder / track_name) as part:
        lines = _track_lines(stretches, labels, parents)
        part.write_text("".join(lines), encoding="utf-8")


def _stretches(masklets: Masklets) -> list[_Stretch]:
    """Find where objects are present, by object, then frame."""
    scores = masklets.scores
    present = scores[scores["area"] > 0]
    return [
        stretch
        for object_id, rows in present.groupby("object_id")
        for stretch in _runs(int(str(object_id)), rows["frame"].to_numpy())
    ]


def _stretches_of_labels(labels: Any) -> list[_Stretch]:
    """Find where labels are present, by label, then frame."""
    frames: dict[int, list[int]] = {}
    for frame in range(len(labels)):
        found = np.unique(np.asarray(labels[frame]))
        if found.dtype.kind not in "biu" or found[0] < 0:
            raise InputError(f"frame {frame} holds labels that are no whole numbers")
        for label in found[found > 0].tolist():
            frames.setdefault(int(label), []).append(frame)
    return [
        stretch
        for label in sorted(frames)
        for stretch in _runs(label, np.array(frames[label]))
    ]


def _runs(object_id: int, frames: np.ndarray) -> list[_Stretch]:
    """Part sorted frames where some are missing between them."""
    return [
        _Stretch(object_id=object_id, first=int(run[0]), last=int(run[-1]))
        for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    ]


def _choose_labels(stretches: Sequence[_Stretch]) -> list[int]:
    if len(stretches) > _LARGEST_LABEL:
        raise InputError(
            f"the format ctc holds {_LARGEST_LABEL} tracks, not {len(stretches)}; "
            "leave it out of --format"
        )
    ids = {stretch.object_id for stretch in stretches}
    highest = max(ids, default=0)
    if highest > _LARGEST_LABEL:
        return list(range(1, len(stretches) + 1))
    free = set(range(1, _LARGEST_LABEL + 1)) - ids
    # Labels above all ids first: they are the least likely to be taken for ids.
    spare = iter(sorted(free, key=lambda label: (label < highest, label)))
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


def _track_lines(
    stretches: Sequence[_Stretch], labels: Sequence[int], parents: Mapping[int, int]
) -> Iterable[str]:
    last: dict[int, tuple[int, int]] = {}  # of each object: its last frame and label
    for stretch, label in zip(stretches, labels, strict=True):
        last[stretch.object_id] = stretch.last, label
    before: dict[int, int] = {}
    for stretch, label in zip(stretches, labels, strict=True):
        parent = before.get(stretch.object_id)
        if parent is None:
            ancestor = parents.get(stretch.object_id, 0)
            end, candidate = last.get(ancestor, (stretch.first, 0))
            parent = candidate if end < stretch.first else 0
        yield f"{label} {stretch.first} {stretch.last} {parent}\n"
        before[stretch.object_id] = label
