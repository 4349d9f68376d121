"""``sam-i2v evaluate``: score results, or run a protocol."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sam_i2v.cli.overrides import add_overrides
from napari_sam_i2v.cli.tables import print_table
from napari_sam_i2v.errors import InputError

if TYPE_CHECKING:
    from napari_sam_i2v.evaluation.movies import TruthMovie
    from napari_sam_i2v.evaluation.protocol import MovieResult
    from napari_sam_i2v.evaluation.running import Inspect
    from napari_sam_i2v.label_stack import LabelStack
    from napari_sam_i2v.session import TrackingSession

METRICS = ("jf", "ctc")
_TRUTH_FILE, _MARKER_FILE, _TRACK_FILE = "labels.tif", "markers.tif", "man_track.txt"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``evaluate`` to the command line."""
    parser = subparsers.add_parser(
        "evaluate", help="score results, or run a protocol on movies with truth"
    )
    add = parser.add_argument
    add("config", nargs="?", metavar="CONFIG.yaml", help="a protocol to run")
    add("--pred", type=Path, metavar="PATH", help="label stack, or folder of track's")
    add("--truth", type=Path, metavar="PATH", help="label stack, or movie folder")
    add("--metrics", default="jf", metavar="jf,ctc")
    add_overrides(parser)
    add("--json", type=Path, metavar="FILE", help="keep a protocol's figures there")
    add("--picture", type=Path, metavar="FILE.png", help="draw a protocol's figures")
    add("--failures", type=Path, metavar="DIR", help="draw the cells followed worst")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score existing results, or run a protocol."""
    pair = arguments.pred is not None, arguments.truth is not None
    if arguments.config is not None and not any(pair):
        return run_protocol_file(
            arguments.config,
            arguments.overrides,
            json_file=arguments.json,
            picture=arguments.picture,
            failures=arguments.failures,
        )
    if arguments.config is not None or not all(pair):
        raise InputError(
            "evaluate takes either CONFIG.yaml, or both --pred PATH and --truth PATH"
        )
    kept = arguments.json, arguments.picture, arguments.failures
    if arguments.overrides or any(kept):
        raise InputError(
            "--set, --json, --picture and --failures go with CONFIG.yaml only"
        )
    metrics = check_metrics(arguments.metrics)
    return score_files(arguments.pred, arguments.truth, metrics)


def run_protocol_file(
    path: str,
    overrides: Sequence[str] = (),
    *,
    json_file: Path | None = None,
    picture: Path | None = None,
    failures: Path | None = None,
) -> int:
    """Track and score the movies of a protocol; prints a table.

    Parameters
    ----------
    path
        YAML file of the protocol.
    overrides
        ``key=value`` strings that win over it.
    json_file
        Where figures are kept, after every result.
    picture
        Where they are drawn, as PNG.
    failures
        Folder for pictures of the cells that were followed worst, ``MOVIE-PROMPTS.png``
        for each movie and kind of prompts.
    """
    from napari_sam_i2v.cli.progress import chosen
    from napari_sam_i2v.config import load_yaml
    from napari_sam_i2v.evaluation.picture import draw_results
    from napari_sam_i2v.evaluation.protocol import ProtocolConfig
    from napari_sam_i2v.evaluation.report import (
        format_table,
        progress_line,
        write_json,
    )
    from napari_sam_i2v.evaluation.running import iterate_protocol

    config = load_yaml(ProtocolConfig, path, overrides=overrides)
    for file in (json_file, picture):
        check_writable(file)
    if failures is not None:
        check_folder(failures, config.movies)
    results: list[MovieResult] = []
    steps = iterate_protocol(
        config,
        follow=chosen(quiet=False),
        announce=_tell,
        inspect=None if failures is None else _drawing(failures),
    )
    for result in steps:
        results.append(result)
        _tell(progress_line(results))
        if json_file is not None:
            write_json(results, config, json_file)
    if picture is not None:
        draw_results(results, config, picture)
    print(format_table(results))
    return 0


def check_writable(file: Path | None) -> None:
    """Refuse a file that cannot be written, before the long work."""
    if file is None:
        return
    if file.is_dir() or not file.parent.is_dir():
        raise InputError(f"{file} cannot be written: name a file in an existing folder")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise InputError(f"{file} cannot be written: you may not write there")


def check_folder(folder: Path, movies: Sequence[Path]) -> None:
    """Refuse a folder that pictures of movies cannot be kept in, or make it."""
    from napari_sam_i2v.io.disk import make_folder

    names = [movie.resolve().name for movie in movies]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(
            f"two movies are named {twice}, and so would their pictures be; rename a "
            "folder, or evaluate them one after the other"
        )
    make_folder(folder)
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder} cannot be written: you may not write there")


def _drawing(failures: Path) -> Inspect:
    """Give what draws results while their masklets are at hand."""
    from napari_sam_i2v.evaluation.failures import draw_failures
    from napari_sam_i2v.io.disk import in_reach, replacing

    def draw(movie: TruthMovie, session: TrackingSession, result: MovieResult) -> None:
        if result.scores.pairs.empty:
            return
        labels = session.masklets.labels
        path = failures / f"{result.movie}-{result.series}.png"
        with in_reach(failures), replacing(path) as part:
            draw_failures(session.video, labels, movie.labels, result.scores, part)

    return draw


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def score_files(pred: Path, truth: Path, metrics: Sequence[str] = ("jf",)) -> int:
    """Score masklets against the truth; prints one line."""
    from napari_sam_i2v.io.results import TIF_FILE
    from napari_sam_i2v.io.session_folder import has_session

    if pred.name == TIF_FILE and has_session(pred.parent):
        pred = pred.parent  # which says what was prompted
    masklets, known = _labels(pred, TIF_FILE), _labels(truth, _TRUTH_FILE)
    figures: dict[str, float | int] = {}
    for metric in metrics:
        score = _j_and_f if metric == "jf" else _ctc
        figures |= score(pred, truth, masklets, known)
    cells = [
        f"{value:.3f}" if isinstance(value, float) else str(value)
        for value in figures.values()
    ]
    print_table([*figures], [cells])
    return 0


def check_metrics(names: str) -> tuple[str, ...]:
    """Refuse metrics that cannot be computed; returns their names."""
    metrics = tuple(dict.fromkeys(part.strip() for part in names.split(",")))
    for name in metrics:
        if name not in METRICS:
            raise InputError(f"unknown metric {name!r}; known: {', '.join(METRICS)}")
        if name == "ctc":
            from napari_sam_i2v.evaluation.ctc import check_installed

            check_installed()
    return metrics


def _j_and_f(
    pred: Path, truth: Path, masklets: LabelStack, known: LabelStack
) -> dict[str, float | int]:
    from napari_sam_i2v.evaluation.scores import prompted_frames, score_masklets
    from napari_sam_i2v.io.session_folder import (
        has_session,
        read_prompts_of_session,
        read_session,
    )

    frames = None
    if has_session(pred):
        prompted = prompted_frames(read_prompts_of_session(pred))
        asked = read_session(pred).record.options
        frames = range(masklets.shape[0])[asked.start : asked.stop]
    else:
        prompted = _first_frames(masklets)
    scores = score_masklets(
        masklets, known, prompted=prompted, markers=_markers(truth), frames=frames
    )
    return {"objects": len(prompted), **scores.summary()}


def _ctc(
    pred: Path, truth: Path, masklets: LabelStack, known: LabelStack
) -> dict[str, float | int]:
    from napari_sam_i2v.evaluation.ctc import score_ctc
    from napari_sam_i2v.evaluation.movies import read_tracks

    del pred
    tracks = truth / _TRACK_FILE
    return dict(
        score_ctc(
            masklets,
            known,
            markers=_markers(truth),
            true_tracks=read_tracks(tracks) if tracks.is_file() else (),
        )
    )


def _markers(truth: Path) -> LabelStack | None:
    file = truth / _MARKER_FILE
    return _stack(file) if file.is_file() else None


def _labels(path: Path, name: str) -> LabelStack:
    file = path / name if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"no such labels: {file}")
    return _stack(file)


def _stack(file: Path) -> LabelStack:
    from napari_sam_i2v.io.prompt_masks import read_label_file
    from napari_sam_i2v.label_stack import LabelStack

    labels = read_label_file(file)
    if len(labels.shape) != 3:
        raise InputError(
            f"{file} has shape {tuple(labels.shape)}; expected labels (T, Y, X)"
        )
    n_frames, height, width = labels.shape
    return LabelStack(
        lambda frame: np.asarray(labels[frame, :, :]),
        (n_frames, height, width),
        np.dtype(labels.dtype),
    )


def _first_frames(labels: LabelStack) -> dict[int, frozenset[int]]:
    """Take every object for prompted on the first frame that shows it."""
    first: dict[int, frozenset[int]] = {}
    for frame in range(labels.shape[0]):
        for object_id in np.unique(labels[frame]).tolist():
            if object_id:
                first.setdefault(object_id, frozenset({frame}))
    return first
