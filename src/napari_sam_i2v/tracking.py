"""The Python entry points: track in one call, or open a session."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_sam_i2v.backends import build, check_model, usable_device
from napari_sam_i2v.contrast import Contrast, as_contrast, as_gamma
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.prompt_files import read_prompts
from napari_sam_i2v.io.recorded_movie import find_movie
from napari_sam_i2v.io.results import check_formats
from napari_sam_i2v.io.session_folder import (
    MASK_FILE,
    describe,
    has_session,
    read_session,
)
from napari_sam_i2v.masklets import Masklets
from napari_sam_i2v.prompt_rules import check_range
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.actions import Direction
from napari_sam_i2v.session.autosave import Autosave
from napari_sam_i2v.session.checks import several
from napari_sam_i2v.session.job import (
    Follow,
    Mode,
    Task,
    check_folder,
    run_in_folder,
    track_to_end,
)
from napari_sam_i2v.session.predictor import Predictor
from napari_sam_i2v.session.progress import follow, run_through
from napari_sam_i2v.session.settings import (
    DEFAULT_MODEL,
    Divisions,
    Neighbours,
    TrackSettings,
    Views,
)
from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.video import VideoSource, open_video

_log = logging.getLogger(__name__)


def track(  # noqa: PLR0913  one call for all there is to say
    movie: object,
    prompts: object,
    *,
    model: str | Path = DEFAULT_MODEL,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    prompt_frame: int = 0,
    start: int = 0,
    stop: int | None = None,
    direction: Direction = "forward",
    views: Views = "auto",
    cell_size: float | None = None,
    divisions: Divisions = "end",
    neighbours: Neighbours = "contend",
    axes: str | None = None,
    channel: int | Sequence[int] | None = None,
    contrast: Contrast | None = None,
    out: str | Path | None = None,
    progress: bool = True,
) -> Masklets:
    """Follow prompted objects through a movie.

    Parameters
    ----------
    movie
        Anything `open_video` accepts.
    prompts
        Anything `read_prompts` accepts.
    model
        Name of a model, or path of its YAML file.
    checkpoint
        Its weights; by default those known by its name.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    seed
        For what is drawn at random.
    prompt_frame
        Frame that a label image prompts.
    start, stop
        Frames to visit, half-open; by default all.
    direction
        ``forward`` from each object's first prompted frame, ``backward`` from its
        last, or ``both``: backward from the first, then forward from it.
    views
        ``frame``, ``objects`` or ``auto``: how the network looks at a frame.
    cell_size
        Diameter of a typical object in pixels, as a hint.
    divisions
        Whether a cell that divides, or that is doubtful for a while, is gone from
        there on (``end``), or goes on as what is there, such as one of its daughters
        (``ignore``); whole-frame views always do the latter.
    neighbours
        Whether objects that are followed together ``contend`` for pixels that several
        of them claim, or each is followed as if it were alone (``ignore``), as
        whole-frame views always do. Objects that lie in each other want ``ignore``.
    axes, channel, contrast
        As in `open_video`.
    out
        Folder for the results, which must hold none; by default they are kept in a
        temporary file.
    progress
        Whether to show on stderr how far it is.

    Returns
    -------
    Masklets
        Labels and scores, read from disk when asked for.

    Raises
    ------
    InputError
        The input is bad; nothing was changed.
    """
    settings = TrackSettings(
        model=str(model),
        checkpoint=None if checkpoint is None else str(checkpoint),
        device=device,
        seed=seed,
        start=start,
        stop=stop,
        direction=direction,
        views=views,
        cell_size=cell_size,
        divisions=divisions,
        neighbours=neighbours,
        axes=axes,
        channels=as_channels(channel),
        contrast=as_contrast(contrast),
    )
    shown = follow if progress else run_through
    if out is not None:
        return track_into(
            movie,
            prompts,
            Path(out),
            settings=settings,
            prompt_frame=prompt_frame or None,
            follow=shown,
        )
    task = prepare(movie, prompts, settings, prompt_frame or None)
    session = TrackingSession(task.video, task.predictor)
    track_to_end(task, session, shown)
    return session.masklets_in(settings.start, task.stop)


def track_into(
    movie: object,
    prompts: object,
    folder: Path,
    *,
    settings: TrackSettings,
    prompt_frame: int | None = None,
    mode: Mode = "new",
    formats: Sequence[str] = (),
    follow: Follow = run_through,
) -> Masklets:
    """Follow prompted objects through a movie, into a folder.

    Parameters
    ----------
    movie, prompts, prompt_frame
        As in `track`.
    folder
        Where the results go.
    settings
        What to do.
    mode
        ``new``, ``resume`` or ``overwrite``.
    formats
        Formats to write besides ``masklets.tif`` and ``scores.csv``.
    follow
        Runs through the frames, showing them.

    Returns
    -------
    Masklets
        The results; they read from the folder.
    """
    chosen = check_formats(formats)
    check_folder(folder, mode)
    task = prepare(movie, prompts, settings, prompt_frame)
    return run_in_folder(
        task,
        folder,
        record=describe(task.video, task.predictor, settings),
        mode=mode,
        formats=chosen,
        follow=follow,
    )


def prepare(
    movie: object,
    prompts: object,
    settings: TrackSettings,
    prompt_frame: int | None = None,
) -> Task:
    """Open the movie, read the prompts, build the engine; changes nothing on disk."""
    check_model(settings.model)
    video = _open(movie, settings)
    check_range(settings.start, settings.stop, video.n_frames)
    read = read_prompts(prompts, shape=video.shape, prompt_frame=prompt_frame)
    engine = _build(video, settings, read)
    return Task(video=video, prompts=read, predictor=engine, options=settings)


def open_session(  # noqa: PLR0913  one call for all there is to say
    movie: object,
    *,
    model: str | Path = DEFAULT_MODEL,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    views: Views = "auto",
    cell_size: float | None = None,
    divisions: Divisions = "end",
    neighbours: Neighbours = "contend",
    axes: str | None = None,
    channel: int | Sequence[int] | None = None,
    contrast: Contrast | None = None,
    gamma: float | Sequence[float] | None = None,
    folder: str | Path | None = None,
) -> TrackingSession:
    """Open a session on a movie.

    Parameters
    ----------
    movie, model, checkpoint, device, seed, views, cell_size, divisions, neighbours
        As in `track`.
    axes, channel, contrast
        As in `open_video`.
    gamma
        As in `open_video`.
    folder
        Where the session is kept as it grows; it must hold none. Without it, masks are
        in a temporary file until the session is saved.

    Returns
    -------
    TrackingSession
        With no objects yet.
    """
    if folder is not None and has_session(Path(folder)):
        raise InputError(
            f"{folder} holds a session already; open it with load_session, or choose "
            "another folder"
        )
    settings = TrackSettings(
        model=str(model),
        checkpoint=None if checkpoint is None else str(checkpoint),
        device=device,
        seed=seed,
        views=views,
        cell_size=cell_size,
        divisions=divisions,
        neighbours=neighbours,
        axes=axes,
        channels=as_channels(channel),
        contrast=as_contrast(contrast),
        gamma=as_gamma(gamma),
    )
    check_model(settings.model)
    video = _open(movie, settings)
    session = TrackingSession(video, _build(video, settings), settings=settings)
    if folder is not None:
        session.attach(folder)
    return session


def load_session(
    folder: str | Path,
    movie: object = None,
    *,
    in_place: bool = False,
    device: str | None = None,
) -> TrackingSession:
    """Open a session that was saved, or a folder that `track` wrote.

    Parameters
    ----------
    folder
        The session folder.
    movie
        Its movie; by default the file it was opened from.
    in_place
        Whether what is done now goes into the folder as it is done, else into a copy
        until it is saved. Only one session may be in a folder.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``; by default what it was made with, or
        ``auto`` where there is none of that.

    Returns
    -------
    TrackingSession
        As it was. Where the model's weights have changed since, its masks stay, and
        what the engine remembers is made anew when it is needed.

    Raises
    ------
    InputError
        If the folder holds no whole session, or its movie is not found.
    """
    folder = Path(folder)
    stored = read_session(folder)
    record = stored.record
    masks = folder / MASK_FILE
    if not masks.is_file() or not masks.stat().st_size:
        raise InputError(f"{folder} is no whole session: {MASK_FILE} is missing")
    video = find_movie(folder, record, movie)
    # What "auto" came to then depends on the prompts there were then.
    options = replace(record.options, views=record.views)
    engine = _build(
        video, replace(options, device=device or usable_device(options.device))
    )
    recorder = None
    if in_place:
        recorder = Autosave(folder, video, engine, record.options, record.files)
    store = MaskStore(masks) if in_place else MaskStore.copy_of(masks)
    weights = getattr(engine, "checkpoint_sha256", None)
    if record.checkpoint_sha256 not in (None, weights):
        _log.warning(
            "%s was made with other weights of %s: what is tracked from now on may "
            "differ",
            *(folder, record.model),
        )
        store.drop_snapshot()
    return TrackingSession(
        video,
        engine,
        store=store,
        log=stored.log,
        recorder=recorder,
        settings=record.options,
    )


def as_channels(channel: int | Sequence[int] | None) -> tuple[int, ...] | None:
    """Write channels the way settings hold them."""
    if channel is None:
        return None
    return tuple(several(channel))


def _open(movie: object, settings: TrackSettings) -> VideoSource:
    contrast = settings.contrast
    return open_video(
        movie,
        axes=settings.axes,
        channel=settings.channels,
        contrast=contrast[0] if contrast and len(contrast) == 1 else contrast,
        gamma=settings.gamma,
    )


def _build(
    video: VideoSource, settings: TrackSettings, prompts: Sequence[Prompt] = ()
) -> Predictor:
    return build(
        settings.model,
        video,
        checkpoint=settings.checkpoint,
        device=settings.device,
        seed=settings.seed,
        views=settings.views,
        cell_size=settings.cell_size,
        divisions=settings.divisions,
        neighbours=settings.neighbours,
        prompts=prompts,
    )
