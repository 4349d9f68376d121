"""Finding objects on a frame from their memory, and remembering where they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_sam_i2v.inference.devices import Computing
from napari_sam_i2v.inference.objects import ObjectState, Sighting
from napari_sam_i2v.inference.prompting import given_mask, known_logits
from napari_sam_i2v.inference.recall import Recalled, recall
from napari_sam_i2v.inference.similarity import FrameLikeness
from napari_sam_i2v.inference.small import clean_small
from napari_sam_i2v.inference.transforms import squares_in
from napari_sam_i2v.inference.viewing import Viewing
from napari_sam_i2v.masklets import Ending, ObjectMask
from napari_sam_i2v.model.image_encoder import Features
from napari_sam_i2v.model.memory import MemoryEntry, MemoryTokens
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import ABSENT_LOGIT, Prediction, SamI2V
from napari_sam_i2v.model.sampling import carried
from napari_sam_i2v.model.selection import Policy
from napari_sam_i2v.views import View, extent_of_mask


@dataclass(frozen=True)
class Found:
    """What is said of one object on a frame, before it is remembered.

    Attributes
    ----------
    view
        Where the network looked.
    features
        What it saw there, as memory needs it.
    prediction
        What it says, batch size 1.
    mask
        The mask that comes of it, in the frame.
    ending
        Why the object is absent from there on, if it is.
    """

    view: View
    features: Features
    prediction: Prediction
    mask: ObjectMask
    ending: Ending | None = None


class Follower:
    """Finds objects from what it remembers of them.

    Parameters
    ----------
    model, viewing
        The network and how it looks.
    computing
        Device and batch size.
    n_frames
        Length of the movie.
    shape
        ``(Y, X)`` of a frame.
    policy
        How memory frames are selected.
    fill_holes
        See :class:`~napari_sam_i2v.inference.predictor.SamI2VPredictor`.

    Attributes
    ----------
    objects
        What is known of each object.
    likeness
        How alike frames look.
    """

    def __init__(
        self,
        model: SamI2V,
        viewing: Viewing,
        computing: Computing,
        *,
        n_frames: int,
        shape: tuple[int, int],
        policy: Policy,
        fill_holes: int,
    ) -> None:
        self.objects: dict[int, ObjectState] = {}
        self.likeness = FrameLikeness()
        self._model = model
        self._viewing = viewing
        self._computing = computing
        self._travel = range(n_frames)
        self._shape = shape
        self._policy = policy
        self._fill_holes = fill_holes

    def find(
        self, frame: int, object_ids: Sequence[int], *, reverse: bool
    ) -> dict[int, Found]:
        """Find objects, few enough for one batch.

        Prompted frames become memory now; what is found does not yet.
        """
        self._remember_vouched(object_ids)
        states = [self.objects[object_id] for object_id in object_ids]
        behind = [state.behind(frame, reverse=reverse) for state in states]
        left, views = [], []
        for state, last in zip(states, behind, strict=True):
            sighting = state.sightings[last]
            jump = self._viewing.carried_along(sighting.view, last, frame)
            left.append(sighting.view.moved(jump))
            view = self._viewing.policy.after(sighting.view, sighting.seen)
            views.append(view.moved(jump))
        features = self._viewing.encoder.encode(frame, views)
        reach = self._model.config.memory.global_reach
        for row, tokens in enumerate(features.tokens):
            self.likeness.note(self._key(object_ids[row]), frame, tokens, reach)

        recalled = [
            self._recall(frame, object_id, view, reverse=reverse)
            for object_id, view in zip(object_ids, views, strict=True)
        ]
        conditioned = self._model.condition(features, self._tokens(recalled))
        prompts = PromptTensors.none(len(object_ids), self._computing.device)
        if self._model.config.memory.last_mask:
            masks = [self.logits(t, s) for t, s in zip(behind, states, strict=True)]
            prompts = replace(prompts, mask=self._carried(masks, left, views))
        prediction = self._model.decode(conditioned, features, prompts)
        prediction = self.cleaned(prediction)
        prediction = self._viewing.judge(frame, prediction)
        return {
            object_id: Found(
                views[row],
                Features(self._row(features, row).tokens),
                prediction.row(row),
                self._viewing.mask(frame, object_id, prediction, row, views[row]),
            )
            for row, object_id in enumerate(object_ids)
        }

    def keep(
        self, frame: int, found: Mapping[int, Found], *, reverse: bool
    ) -> dict[int, ObjectMask]:
        """Remember what was found on a frame, and give its masks."""
        reach = self._model.config.memory.global_reach
        entries: dict[int, MemoryEntry] = {}
        for batch in self._computing.batches(list(found)):
            entries |= self._computing.retry_smaller(
                lambda ids: self._remembered({i: found[i] for i in ids}), batch
            )
        for object_id, each in found.items():
            state, mask = self.objects[object_id], each.mask
            seen = extent_of_mask(mask.mask, mask.offset)
            state.sightings[frame] = Sighting(
                each.view, seen, reverse, each.ending, mask.area, mask.object_score
            )
            state.note(frame, entries[object_id], each.prediction.logits, reach)
        return {object_id: each.mask for object_id, each in found.items()}

    def recollection(
        self, frame: int, object_id: int, view: View, *, reverse: bool
    ) -> MemoryTokens | None:
        """Give an object's memory for a frame, if there is any."""
        recalled = self._recall(frame, object_id, view, reverse=reverse)
        return self._tokens([recalled]) if recalled else None

    def cleaned(self, prediction: Prediction) -> Prediction:
        """Fill small holes and remove specks, if that is wanted."""
        return clean_small(prediction, self._fill_holes)

    def logits(self, frame: int, state: ObjectState) -> Tensor | None:
        """Give what is known of an object, ``(1, 1, 4h, 4w)``."""
        return known_logits(self._model, self._viewing, state, frame, self._shape)

    def forget(self, object_id: int, frame: int | None) -> None:
        """Forget an object, or what is known of it on one frame."""
        if frame is None:
            self.objects.pop(object_id, None)
        elif object_id in self.objects:
            self.objects[object_id].forget(frame)
        if not self._viewing.shared:
            self.likeness.forget(object_id, frame)

    def _carried(
        self,
        masks: Sequence[Tensor | None],
        left: Sequence[View],
        views: Sequence[View],
    ) -> Tensor:
        """Give masks of B views as they are in other views, ``(B, 1, 4h, 4w)``."""
        size = self._model.config.mask_size
        nowhere = torch.full((1, 1, size, size), ABSENT_LOGIT)
        known = [nowhere if mask is None else mask for mask in masks]
        logits = torch.cat([mask.to(self._computing.device) for mask in known])
        return carried(logits, *squares_in(left, views, logits))

    def _remembered(self, found: Mapping[int, Found]) -> dict[int, MemoryEntry]:
        batch = list(found.values())
        features = batch[0].features
        if not self._viewing.shared:
            features = Features.stack([each.features for each in batch])
        prediction = Prediction.join([each.prediction for each in batch])
        entry = self._model.remember(features, prediction)
        return {object_id: entry.row(row) for row, object_id in enumerate(found)}

    def _remember_vouched(self, object_ids: Sequence[int]) -> None:
        """Make memory of prompted frames, all objects of a frame at once."""
        due: dict[int, list[int]] = {}
        for object_id in object_ids:
            for frame in self.objects[object_id].waiting():
                due.setdefault(frame, []).append(object_id)
        for frame, ids in sorted(due.items()):
            for batch in self._computing.batches(ids):
                self._remember_frame(frame, batch)

    def _remember_frame(self, frame: int, object_ids: Sequence[int]) -> None:
        states = [self.objects[object_id] for object_id in object_ids]
        vouched = [state.vouched[frame] for state in states]
        features = self._viewing.encoder.encode(frame, [v.view for v in vouched])
        device = self._computing.device
        predictions = [
            item.prediction
            or given_mask(
                self._model,
                item,
                self._viewing,
                self._shape,
                device,
                features=self._row(features, row),
            )
            for row, item in enumerate(vouched)
        ]
        sure = torch.ones(len(states), dtype=torch.bool, device=device)
        entry = self._model.remember(
            features, Prediction.join(predictions), vouched=sure
        )
        for row, state in enumerate(states):
            state.bank.conditioning[frame] = entry.row(row)

    def _row(self, features: Features, row: int) -> Features:
        """Pick what one object sees: whole frames are everybody's."""
        return features if self._viewing.shared else features[row : row + 1]

    def _key(self, object_id: int) -> int:
        """Under what the likeness of frames is kept: whole frames are everybody's."""
        return 0 if self._viewing.shared else object_id

    def _recall(
        self, frame: int, object_id: int, view: View, *, reverse: bool
    ) -> Recalled:
        state = self.objects[object_id]
        key, reach = self._key(object_id), self._model.config.memory.global_reach

        def alike(others: Sequence[int]) -> NDArray[np.float64]:
            # Following another object elsewhere may have pushed some out.
            for t in self.likeness.missing(key, [frame, *others]):
                seen_in = view if t == frame else state.sightings[t].view
                features = self._viewing.encoder.encode(t, [seen_in])
                self.likeness.note(key, t, features.tokens[0], reach)
            return self.likeness.of(key, frame, others)

        return recall(
            state,
            frame,
            self._travel[::-1] if reverse else self._travel,
            alike,
            self._policy,
            self._model.config.memory,
        )

    def _tokens(self, recalled: Sequence[Recalled]) -> MemoryTokens:
        return self._model.memory_tokens(
            [[slot for slot, _ in row] for row in recalled],
            [[entry for _, entry in row] for row in recalled],
        )
