"""SEG, DET, TRA and LNK: the Cell Tracking Challenge's measures, from py-ctcmetrics."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.movies import Track
from napari_sam_i2v.evaluation.scores import LabelStack

CTC_METRICS = ("SEG", "DET", "TRA", "LNK")

_LARGEST_LABEL = 2**16 - 1


def check_installed() -> None:
    """Refuse the metrics where the package that computes them is missing."""
    if find_spec("ctc_metrics") is None:
        raise InputError(
            "the metrics of the Cell Tracking Challenge need the extra 'tracking': "
            "pip install 'napari-sam-i2v[tracking]'"
        )


def score_ctc(
    predicted: LabelStack,
    truth: LabelStack,
    *,
    markers: LabelStack | None = None,
    predicted_tracks: Iterable[Track] = (),
    true_tracks: Iterable[Track] = (),
    metrics: Sequence[str] = CTC_METRICS,
) -> dict[str, float]:
    """Score masklets as the Cell Tracking Challenge does.

    Unlike J these match objects by overlap, whatever their ids, and count every true
    object, prompted or not.

    Parameters
    ----------
    predicted
        Masklets as labels, ``(T, Y, X)``.
    truth
        True labels, ``(T, Y, X)``; SEG is measured against them.
    markers
        Blobs inside every object; detection and tracking are measured against them
        instead of the truth where they are given.
    predicted_tracks, true_tracks
        Where parents are taken from. An object that is gone for some frames counts as
        two tracks, the second one the first one's child.
    metrics
        Some of ``SEG``, ``DET``, ``TRA``, ``LNK``.

    Returns
    -------
    dict
        0 to 1 by metric.

    Raises
    ------
    InputError
        If the extra ``tracking`` is not installed or shapes differ.
    """
    check_installed()
    from ctc_metrics.scripts.evaluate import evaluate_sequence

    for stack in (predicted, markers):
        if stack is not None and tuple(stack.shape) != tuple(truth.shape):
            raise InputError(
                f"masklets, truth and markers must be of one movie; their shapes are "
                f"{tuple(stack.shape)} and {tuple(truth.shape)}"
            )
    if truth.shape[0] < 2:
        raise InputError("the challenge's measures need two frames or more")
    reference = markers if markers is not None else truth
    if not _any(truth) or not _any(reference):
        raise InputError("the truth holds no objects to measure against")
    if not _any(predicted):
        return dict.fromkeys(metrics, 0.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(predicted, folder / "RES", "mask", "res_track.txt", predicted_tracks)
        _write(reference, folder / "TRA", "man_track", "man_track.txt", true_tracks)
        _write(truth, folder / "SEG", "man_seg", None, ())
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found: dict[str, Any] = evaluate_sequence(
                    str(folder / "RES"), str(folder), metrics=list(metrics), threads=1
                )
            except ZeroDivisionError:
                raise InputError(
                    "the challenge's measures divide by nothing here: no object of the "
                    "truth is there on two frames that follow each other"
                ) from None
    return {metric: float(found[metric]) for metric in metrics}


def _any(labels: LabelStack) -> bool:
    return any(np.any(labels[t]) for t in range(labels.shape[0]))


@dataclass(kw_only=True)
class _Segment:
    """An unbroken run of frames with one object, under a label of its own."""

    label: int
    first: int
    last: int
    parent: int = 0


def _write(
    labels: LabelStack,
    folder: Path,
    prefix: str,
    track_file: str | None,
    tracks: Iterable[Track],
) -> None:
    """Write labels in the challenge's layout, in which tracks have no gaps."""
    folder.mkdir()
    segments: dict[int, list[_Segment]] = {}
    n_labels = 0
    for t in range(labels.shape[0]):
        frame = np.asarray(labels[t])
        ids, inverse = np.unique(frame, return_inverse=True)
        renamed = np.zeros(len(ids), np.uint16)
        for index, object_id in enumerate(ids.tolist()):
            if object_id == 0:
                continue
            runs = segments.setdefault(object_id, [])
            if not runs or runs[-1].last < t - 1:
                n_labels += 1
                parent = runs[-1].label if runs else 0
                runs.append(_Segment(label=n_labels, first=t, last=t, parent=parent))
            runs[-1].last = t
            renamed[index] = runs[-1].label
        if n_labels > _LARGEST_LABEL:
            raise InputError(f"the challenge's format holds {_LARGEST_LABEL} tracks")
        image = renamed[inverse].reshape(frame.shape)
        tifffile.imwrite(folder / f"{prefix}{t:04d}.tif", image, compression="zlib")
    for track in tracks:
        children = segments.get(track.object_id, [])
        parents = segments.get(track.parent, [])
        if children and parents and parents[-1].last < children[0].first:
            children[0].parent = parents[-1].label
    if track_file is not None:
        lines = [
            f"{run.label} {run.first} {run.last} {run.parent}\n"
            for runs in segments.values()
            for run in runs
        ]
        (folder / track_file).write_text("".join(lines), encoding="utf-8")
