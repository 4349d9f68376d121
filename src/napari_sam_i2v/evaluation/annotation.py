"""An annotator who knows the truth: prompts a session, corrects what it got wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from napari_sam_i2v.evaluation.prompting import (
    N_CLICKS,
    PromptKind,
    corrective_click,
    first_frame_prompts,
)
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.prompts import PointPrompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.job import Follow

GOOD_ENOUGH = 0.9
"""IoU at which an annotator leaves a mask as it is."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One round of corrections.

    Attributes
    ----------
    n_clicks
        Clicks given: one for each object that was not good enough on some frame.
    before, after
        Mean IoU on the clicked frames before and after the click; NaN without any.
    n_object_frames
        Objects times frames that were visited again.
    """

    n_clicks: int
    before: float
    after: float
    n_object_frames: int


def prompt_first_frame(
    session: TrackingSession, labels: np.ndarray, kind: PromptKind
) -> float:
    """Prompt every object of the first frame.

    Parameters
    ----------
    session
        A session without objects.
    labels
        True labels, ``(T, Y, X)``.
    kind
        Kind of the prompts. After the first of several clicks each goes where the
        answer to those before is most wrong.

    Returns
    -------
    float
        Mean IoU of the answers with the true masks, overlaps not settled.
    """
    truth, shape = labels[0], labels.shape[1:]
    answers = _by_id(session.add_all(first_frame_prompts(labels, kind)))
    for _ in range(N_CLICKS - 1 if kind == "clicks" else 0):
        clicks = [
            corrective_click(
                _in_frame(answer, shape),
                truth == object_id,
                frame=0,
                object_id=object_id,
                clicked=_clicks(session, object_id, 0),
            )
            for object_id, answer in answers.items()
        ]
        given = [click for click in clicks if click is not None]
        if given:
            answers |= _by_id(session.add_all(given))
    ious = [
        _iou(_in_frame(answer, shape), truth == object_id)
        for object_id, answer in answers.items()
    ]
    return float(np.mean(ious))


def correct_worst_frames(
    session: TrackingSession,
    pairs: pd.DataFrame,
    labels: np.ndarray,
    *,
    stop: int,
    follow: Follow,
) -> Correction:
    """Click every object where it was followed worst, and follow it again from there.

    Parameters
    ----------
    session
        A session in which the objects were followed.
    pairs
        What scoring its masklets gave, as ``Scores.pairs``.
    labels
        True labels, ``(T, Y, X)``.
    stop
        First frame not visited.
    follow
        Runs through the frames.

    Returns
    -------
    Correction
        What was done.
    """
    by_frame = worst_frames(pairs)
    before = _shown_ious(session, labels, by_frame)
    clicks = list(_corrective_clicks(session, labels, by_frame))
    if clicks:
        session.add_all(clicks)
    after = _shown_ious(session, labels, by_frame)
    again = (
        session.propagate(frame, stop, objects=object_ids)
        for frame, object_ids in by_frame.items()
    )
    follow(chain.from_iterable(again), sum(stop - frame for frame in by_frame))
    visited = sum(len(object_ids) * (stop - t) for t, object_ids in by_frame.items())
    return Correction(
        n_clicks=len(clicks), before=before, after=after, n_object_frames=visited
    )


def worst_frames(pairs: pd.DataFrame) -> Mapping[int, list[int]]:
    """Find where each object that is in the frame was followed worst.

    Parameters
    ----------
    pairs
        As ``Scores.pairs``.

    Returns
    -------
    mapping of int to list of int
        Frame to the ids of the objects to correct there, both sorted. Of equally bad
        frames the first; objects that are good enough everywhere are left out.
    """
    poor = pairs[pairs["present"] & (pairs["j"] < GOOD_ENOUGH)]
    worst = poor.loc[poor.groupby("object_id")["j"].idxmin()]
    by_frame: dict[int, list[int]] = {}
    for frame, object_id in worst[["frame", "object_id"]].sort_values("frame").values:
        by_frame.setdefault(int(frame), []).append(int(object_id))
    return {frame: sorted(object_ids) for frame, object_ids in by_frame.items()}


def _corrective_clicks(
    session: TrackingSession, labels: np.ndarray, by_frame: Mapping[int, list[int]]
) -> Iterator[PointPrompt]:
    masklets = session.masklets.labels
    for frame, object_ids in by_frame.items():
        shown = masklets[frame]
        for object_id in object_ids:
            click = corrective_click(
                shown == object_id,
                labels[frame] == object_id,
                frame=frame,
                object_id=object_id,
                clicked=_clicks(session, object_id, frame),
            )
            assert click is not None, "a mask that is not good enough has errors"
            yield click


def _shown_ious(
    session: TrackingSession, labels: np.ndarray, by_frame: Mapping[int, list[int]]
) -> float:
    """Mean IoU of some objects on some frames, overlaps settled."""
    masklets, ious = session.masklets.labels, []
    for frame, object_ids in by_frame.items():
        shown, truth = masklets[frame], labels[frame]
        ious += [_iou(shown == i, truth == i) for i in object_ids]
    return float(np.mean(ious)) if ious else float("nan")


def _by_id(answers: list[ObjectMask]) -> dict[int, ObjectMask]:
    return {answer.object_id: answer for answer in answers}


def _clicks(session: TrackingSession, object_id: int, frame: int) -> list[PointPrompt]:
    return [
        prompt
        for prompt in session.prompts()
        if isinstance(prompt, PointPrompt)
        and (prompt.object_id, prompt.frame) == (object_id, frame)
    ]


def _in_frame(mask: ObjectMask, shape: tuple[int, ...]) -> np.ndarray:
    whole = np.zeros(shape, bool)
    (top, left), (height, width) = mask.offset, mask.logits.shape
    whole[top : top + height, left : left + width] = mask.mask
    return whole


def _iou(mask: np.ndarray, truth: np.ndarray) -> float:
    return float(np.count_nonzero(mask & truth) / np.count_nonzero(mask | truth))
