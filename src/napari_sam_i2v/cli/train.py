"""``sam-i2v train``: train a model from a YAML file."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_sam_i2v.cli.overrides import add_overrides
from napari_sam_i2v.cli.streams import show_warnings

_CONFIGS = Path(__file__).parents[1] / "configs" / "train"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train`` to the command line."""
    parser = subparsers.add_parser("train", help="train a model")
    add = parser.add_argument
    names = ", ".join(sorted(path.stem for path in _CONFIGS.glob("*.yaml")))
    add("config", metavar="CONFIG.yaml", help=f"a file, or one of ours: {names}")
    add_overrides(parser)
    add("--resume", action="store_true", help="go on with an interrupted run")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; prints where the weights are."""
    from napari_sam_i2v.training.train import main

    ours = _CONFIGS / f"{arguments.config}.yaml"
    config = ours if ours.is_file() else arguments.config
    show_warnings()  # of hours of training, when they come
    print(main(config, arguments.overrides, resume=arguments.resume))
    return 0
