"""Rows of napari's Points and Shapes layers, many at a time.

Napari goes through a whole layer at every change of it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

from napari_sam_i2v.annotator.names import OBJECT_ID, POSITIVE
from napari_sam_i2v.annotator.reading import Place

if TYPE_CHECKING:
    from napari.layers import Points, Shapes


def remove_rows(
    layer: Points | Shapes, there: Iterable[Place], places: Container[Place]
) -> None:
    """Remove what is at some places; ``there`` tells the place of every row."""
    found = {row for row, place in enumerate(there) if place in places}
    if found:
        layer.selected_data = found
        layer.remove_selected()


def name_last_rows(layer: Points | Shapes, meant: Sequence[tuple[int, bool]]) -> None:
    """Say of the last rows which objects they are for, and whether they are there."""
    table = layer.features.copy()
    for index, column in enumerate((OBJECT_ID, POSITIVE)):
        values = table[column].to_numpy().copy()
        values[-len(meant) :] = [each[index] for each in meant]
        table[column] = values
    layer.features = table
