"""Objects that end: cells that have divided are gone from there on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from napari_sam_i2v.inference.division import DivisionFinder, Scout
from napari_sam_i2v.inference.following import Found
from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.inference.viewing import absent
from napari_sam_i2v.session.predictor import Interrupted


def end_divided(
    finder: DivisionFinder,
    engine: Scout,
    found: Mapping[int, Found],
    objects: Mapping[int, ObjectState],
) -> dict[int, Found]:
    """Say of cells that have divided that they are not there any more.

    Parameters
    ----------
    finder
        Tells whether a cell has divided.
    engine
        Helps it; its ``interrupted`` is asked before every closer look.
    found
        What was found on a frame.
    objects
        What is known of them.

    Returns
    -------
    dict of int to Found
        The same, with those that have divided absent.

    Raises
    ------
    Interrupted
        If the engine is told to stop.
    """
    settled = dict(found)
    for object_id, each in found.items():
        if not finder.looks_twice(each.mask):
            continue
        if engine.interrupted():
            raise Interrupted
        if finder.divided(engine, each.mask, each.view, objects[object_id]):
            settled[object_id] = replace(
                each,
                prediction=finder.model.absent(each.prediction),
                mask=absent(each.mask.frame, object_id),
                divided=True,
            )
    return settled
