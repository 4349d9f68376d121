"""The command line, ``sam-i2v``."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    Parameters
    ----------
    argv
        Words of the command line; by default those of this process.
    """
    from napari_sam_i2v.cli.command_line import run

    return run(argv)
