"""``sam-i2v demo``: the whole way on a simulated movie, in a minute."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sam_i2v.cli.tables import print_table
from napari_sam_i2v.errors import InputError

if TYPE_CHECKING:
    from napari_sam_i2v.masklets import Masklets
    from napari_sam_i2v.simulation.settings import SimulatedMovie

DEFAULT_FOLDER = Path("sam-i2v-demo")
OVERLAY_FILE = "overlay.png"
_MOVIE_FILES = ("images.tif", "labels.tif", "man_track.txt", "settings.json")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``demo`` to the command line."""
    parser = subparsers.add_parser("demo", help="simulate a movie and track its cells")
    add = parser.add_argument
    add("--out", type=Path, default=DEFAULT_FOLDER, metavar="DIR")
    add("--modality", default="nuclei", metavar="NAME", help="kind of cells")
    add("--seed", type=int, default=7, metavar="N", help="another seed, another movie")
    add("--viewer", action="store_true", help="show the result in napari")
    add("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate, track, draw, score."""
    from napari_sam_i2v.cli.progress import chosen
    from napari_sam_i2v.evaluation.overlay import contact_sheet
    from napari_sam_i2v.io.session_folder import describe
    from napari_sam_i2v.session.job import run_in_folder
    from napari_sam_i2v.session.settings import TrackSettings
    from napari_sam_i2v.simulation.settings import SimulationSettings
    from napari_sam_i2v.simulation.simulate import simulate
    from napari_sam_i2v.simulation.write import write_movie
    from napari_sam_i2v.tracking import prepare
    from napari_sam_i2v.video import open_video

    out = arguments.out
    check_replaceable(out)
    movie = simulate(
        SimulationSettings(
            modality=arguments.modality,
            frames=24,
            height=256,
            width=256,
            cells=16,
            seed=arguments.seed,
        )
    )
    video = open_video(movie.images, axes="TYX")
    task = prepare(video, movie.labels[0], TrackSettings())
    record = describe(task.video, task.predictor, task.options)
    path = str((out / _MOVIE_FILES[0]).resolve())
    record = replace(record, movie=replace(record.movie, path=path))
    masklets = run_in_folder(
        task,
        out,
        record=replace(record, demo=True, files=(*_MOVIE_FILES, OVERLAY_FILE)),
        mode="overwrite",
        follow=chosen(quiet=arguments.quiet),
    )
    write_movie(movie, out)
    contact_sheet(video, masklets.labels, out / OVERLAY_FILE)
    print_scores(masklets, movie)
    print(f"\noutlines over time: {out / OVERLAY_FILE}")
    if arguments.viewer:
        show(movie, masklets)
    return 0


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds what the demo has not made."""
    from napari_sam_i2v.io.session_folder import has_session, read_session

    if has_session(folder):
        if read_session(folder).record.demo:
            return
        raise InputError(
            f"{folder} holds results that the demo did not make; choose another --out"
        )
    if folder.is_file():
        raise InputError(f"{folder} is a file; the demo needs a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; choose another --out")


def print_scores(masklets: Masklets, movie: SimulatedMovie) -> None:
    """Print each object's J against the truth, and the mean."""
    import numpy as np

    from napari_sam_i2v.evaluation.scores import score_masklets

    prompted = {object_id: frozenset({0}) for object_id in masklets.ids}
    labels = np.asarray(masklets.labels)
    scores = score_masklets(labels, movie.labels, prompted=prompted, boundary=False)
    rows = []
    for object_id, row in scores.per_object().iterrows():
        frames = np.flatnonzero((labels == object_id).any(axis=(1, 2)))
        seen = f"{frames.min()}-{frames.max()}" if frames.size else "-"
        j = "-" if np.isnan(row["j"]) else f"{row['j']:.3f}"
        rows.append([str(object_id), seen, str(frames.size), j])
    rows.append(["all", "", "", f"{scores.j:.3f}"])
    print_table(["object", "seen", "frames", "J"], rows)


def show(movie: SimulatedMovie, masklets: Masklets) -> None:
    """Open napari with the movie, the masklets and the truth; returns when closed."""
    try:
        import napari
        import numpy as np

        viewer = napari.Viewer()
    except ImportError as error:
        raise InputError(
            "--viewer needs the extra 'all': pip install 'napari-sam-i2v[all]'"
        ) from error
    viewer.add_image(movie.images, name="movie")
    viewer.add_labels(movie.labels, name="truth", visible=False)
    viewer.add_labels(np.asarray(masklets.labels), name="masklets")
    napari.run()
