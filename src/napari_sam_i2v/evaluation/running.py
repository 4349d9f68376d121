"""Running a protocol: movie after movie, tracked, corrected and scored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_sam_i2v.backends import check_model
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.annotation import (
    correct_worst_frames,
    prompt_first_frame,
)
from napari_sam_i2v.evaluation.baselines import Baseline, score_baseline
from napari_sam_i2v.evaluation.movies import TruthMovie, load_movie
from napari_sam_i2v.evaluation.prompting import PromptKind, first_frame_prompts
from napari_sam_i2v.evaluation.protocol import MovieResult, ProtocolConfig
from napari_sam_i2v.evaluation.scores import Scores, prompted_frames, score_masklets
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session import TrackingSession
from napari_sam_i2v.session.job import Follow
from napari_sam_i2v.session.progress import run_through
from napari_sam_i2v.session.settings import TrackSettings

Opener = Callable[[Path, Sequence[Prompt], TrackSettings], TrackingSession]
"""Opens a session on a movie, given the prompts it is about to get."""

Announce = Callable[[str], None]
"""Is told in a line what is done next."""

Inspect = Callable[[TruthMovie, TrackingSession, MovieResult], None]
"""Is shown a result, once it was yielded, while its session is open."""


def run_protocol(
    config: ProtocolConfig, *, opener: Opener | None = None
) -> list[MovieResult]:
    """Track and score every movie with every kind of prompts."""
    return list(iterate_protocol(config, opener=opener))


def iterate_protocol(
    config: ProtocolConfig,
    *,
    opener: Opener | None = None,
    follow: Follow = run_through,
    announce: Announce = lambda line: None,
    inspect: Inspect | None = None,
) -> Iterator[MovieResult]:
    """Track and score movie after movie, yielding each result as it is known.

    Parameters
    ----------
    config
        The protocol.
    opener
        What opens sessions; by default on the protocol's model.
    follow
        Runs through the frames, showing them.
    announce
        Called with a line about what is done next.
    inspect
        Called with each result after it was yielded, while masklets are at hand.

    Yields
    ------
    MovieResult
        In the order of the movies, then of the prompt kinds, then of the corrections.
    """
    check_model(config.model)
    for folder in config.movies:
        if not folder.is_dir():
            raise InputError(f"no such movie folder: {folder}")
    for folder in config.movies:
        movie = load_movie(folder)
        stop = min(config.frames or movie.n_frames, movie.n_frames)
        baselines: dict[Baseline, Scores] = {}
        for kind in config.prompts:
            prompts = first_frame_prompts(movie.labels, kind)
            if not prompts:
                raise InputError(f"{folder}: labels.tif holds no object in frame 0")
            session = (opener or _open)(movie.images, prompts, _settings(config, stop))
            try:
                if session.shape != movie.labels.shape:
                    raise InputError(
                        f"{folder}: labels.tif has shape {movie.labels.shape}, the "
                        f"movie {session.shape}; both must be of one movie"
                    )
                for name in config.baselines:
                    if name not in baselines:
                        announce(f"{movie.name}, {name} as a baseline")
                        baselines[name] = score_baseline(name, movie, stop=stop)
                case = _Case(movie, kind, stop, config.boundary, baselines)
                rounds = config.corrections
                for result in _results(case, session, rounds, follow, announce):
                    yield result
                    if inspect is not None:
                        inspect(movie, session, result)
            finally:
                session.close()


@dataclass(frozen=True, eq=False)
class _Case:
    """One movie with one kind of prompts."""

    movie: TruthMovie
    kind: PromptKind
    stop: int
    boundary: bool
    baselines: Mapping[Baseline, Scores]

    def score(self, session: TrackingSession) -> Scores:
        return score_masklets(
            session.masklets.labels,
            self.movie.labels,
            prompted=prompted_frames(session.prompts()),
            markers=self.movie.markers,
            frames=range(self.stop),
            boundary=self.boundary,
        )


def _results(
    case: _Case,
    session: TrackingSession,
    corrections: int,
    follow: Follow,
    announce: Announce,
) -> Iterator[MovieResult]:
    announce(f"{case.movie.name}, {case.kind}: tracking {case.stop} frames")
    uncorrected = result = _track(case, session, follow)
    yield result
    for number in range(1, corrections + 1):
        announce(f"{case.movie.name}, {case.kind}: correction {number}")
        result = _correct(case, session, follow, result, uncorrected)
        yield result


def _settings(config: ProtocolConfig, stop: int) -> TrackSettings:
    return TrackSettings(
        model=config.model,
        checkpoint=None if config.checkpoint is None else str(config.checkpoint),
        device=config.device,
        seed=config.seed,
        stop=stop,
        views=config.views,
    )


def _open(
    movie: Path, prompts: Sequence[Prompt], settings: TrackSettings
) -> TrackingSession:
    from napari_sam_i2v.tracking import prepare

    task = prepare(movie, prompts, settings)
    return TrackingSession(task.video, task.predictor)


def _track(case: _Case, session: TrackingSession, follow: Follow) -> MovieResult:
    begin = time.perf_counter()
    prompt_iou = prompt_first_frame(session, case.movie.labels, case.kind)
    follow(session.propagate(0, case.stop), session.count_visits(0, case.stop))
    seconds = time.perf_counter() - begin
    n_objects = len(session.object_ids)
    return MovieResult(
        movie=case.movie.name,
        prompts=case.kind,
        n_objects=n_objects,
        prompt_iou=prompt_iou,
        scores=case.score(session),
        baselines=case.baselines,
        seconds=seconds,
        n_object_frames=n_objects * case.stop,
    )


def _correct(
    case: _Case,
    session: TrackingSession,
    follow: Follow,
    last: MovieResult,
    uncorrected: MovieResult,
) -> MovieResult:
    begin = time.perf_counter()
    correction = correct_worst_frames(
        session, last.scores.pairs, case.movie.labels, stop=case.stop, follow=follow
    )
    seconds = time.perf_counter() - begin
    scores = case.score(session)
    return replace(
        last,
        scores=scores,
        seconds=seconds,
        n_object_frames=correction.n_object_frames,
        corrections=last.corrections + 1,
        correction=correction,
        uncorrected=uncorrected.scores.restricted_to(scores),
    )
