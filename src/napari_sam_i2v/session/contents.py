"""What a session holds, to be read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from napari_sam_i2v.masklets import Masklets
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import Action, Direction, Style
from napari_sam_i2v.session.autosave import Autosave
from napari_sam_i2v.session.checks import propagation
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.session.engine_memory import passes_of
from napari_sam_i2v.session.predictor import Predictor
from napari_sam_i2v.session.schedule import count
from napari_sam_i2v.session.settings import TrackSettings
from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.session.summary import ObjectSummary, summarise
from napari_sam_i2v.session.visible import VisibleMasks
from napari_sam_i2v.video import VideoSource

Recorder = Callable[[Sequence[Action]], None]


class SessionContents:
    """The part of a session that changes nothing.

    Parameters
    ----------
    video
        The movie.
    store
        Where masks are.
    log
        What was done.
    recorder
        Called with the log after every action, to write it down.
    settings
        What the engine was built with.
    """

    def __init__(
        self,
        video: VideoSource,
        store: MaskStore,
        log: Sequence[Action],
        recorder: Recorder | None,
        settings: TrackSettings,
    ) -> None:
        self.shape = video.shape
        self.store = store
        self._video = video
        self._settings = settings
        self._recorder = recorder
        self._document = Document(log)
        self._visible = VisibleMasks(store, self._document)

    _predictor: Predictor

    def warm_up(self) -> None:
        """Have the engine ready to answer its first prompt as quickly as the next."""
        warm_up = getattr(self._predictor, "warm_up", None)
        if warm_up is not None:
            warm_up()

    def give_way(self, interrupted: Callable[[], bool]) -> None:
        """Have tracking give way to a viewer, with an engine that can.

        It leaves a core to the viewer, and asks between batches of objects whether to
        stop. Others are stopped between frames, by closing the generator.
        """
        for name, value in (("interrupted", interrupted), ("spare_cores", 1)):
            if hasattr(self._predictor, name):
                setattr(self._predictor, name, value)

    @property
    def video(self) -> VideoSource:
        """The movie."""
        return self._video

    @property
    def settings(self) -> TrackSettings:
        """What the engine was built with."""
        return self._settings

    @property
    def recorder(self) -> Recorder | None:
        """What writes the log down after every action."""
        return self._recorder

    @property
    def folder(self) -> Path | None:
        """The folder that the session is kept in, if it is attached to one."""
        recorder = self._recorder
        return recorder.folder if isinstance(recorder, Autosave) else None

    @property
    def log(self) -> Sequence[Action]:
        """Everything done, oldest first."""
        return self._document.log

    @property
    def versions(self) -> list[int]:
        """Places in the log of the actions that are not undone, oldest first."""
        return [version for version, _ in self._document.in_force()]

    @property
    def object_ids(self) -> list[int]:
        """Ids of the objects, sorted."""
        return self._document.state.object_ids

    @property
    def styles(self) -> dict[int, Style]:
        """Names and colours of the objects that were given any, by id."""
        return dict(sorted(self._document.state.styles.items()))

    @property
    def masklets(self) -> Masklets:
        """The masks so far; they follow the session."""
        return self.masklets_in(0, self.shape[0])

    def masklets_in(self, start: int, stop: int) -> Masklets:
        """Return the masks of a range of frames; all others are empty."""
        return Masklets(
            self._visible,
            self.shape,
            range(start, stop),
            pixel_size=self._video.pixel_size,
            unit=self._video.unit,
        )

    def prompts(self) -> list[Prompt]:
        """List the prompts in force, by object and frame."""
        by_object = self._document.state.prompts
        # Sorting copies: a worker may add prompts meanwhile.
        return [
            prompt
            for _, frames in sorted(by_object.items())
            for _, prompts in sorted(frames.items())
            for prompt in prompts
        ]

    def approved_frames(self, object_id: int) -> list[int]:
        """List the frames on which an object's mask is approved."""
        return sorted(self._document.state.approved.get(object_id, ()))

    def frames_of(self, object_id: int) -> list[int]:
        """List the frames on which an object has a mask; absent, it has none."""
        return self._visible.frames_of(object_id)

    def known_frames(self, object_id: int) -> list[int]:
        """List the frames on which an object was prompted or tracked, absent or not."""
        frames: list[int] = self._visible.places(object_id).frames.tolist()
        return sorted(frames)

    def summary(self) -> list[ObjectSummary]:
        """Describe every object in one line, by id, without reading masks."""
        return summarise(self._visible.places(), self._document.state)

    def count_visits(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        direction: Direction = "forward",
        objects: Iterable[int] | None = None,
    ) -> int:
        """Count the frames that propagating with these would yield."""
        state, n_frames = self._document.state, self.shape[0]
        action = propagation(state, (start, stop), direction, objects, n_frames)
        return count(passes_of(action, state))

    def _record(self) -> None:
        if self._recorder is not None:
            self._recorder(self.log)

    def _explained(self) -> AbstractContextManager[None]:
        """Say of a full disk what it means for a session in a folder."""
        recorder = self._recorder
        if isinstance(recorder, Autosave):
            return recorder.explained()
        return contextlib.nullcontext()
