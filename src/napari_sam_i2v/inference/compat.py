"""SAM 2 style calls over the same engine.

A script written for SAM 2 or SAM-I2V needs only its import and its build line
changed. Coordinates are ``xy`` here, and logits are returned, because its users
expect both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.inference.build import Network, build_predictor, load_network
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.masklets import crop_positive
from napari_sam_i2v.prompt_rules import check_objects, check_order
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.video import VideoSource, open_video

Answer = tuple[int, list[int], Tensor]


@dataclass
class InferenceState:
    """One movie's objects and results.

    Attributes
    ----------
    predictor
        The engine of this movie.
    object_ids
        In the order they were first prompted.
    prompts
        By frame and object, in order.
    """

    predictor: SamI2VPredictor
    object_ids: list[int] = field(default_factory=list)
    prompts: dict[tuple[int, int], list[Prompt]] = field(default_factory=dict)

    @property
    def video(self) -> VideoSource:
        """The movie."""
        return self.predictor.video


@dataclass(frozen=True)
class VideoPredictor:
    """What :func:`build_video_predictor` builds; see there."""

    network: Network
    options: dict[str, Any]

    def init_state(self, video_path: object, **_: bool) -> InferenceState:
        """Open a movie: a path or an array, anything `track` takes.

        SAM 2's switches for what is kept where (``offload_video_to_cpu`` and so on) are
        taken and change nothing: frames are read when they are needed.
        """
        video = open_video(video_path)
        return InferenceState(build_predictor(self.network, video, **self.options))

    def add_new_points_or_box(
        self,
        inference_state: InferenceState,
        frame_idx: int,
        obj_id: int,
        points: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        clear_old_points: bool = True,
        normalize_coords: bool = True,
        box: ArrayLike | None = None,
    ) -> Answer:
        """Prompt an object on a frame with clicks and a box.

        Parameters
        ----------
        inference_state
            From :meth:`init_state`.
        frame_idx, obj_id
            Frame and object; a new object may come at any time.
        points, labels
            ``(P, 2)`` clicks, x first, and 1 or 0 for each.
        clear_old_points
            Whether earlier prompts there are forgotten; if not, these refine the
            earlier answer, whose logits are fed back.
        normalize_coords
            Whether coordinates are pixels of the movie; if not, they are 0 to 1.
        box
            ``x_min, y_min, x_max, y_max``.

        Returns
        -------
        tuple
            The frame, all objects, and logits ``(N, 1, H, W)`` float32.
        """
        points = np.asarray([] if points is None else points, float).reshape(-1, 2)
        corners = np.asarray([] if box is None else box, float).reshape(-1, 2)
        if not (np.isfinite(points).all() and np.isfinite(corners).all()):
            raise InputError("points and boxes must be numbers, not NaN or infinite")
        labels = np.asarray([] if labels is None else labels).reshape(-1)
        if len(points) != len(labels):
            raise InputError(
                f"{len(points)} points and {len(labels)} labels; give one label a point"
            )
        if box is None and not len(points):
            raise InputError("no prompt; give points with labels, or a box")
        if box is not None and not clear_old_points:
            raise InputError("a box comes first; give it with clear_old_points=True")
        self._check_frame(inference_state, frame_idx)
        fresh: list[Prompt] = []
        to_yx = _Coordinates(inference_state, normalize_coords)
        if box is not None:
            drawn = BoxPrompt(
                frame=frame_idx,
                object_id=obj_id,
                yx_min=to_yx(corners[0]),
                yx_max=to_yx(corners[1]),
            )
            check_order(drawn)
            fresh.append(drawn)
        for xy, label in zip(points, labels, strict=True):
            fresh.append(
                PointPrompt(
                    frame=frame_idx,
                    object_id=obj_id,
                    yx=to_yx(xy),
                    positive=bool(label == 1),
                )
            )
        return self._prompt(inference_state, frame_idx, obj_id, fresh, clear_old_points)

    def add_new_points(self, *arguments: Any, **named: Any) -> Answer:
        """Old name of :meth:`add_new_points_or_box`."""
        return self.add_new_points_or_box(*arguments, **named)

    def add_new_mask(
        self,
        inference_state: InferenceState,
        frame_idx: int,
        obj_id: int,
        mask: ArrayLike | Tensor,
    ) -> Answer:
        """Prompt an object on a frame with a mask, ``(H, W)``."""
        self._check_frame(inference_state, frame_idx)
        # A copy: it is looked at once more when tracking starts.
        full = np.asarray(mask, dtype=bool).copy()
        shape = inference_state.predictor.shape
        if full.shape != shape:
            raise InputError(
                f"the mask is {full.shape}; the movie's frames are {shape}"
            )
        offset, crop = crop_positive(full)
        prompt = MaskPrompt(frame=frame_idx, object_id=obj_id, mask=crop, offset=offset)
        return self._prompt(inference_state, frame_idx, obj_id, [prompt], True)

    def propagate_in_video(
        self,
        inference_state: InferenceState,
        start_frame_idx: int | None = None,
        max_frame_num_to_track: int | None = None,
        reverse: bool = False,
    ) -> Iterator[Answer]:
        """Track all objects from frame to frame.

        Parameters
        ----------
        inference_state
            From :meth:`init_state`.
        start_frame_idx
            The first prompted frame (reverse: the last) if ``None``.
        max_frame_num_to_track
            As in SAM 2, one frame more than this is visited: the start counts apart.
        reverse
            Whether to go backward in time.
        """
        state = inference_state
        prompted = sorted({frame for frame, _ in state.prompts})
        if not prompted:
            raise InputError("nothing to track; prompt an object first")
        last = state.video.n_frames - 1
        start = start_frame_idx
        if start is None:
            start = prompted[-1] if reverse else prompted[0]
        self._check_frame(state, start)
        reach = last if max_frame_num_to_track is None else max_frame_num_to_track
        stop = max(0, start - reach) if reverse else min(last, start + reach)
        for frame in range(start, stop + (-1 if reverse else 1), -1 if reverse else 1):
            started = [
                i for i in state.object_ids if self._started(state, i, frame, reverse)
            ]
            due = [i for i in started if (frame, i) not in state.prompts]
            if due:
                state.predictor.track(frame, due, reverse=reverse)
            yield self._answer(state, frame)

    def clear_all_prompts_in_frame(
        self, inference_state: InferenceState, frame_idx: int, obj_id: int
    ) -> Answer:
        """Forget an object's prompts on a frame; no trace of the last one stays."""
        inference_state.prompts.pop((frame_idx, obj_id), None)
        inference_state.predictor.forget(obj_id, frame_idx)
        if all(other != obj_id for _, other in inference_state.prompts):
            inference_state.predictor.forget(obj_id)
        return self._answer(inference_state, frame_idx)

    def remove_object(
        self,
        inference_state: InferenceState,
        obj_id: int,
        strict: bool = True,
        need_output: bool = True,
    ) -> tuple[list[int], list[tuple[int, Tensor]]]:
        """Forget an object; returns who is left and their frames anew.

        Parameters
        ----------
        inference_state, obj_id
            Whose object.
        strict
            Whether it is an error if there is no such object.
        need_output
            Whether to give frames; if not, that list is empty.
        """
        state = inference_state
        if obj_id not in state.object_ids:
            if not strict:
                return list(state.object_ids), []
            raise InputError(f"no object {obj_id}; there are {state.object_ids}")
        frames = sorted(frame for frame, i in state.prompts if i == obj_id)
        frames = frames if need_output else []
        state.object_ids.remove(obj_id)
        state.prompts = {k: v for k, v in state.prompts.items() if k[1] != obj_id}
        state.predictor.forget(obj_id)
        return list(state.object_ids), [
            (frame, self._answer(state, frame)[2]) for frame in frames
        ]

    def reset_state(self, inference_state: InferenceState) -> None:
        """Forget all objects."""
        for object_id in inference_state.object_ids:
            inference_state.predictor.forget(object_id)
        inference_state.object_ids.clear()
        inference_state.prompts.clear()

    def _prompt(
        self,
        state: InferenceState,
        frame: int,
        object_id: int,
        fresh: list[Prompt],
        clear: bool,
    ) -> Answer:
        key = (frame, object_id)
        earlier = [] if clear else state.prompts.get(key, [])
        prompts = earlier + fresh
        others = [p for k, v in state.prompts.items() if k != key for p in v]
        check_objects([p for p in others if p.object_id == object_id] + prompts)
        state.predictor.segment(frame, object_id, prompts, refine=bool(earlier))
        state.prompts[key] = prompts
        if object_id not in state.object_ids:
            state.object_ids.append(object_id)
        return self._answer(state, frame)

    def _answer(self, state: InferenceState, frame: int) -> Answer:
        ids = list(state.object_ids)
        return frame, ids, state.predictor.video_logits(frame, ids)

    @staticmethod
    def _started(
        state: InferenceState, object_id: int, frame: int, reverse: bool
    ) -> bool:
        """Whether an object has a prompt at or behind a frame."""
        own = [f for f, i in state.prompts if i == object_id]
        return any(f >= frame for f in own) if reverse else any(f <= frame for f in own)

    @staticmethod
    def _check_frame(state: InferenceState, frame: int) -> None:
        if not 0 <= frame < state.video.n_frames:
            raise InputError(
                f"frame {frame} is not in the movie; it has frames 0 to "
                f"{state.video.n_frames - 1}"
            )


