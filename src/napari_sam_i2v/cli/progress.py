"""How a command shows that it is tracking."""

from __future__ import annotations

from collections.abc import Iterator

from napari_sam_i2v.cli.streams import show_warnings
from napari_sam_i2v.masklets import FrameResult
from napari_sam_i2v.session.job import Follow
from napari_sam_i2v.session.progress import follow, run_through


def chosen(*, quiet: bool) -> Follow:
    """Choose what runs through the frames: in silence, or showing how far it is."""
    show = run_through if quiet else follow

    def run(results: Iterator[FrameResult], total: int) -> None:
        show_warnings()
        show(results, total)

    return run
