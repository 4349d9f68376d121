"""``sam-i2v models``: which weights there are, and how to get them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_sam_i2v.checkpoints import (
    KNOWN_WEIGHTS,
    PACKAGE_FOLDER,
    cache_folder,
    download,
    find_weights,
    fine_tuned_names,
    known_weights,
    sha256_of,
)
from napari_sam_i2v.errors import InputError

_COLUMNS = "{:<14}  {:>9}  {:<8}  {:<12}  {}"
_BYTES_PER_PARAMETER = 4


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``models`` and its commands to the command line."""
    parser = subparsers.add_parser("models", help="list, import and download weights")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    listing = commands.add_parser("list", help="show known models")
    listing.set_defaults(run=list_models)

    details = commands.add_parser("info", help="say where weights are or come from")
    details.add_argument("name", metavar="NAME")
    details.set_defaults(run=show_model)

    importing = commands.add_parser("import", help="check and keep a weights file")
    importing.add_argument("file", metavar="FILE", type=Path)
    importing.add_argument("--name", default="sam-i2v", help="the model it is for")
    importing.set_defaults(run=import_weights)

    deleting = commands.add_parser("delete", help="delete a fine-tuned model")
    deleting.add_argument("name", metavar="NAME")
    deleting.set_defaults(run=delete_fine_tuned)

    downloading = commands.add_parser("download", help="get weights from the net")
    downloading.add_argument("name", metavar="NAME")
    downloading.set_defaults(run=download_model)


def list_models(arguments: argparse.Namespace) -> int:
    """Print one line for each known model."""
    print(_COLUMNS.format("model", "size", "on disk", "sha256", "licence"))
    for name, weights in KNOWN_WEIGHTS.items():
        path = find_weights(name)
        place = "no" if path is None else _place(path)
        digest = (_digest(name) or "not known")[:12]
        print(_COLUMNS.format(name, _size(name), place, digest, weights.licence))
    from napari_sam_i2v.fine_tuning.models import describe_model

    for name in fine_tuned_names():
        digest = (_digest(name) or "")[:12]
        print(_COLUMNS.format(name, _size(name), "own", digest, describe_model(name)))
    return 0


def show_model(arguments: argparse.Namespace) -> int:
    """Print all that is known of one model's weights."""
    if arguments.name in fine_tuned_names():
        return _show_fine_tuned(arguments.name)
    weights = known_weights(arguments.name)
    path = find_weights(weights.model)
    print(f"model    {weights.model}")
    print(f"on disk  {path or 'no'}")
    print(f"size     {_size(weights.model)}")
    print(f"sha256   {_digest(weights.model) or 'not known'}")
    print(f"licence  {weights.licence}")
    print(f"url      {weights.url or 'none: it can only be imported'}")
    print()
    print(weights.source)
    return 0


def import_weights(arguments: argparse.Namespace) -> int:
    """Check a file against its model and keep it in the cache as safetensors."""
    weights = known_weights(arguments.name)
    if (PACKAGE_FOLDER / weights.file_name).is_file():
        raise InputError(
            f"{weights.model} ships with the package; to use other weights for it "
            f"give them to 'sam-i2v track --checkpoint {arguments.file}'"
        )
    if not arguments.file.is_file():
        raise InputError(f"{arguments.file} is not a file; give a .pt or .safetensors")
    from napari_sam_i2v.model.convert import convert_weights

    destination = cache_folder() / weights.file_name
    try:
        convert_weights(arguments.file, weights.model, destination)
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"cannot keep weights in {destination}: {why}") from error
    print(f"{weights.model} is ready: {destination}")
    print(f"sha256 {sha256_of(destination)}")
    return 0


def download_model(arguments: argparse.Namespace) -> int:
    """Download a model's weights, unless they are on disk."""
    weights = known_weights(arguments.name)
    path = find_weights(weights.model)
    if path is None:
        path = download(weights, progress=sys.stderr.isatty())
    print(f"{weights.model} is ready: {path}")
    return 0


def delete_fine_tuned(arguments: argparse.Namespace) -> int:
    """Delete a fine-tuned model."""
    from napari_sam_i2v.fine_tuning.models import delete_model

    delete_model(arguments.name)
    print(f"{arguments.name} is deleted")
    return 0


def _place(path: Path) -> str:
    return "shipped" if path.parent == PACKAGE_FOLDER else "cache"


def _digest(name: str) -> str | None:
    path = find_weights(name)
    return known_weights(name).sha256 if path is None else sha256_of(path)


def _show_fine_tuned(name: str) -> int:
    from napari_sam_i2v.fine_tuning.models import read_card

    card = read_card(name)
    print(f"model    {name}")
    print(f"on disk  {find_weights(name)}")
    print(f"size     {_size(name)}")
    print(f"sha256   {_digest(name)}")
    print(f"base     {card.base}; trained: {card.part}")
    print(f"data     {card.data}")
    print(f"steps    {card.steps}, seed {card.seed}, on {card.date}")
    cells = "held-out cells" if card.held_out else "cells it learned from,"
    print(f"scores   {card.verdict} ({cells} followed from a mask)")
    return 0


def _size(name: str) -> str:
    path = find_weights(name)
    if path is not None:
        return f"{path.stat().st_size / 1e6:.1f} MB"
    parameters = known_weights(name).parameters
    if parameters is None:
        return "not known"
    return f"{parameters * _BYTES_PER_PARAMETER / 1e6:.1f} MB"
