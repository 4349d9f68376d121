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
    Restyle,
    Revise,
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
                give = session.replace if action.replace else session.add_all
                give(action.prompts)
            case Propagate(steps=0):
                # It was cut off before its first frame, but can be undone.
                session.begin(action)
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
                session.clear_all(action.places)
            case Remove():
                session.remove_all(action.object_ids)
            case Revise():
                session.revise(action)
            case Restyle():
                session.restyle(dict(action.styles))
            case Approve():
                session.approve_all(action.places)
            case Unapprove():
                session.unapprove_all(action.places)
            case Undo():
                session.undo()
            case Redo():
                session.redo()
