"""Tables on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sam_i2v.masklets import Masklets

_COLUMNS = ("object", "first", "last", "frames", "present", "mean area", "mean IoU")
_MOST_ROWS = 40


def print_summary(masklets: Masklets) -> None:
    """Print one line for each object, or one for all where there are many.

    ``frames`` were visited, ``present`` are those in which the object was found, first
    and last of them are given; IoU is the network's own estimate.
    """
    rows = summary_rows(masklets)
    many = len(rows) > _MOST_ROWS
    print_table(_COLUMNS, rows[:_MOST_ROWS] if many else rows)
    if many:
        print(f"... and {len(rows) - _MOST_ROWS} objects more; scores.csv has them all")


def summary_rows(masklets: Masklets) -> list[tuple[str, ...]]:
    """Sum up each object's masklet as text, sorted by id."""
    scores = masklets.scores
    rows: list[tuple[str, ...]] = []
    for object_id in masklets.ids:
        visited = scores[scores["object_id"] == object_id]
        present = visited[visited["area"] > 0]
        found = len(present) > 0
        rows.append(
            (
                str(object_id),
                str(present["frame"].min()) if found else "-",
                str(present["frame"].max()) if found else "-",
                str(len(visited)),
                str(len(present)),
                f"{present['area'].mean():.0f}" if found else "-",
                f"{present['predicted_iou'].mean():.3f}" if found else "-",
            )
        )
    return rows


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns of text, flush right."""
    widths = [
        max(len(text) for text in column) for column in zip(columns, *rows, strict=True)
    ]
    for row in (columns, *rows):
        cells = (text.rjust(width) for text, width in zip(row, widths, strict=True))
        print("  ".join(cells))
