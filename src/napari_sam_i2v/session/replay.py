"""Doing again what a log says."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from napari_sam_i2v.session.actions import (
    Action,
    AddPrompts,
    Approve,
    Clear,
    Propagate,
    Redo,
    Remove,
    Unapprove,
    Undo,
)
from napari_sam_i2v.session.session import TrackingSession


def replay(session: TrackingSession, log: Iterable[Action]) -> None:
    """Repeat the actions of a log, undone ones included.

    Parameters
    ----------
    session
        A new session on the same movie; afterwards it holds the same masks.
    log
        Actions of another session.
    """
    for action in log:
        match action:
            case AddPrompts():
                session.add_all(action.prompts)
            case Propagate():
                results = session.propagate(
                    action.start,
                    action.stop,
                    direction=action.direction,
                    objects=action.objects,
                )
                for _ in islice(results, action.steps):
                    pass
            case Clear():
                session.clear(action.frame, action.object_id)
            case Remove():
                session.remove(action.object_id)
            case Approve():
                session.approve(action.object_id, action.frames)
            case Unapprove():
                session.unapprove(action.object_id, action.frames)
            case Undo():
                session.undo()
            case Redo():
                session.redo()
