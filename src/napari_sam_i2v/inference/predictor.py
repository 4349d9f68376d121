"""The engine: ``segment``, ``track``, ``forget``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from napari_sam_i2v.inference.devices import Computing, sparing
from napari_sam_i2v.inference.division import DivisionFinder
from napari_sam_i2v.inference.endings import end_divided, end_faded, end_left
from napari_sam_i2v.inference.following import Follower, Found
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.inference.neighbours import contend
from napari_sam_i2v.inference.objects import ObjectState, Sighting, Tracked
from napari_sam_i2v.inference.prompting import (
    Question,
    answer,
    vouched_mask,
)
from napari_sam_i2v.inference.snapshot import pack, unpack
from napari_sam_i2v.inference.viewing import Viewing, absent
from napari_sam_i2v.masklets import NO_MORE, ObjectMask
from napari_sam_i2v.model.sam_i2v import ABSENT_LOGIT, SamI2V
from napari_sam_i2v.model.selection import Policy, TopK
from napari_sam_i2v.prompt_rules import shows
from napari_sam_i2v.prompts import PointPrompt, Prompt
from napari_sam_i2v.session.predictor import Interrupted
from napari_sam_i2v.video import VideoSource
from napari_sam_i2v.views import Extent, extent_of_mask


class SamI2VPredictor:
    """SAM-I2V over a movie: answers prompts, tracks frame by frame.

    Objects of a frame are computed as one batch. Each has a memory of its own.

    Parameters
    ----------
    model
        The network, with its weights, on its device.
    video
        The movie.
    computing
        Device, precision and batch size.
    policy
        How memory frames are selected.
    views
        ``frame``, ``objects`` or ``auto``; what it came to is :attr:`views_name`.
    cell_size
        Diameter of a cell in pixels, a hint for objects that are only clicked.
    extents
        Objects known beforehand, for ``auto``.
    fill_holes
        Area in pixels of the decoder's grid up to which holes are filled and specks
        removed; 0 leaves masks as they are.
    divisions
        Whether cells that are followed forward through views of their own end where
        they divide, or, with a model of ours, where they were doubtful for a while.
    neighbours
        Whether objects that are followed together through views of their own contend
        for the pixels that several of them claim.

    Attributes
    ----------
    interrupted
        Asked between batches; where it says so, `track` stops.
    spare_cores
        How many cores `track` leaves to others.
    """

    def __init__(  # noqa: PLR0913  one engine for all there is to choose
        self,
        model: SamI2V,
        video: VideoSource,
        computing: Computing,
        *,
        policy: Policy | None = None,
        views: str = "auto",
        cell_size: float | None = None,
        extents: Sequence[Extent] = (),
        fill_holes: int = 0,
        divisions: bool = True,
        neighbours: bool = True,
    ) -> None:
        self.model = model
        self.video = video
        self.computing = computing
        self.checkpoint_sha256: str | None = None
        self.interrupted: Callable[[], bool] = lambda: False
        self.spare_cores = 0
        config = model.config
        self._frames = FrameStore(
            video, config.temporal.window, config.input_size, computing.device
        )
        self._viewing = Viewing(
            model,
            self._frames,
            self.shape,
            request=views,
            cell_size=cell_size,
            extents=extents,
        )
        self._follower = Follower(
            model,
            self._viewing,
            computing,
            n_frames=video.n_frames,
            shape=self.shape,
            policy=policy or TopK(),
            fill_holes=fill_holes,
        )
        self._finder = DivisionFinder(model, self._viewing, self.shape)
        self._divisions = divisions
        self._neighbours = neighbours

    @property
    def shape(self) -> tuple[int, int]:
        """``(Y, X)`` of a frame."""
        return self.video.height, self.video.width

    @property
    def views_name(self) -> str:
        """The view policy in use: ``frame`` or ``objects``; ``auto`` if undecided."""
        return self._viewing.name

    @property
    def contends(self) -> bool:
        """Whether objects that are followed together contend for pixels."""
        return self._neighbours and self.views_name == "objects"

    @property
    def device_name(self) -> str:
        """Device and precision, for people."""
        return str(self.computing)

    @torch.inference_mode()
    def segment(
        self,
        frame: int,
        object_id: int,
        prompts: Sequence[Prompt],
        *,
        refine: bool = False,
    ) -> ObjectMask:
        """Answer all prompts of an object on a frame; earlier ones there are replaced.

        A mask stands as it is. Points after a mask, a box or another point refine its
        answer, whose logits are fed back (in views of the whole frame, points without
        a mask or box are decoded together, as the released predictor does). On a frame
        tracked before, points correct the tracked mask in the same way, unless that is
        empty; where there is none, negative points alone correct what memory finds.

        Parameters
        ----------
        frame
            Frame number.
        object_id
            The user's id; a new one makes a new object.
        prompts
            One mask or box first, or none; then points.
        refine
            Whether the logits of the earlier answer on this frame are fed back.

        Returns
        -------
        ObjectMask
            The object on that frame, at full resolution.
        """
        self._viewing.settle(prompts)
        state = self._follower.objects.setdefault(object_id, ObjectState())
        question = Question(frame, tuple(prompts))
        corrects = state.tracked_mask(frame)
        elsewhere = bool(state.vouched.keys() - {frame})
        if corrects is None and elsewhere and not (refine or shows(prompts)):
            corrects = self._looked_up(frame, object_id)
        if corrects is not None and corrects.sighting.seen is None and shows(prompts):
            corrects = None  # there is nothing to correct: it was judged absent
        if corrects is not None:
            question.view = corrects.sighting.view
            question.prior = corrects.logits.to(self.computing.device).float()
        if refine and frame in state.vouched:
            question.view = state.sightings[frame].view
            question.prior = self._follower.logits(frame, state)
        with self.computing:
            if corrects is not None:
                reverse = bool(corrects.sighting.reverse)
                question.memory = self._follower.recollection(
                    frame, object_id, corrects.sighting.view, reverse=reverse
                )
            vouched = answer(self.model, self._viewing, question, self.shape)
        vouched = replace(vouched, corrects=corrects)
        if vouched.prediction is not None:
            cleaned = self._follower.cleaned(vouched.prediction)
            vouched = replace(vouched, prediction=cleaned)
        state.forget(frame)
        state.vouched[frame] = vouched
        if vouched.prediction is None:
            result = vouched_mask(frame, object_id, vouched)
        else:
            result = self._viewing.mask(
                frame, object_id, vouched.prediction, 0, vouched.view
            )
        seen = extent_of_mask(result.mask, result.offset)
        state.sightings[frame] = Sighting(vouched.view, seen, area=result.area)
        return result

    @torch.inference_mode()
    def track(
        self, frame: int, object_ids: Sequence[int], *, reverse: bool = False
    ) -> dict[int, ObjectMask]:
        """Find objects on a frame from their memory.

        Parameters
        ----------
        frame
            Frame number; objects are tracked from frames behind it in the direction
            of travel.
        object_ids
            Objects that have a prompt somewhere.
        reverse
            Whether travel is backward in time.

        Raises
        ------
        Interrupted
            If :attr:`interrupted` says so.
        """
        results: dict[int, ObjectMask] = {}
        kind = self._viewing.encoder.kind
        if not self._viewing.shared:
            # Squares encoded in another batch may differ by a rounding error; results
            # are not to depend on which of them happen to be known.
            self._viewing.encoder.clear()
        with sparing(self.spare_cores), self.computing:
            window = self.model.config.temporal.window
            self._frames.read_ahead(kind, frame - window if reverse else frame + 1)
            objects = self._follower.objects
            due = []
            for object_id in object_ids:
                ending = None if reverse else objects[object_id].ended_before(frame)
                if ending is None:
                    due.append(object_id)
                else:
                    self.forget(object_id, frame)
                    results[object_id] = absent(frame, object_id, NO_MORE[ending])
            found: dict[int, Found] = {}
            for batch in self.computing.batches(due):
                if self.interrupted():
                    raise Interrupted
                found |= self.computing.retry_smaller(
                    lambda ids: self._follower.find(frame, ids, reverse=reverse), batch
                )
            if self.contends:
                found = contend(self.model, self._viewing, found)
            ours = self.model.config.view.default == "objects"
            can_end = ours and not self._viewing.shared
            if can_end:
                found = end_left(
                    self.model,
                    found,
                    objects,
                    self.shape,
                    reverse=reverse,
                    is_blank=lambda t: self._frames.is_blank(kind, t),
                )
            if self._divisions and not reverse:
                found = end_divided(self._finder, self, found, objects)
                if can_end:
                    found = end_faded(self.model, found, objects)
            return results | self._follower.keep(frame, found, reverse=reverse)

    def follow(
        self, frame: int, object_ids: Sequence[int], *, reverse: bool
    ) -> dict[int, ObjectMask]:
        """Find a few objects on a frame within `track`, whatever is around them."""
        found = self._follower.find(frame, object_ids, reverse=reverse)
        return self._follower.keep(frame, found, reverse=reverse)

    def has_tracked(self, frame: int, object_id: int) -> bool:
        """Whether there is a tracked mask that points on a frame would correct."""
        state = self._follower.objects.get(object_id)
        return state is not None and state.tracked_mask(frame) is not None

    def forget(self, object_id: int, frame: int | None = None) -> None:
        """Forget an object, or what is known of it on one frame."""
        self._follower.forget(object_id, frame)

    def snapshot(self) -> bytes:
        """Give everything tracking depends on, for :meth:`restore`.

        Tracking on is tracking on after :meth:`restore`, to the last bit.
        """
        follower = self._follower
        return pack(follower.objects, follower.likeness, self.views_name)

    def restore(self, data: bytes) -> None:
        """Go back to a :meth:`snapshot` of the same movie and model."""
        follower, device = self._follower, self.computing.device
        follower.objects, follower.likeness, views = unpack(data, device)
        self._viewing.force(views)

    def _looked_up(self, frame: int, object_id: int) -> Tracked:
        """Find an object on a frame that it was not followed to."""
        state = self._follower.objects[object_id]
        state.forget(frame)
        reverse = min(state.sightings) > frame
        with self.computing:
            found = self._follower.find(frame, [object_id], reverse=reverse)[object_id]
        seen = extent_of_mask(found.mask.mask, found.mask.offset)
        sighting = Sighting(found.view, seen, reverse)
        return Tracked(sighting, found.prediction.logits.clone())

    @torch.inference_mode()
    def video_logits(self, frame: int, object_ids: Sequence[int]) -> Tensor:
        """Give logits at the frame's size, ``(N, 1, H, W)``, float32 on the CPU.

        Objects that are not known on the frame, or were judged absent, are -1024.
        """
        full = torch.full((len(object_ids), 1, *self.shape), ABSENT_LOGIT)
        for row, object_id in enumerate(object_ids):
            state = self._follower.objects.get(object_id)
            logits = None if state is None else self._follower.logits(frame, state)
            if state is not None and logits is not None:
                view = state.sightings[frame].view
                full[row, 0] = self._viewing.fill_frame(logits[0, 0], view)
        return full

    def warm_up(self) -> None:
        """Answer a click that nobody made, so that the first one is not the slowest."""
        if self.model.config.view.default != "objects" or self.views_name == "frame":
            return  # whole frames take long; prompts decide whether they are wanted
        scratch = SamI2VPredictor(self.model, self.video, self.computing)
        scratch.segment(0, 1, [PointPrompt(frame=0, object_id=1, yx=(0.0, 0.0))])
        scratch.close()

    def close(self) -> None:
        """Stop reading ahead."""
        self._frames.close()
