"""``--set key=value``, for commands that read a YAML file."""

from __future__ import annotations

import argparse


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Let values on the command line win over the file's, as ``overrides``."""
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="key=value",
        dest="overrides",
        help="values that win over the file",
    )