class _Coordinates:
    """``xy`` of SAM 2 to ``yx`` of ours.

    Over a whole frame SAM 2 takes x to the network's pixels as x / width * size and
    only then adds half a pixel; ours are centres of pixels before and after.
    """

    def __init__(self, state: InferenceState, pixels: bool) -> None:
        height, width = state.predictor.shape
        size = state.predictor.model.config.input_size
        self._scale = (1.0, 1.0) if pixels else (float(height), float(width))
        self._shift = (0.0, 0.0)
        if state.predictor.views_name == "frame":
            self._shift = (0.5 * height / size - 0.5, 0.5 * width / size - 0.5)

    def __call__(self, xy: Sequence[float]) -> tuple[float, float]:
        return (
            float(xy[1]) * self._scale[0] + self._shift[0],
            float(xy[0]) * self._scale[1] + self._shift[1],
        )


def build_video_predictor(  # noqa: PLR0913
    model: str | Path = "sam-i2v",
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
    views: str = "frame",
    selection: str = "top-k",
    seed: int = 0,
    fill_holes: int = 0,
) -> VideoPredictor:
    """Build a predictor with SAM 2's calls.

    Each object is followed as if it were alone, and on to the end, dividing or not. In
    views of its own, with a model made for them, it is absent once it has left.

    Parameters
    ----------
    model
        A member of the family by name, or its YAML file.
    checkpoint
        Weights; those known for the model without.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    precision, compiled
        See :func:`load_network`.
    views
        ``frame`` (as released), ``objects`` or ``auto``.
    selection
        ``top-k``, or ``sampled`` with ``seed``: drawn as the released code draws.
    seed
        See ``selection``.
    fill_holes
        Area of holes filled and specks removed, in pixels of the decoder's grid.
    """
    network = load_network(
        model,
        checkpoint=checkpoint,
        device=device,
        precision=precision,
        compiled=compiled,
    )
    options = {
        "views": views,
        "selection": selection,
        "seed": seed,
        "fill_holes": fill_holes,
        "divisions": "ignore",
        "neighbours": "ignore",
    }
    return VideoPredictor(network, options)
