"""``sam-i2v train``: train a model from a YAML file."""

from __future__ import annotations

import argparse


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train`` to the command line."""
    parser = subparsers.add_parser("train", help="train a model")
    add = parser.add_argument
    add("config", metavar="CONFIG.yaml")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="key=value",
        dest="overrides",
        help="values that win over the file",
    )
    add("--resume", action="store_true", help="go on with an interrupted run")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; prints where the weights are."""
    from napari_sam_i2v.training.train import main

    print(main(arguments.config, arguments.overrides, resume=arguments.resume))
    return 0
