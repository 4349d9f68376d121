"""``sam-i2v track``: prompts and a movie in, masklets out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from napari_sam_i2v.session.actions import DIRECTIONS
from napari_sam_i2v.session.settings import (
    DEFAULT_MODEL,
    DIVISIONS,
    NEIGHBOURS,
    VIEWS,
    TrackSettings,
)

DEVICES = ("auto", "cpu", "cuda", "mps")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``track`` to the command line."""
    parser = subparsers.add_parser("track", help="follow prompted objects in a movie")
    add = parser.add_argument
    add("movie", metavar="MOVIE", help="TIFF, folder of frames, OME-Zarr, .npy, video")
    add(
        "--prompts",
        required=True,
        help="label image or stack, CSV, JSON or session folder",
    )
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    add(
        "--model",
        default=DEFAULT_MODEL,
        metavar="NAME|CONFIG.yaml",
        help=f"{DEFAULT_MODEL} (default), or another of `sam-i2v models list`",
    )
    add("--checkpoint", metavar="FILE", help="weights, if not those of the model")
    add("--device", default="auto", choices=DEVICES, help="a GPU if there is one")
    add("--seed", type=int, default=0, metavar="N", help="for what is drawn at random")
    add("--prompt-frame", type=int, metavar="N", help="frame of a label image")
    add("--start", type=int, default=0, metavar="N", help="first frame visited")
    add("--stop", type=int, metavar="N", help="first frame not visited any more")
    _add_following(parser)
    add("--axes", metavar="TYX", help="one letter of TZCYXS for each axis")
    add("--channel", type=_numbers, metavar="N[,N,N]", help="channels to look at")
    add(
        "--contrast",
        type=float,
        nargs=2,
        metavar=("LO", "HI"),
        help="pixel values shown as black and white; robust percentiles without",
    )
    add(
        "--format",
        type=_words,
        default=(),
        metavar="tif,ctc,geff,trackmate,csv",
        help="further formats; tif and csv are always written",
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--resume", action="store_true", help="continue in DIR")
    mode.add_argument("--overwrite", action="store_true", help="replace results in DIR")
    add("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def _add_following(parser: argparse.ArgumentParser) -> None:
    """Say how objects are followed."""
    add = parser.add_argument
    add(
        "--direction",
        default="forward",
        choices=DIRECTIONS,
        help="forward from the first prompt (default), backward from the last, or both",
    )
    add(
        "--views",
        default="auto",
        choices=VIEWS,
        help="see the whole frame, or a square that follows each object; auto is "
        "objects, but frame for sam-i2v on large objects",
    )
    add("--cell-size", type=float, metavar="PX", help="diameter of a typical object")
    add(
        "--divisions",
        default="end",
        choices=DIVISIONS,
        help="end cells where they divide, or are doubtful for a while (default), or "
        "go on with what is there, such as one daughter",
    )
    add(
        "--neighbours",
        default="contend",
        choices=NEIGHBOURS,
        help="contend for pixels that several objects claim (default), or follow each "
        "object as if it were alone",
    )


def run(arguments: argparse.Namespace) -> int:
    """Track, then print one line for each object."""
    from napari_sam_i2v.cli.progress import chosen
    from napari_sam_i2v.cli.tables import print_summary
    from napari_sam_i2v.contrast import as_contrast
    from napari_sam_i2v.tracking import track_into

    settings = TrackSettings(
        model=arguments.model,
        checkpoint=arguments.checkpoint,
        device=arguments.device,
        seed=arguments.seed,
        start=arguments.start,
        stop=arguments.stop,
        direction=arguments.direction,
        views=arguments.views,
        cell_size=arguments.cell_size,
        divisions=arguments.divisions,
        neighbours=arguments.neighbours,
        axes=arguments.axes,
        channels=arguments.channel,
        contrast=as_contrast(arguments.contrast),
    )
    masklets = track_into(
        arguments.movie,
        arguments.prompts,
        arguments.out,
        settings=settings,
        prompt_frame=arguments.prompt_frame,
        mode=mode_of(arguments),
        formats=arguments.format,
        follow=chosen(quiet=arguments.quiet),
    )
    print_summary(masklets)
    return 0


def mode_of(arguments: argparse.Namespace) -> Literal["new", "resume", "overwrite"]:
    """Say what may become of results that are there already."""
    if arguments.resume:
        return "resume"
    return "overwrite" if arguments.overwrite else "new"


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of whole numbers like 0 or 0,1,2"
        ) from None


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
