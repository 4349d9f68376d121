"""Merging, splitting and ending objects: which masks and prompts are whose afterwards.

Each is one `Revise` action. It names the masks that change hands and spells out the
prompts that the objects have from now on, so that a log tells all that happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.masklets import ObjectMask
from napari_sam_i2v.prompt_rules import shows
from napari_sam_i2v.prompts import MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.session.actions import Remove, Revise
from napari_sam_i2v.session.document import State
from napari_sam_i2v.session.visible import VisibleMasks


def merged(visible: VisibleMasks, state: State, object_ids: Sequence[int]) -> Revise:
    """Let the first of some objects have the masks of the others, which are no more.

    Where only one has a mask, prompts stay what they are; where several have one, a
    prompted frame gets a mask prompt of their union.
    """
    object_id = object_ids[0]
    prompts: list[Prompt] = []
    for frame in sorted({frame for i in object_ids for frame in state.prompts[i]}):
        holders = [i for i in object_ids if _filled(visible, i, frame)]
        if len(holders) == 1 and state.prompts_at(holders[0], frame):
            prompts += _carried(visible, state, holders[0], frame, object_id)
        elif holders:
            masks = [visible.mask(i, frame) for i in holders]
            prompts.append(as_prompt(united(filter(None, masks), object_id)))
    if not prompts:
        named = ", ".join(map(str, object_ids))
        raise InputError(f"objects {named} have no masks to merge")
    approved = {frame for i in object_ids for frame in state.approved.get(i, ())}
    return Revise(
        ended=tuple((i, 0) for i in object_ids),
        moved=tuple((i, 0, object_id) for i in object_ids),
        prompts=tuple(prompts),
        approved=tuple((object_id, frame) for frame in sorted(approved)),
    )


def split(
    visible: VisibleMasks, state: State, object_id: int, frame: int, new_id: int
) -> Revise:
    """Let what an object has from a frame on be another's."""
    later = [t for t in visible.frames_of(object_id) if t >= frame]
    vouched = sorted(t for t in state.prompts[object_id] if t >= frame)
    if not later and not vouched:
        raise InputError(f"object {object_id} has no mask from frame {frame} on")
    prompts = [
        prompt
        for t in vouched
        for prompt in _carried(visible, state, object_id, t, new_id)
    ]
    if later and later[0] not in vouched:
        prompts.append(_mask_prompt(visible, object_id, later[0], new_id))
    kept = _kept(visible, state, object_id, frame)
    if kept is None:
        raise InputError(
            f"object {object_id} has nothing before frame {frame}; split it on a later "
            "frame"
        )
    approved = sorted(t for t in state.approved.get(object_id, ()) if t >= frame)
    return Revise(
        ended=((object_id, frame),),
        moved=((object_id, frame, new_id),),
        prompts=(*kept, *prompts),
        approved=tuple((new_id, t) for t in approved),
    )


def ended(
    visible: VisibleMasks, state: State, object_id: int, frame: int
) -> Revise | Remove:
    """Drop what an object has from a frame on; all of it where that is everything.

    The object is not tracked over those frames again until it is prompted there.
    """
    before = state.ends.get(object_id)
    if before is not None and before <= frame:
        raise InputError(f"object {object_id} has ended before frame {before}")
    kept = _kept(visible, state, object_id, frame)
    if kept is None:
        return Remove(object_ids=(object_id,))
    return Revise(ended=((object_id, frame),), prompts=tuple(kept))


def moved_masks(visible: VisibleMasks, action: Revise) -> list[ObjectMask]:
    """Make the masks that change hands."""
    sources: dict[tuple[int, int], list[int]] = {}
    for object_id, first, new_id in action.moved:
        for frame in visible.places(object_id).frames.tolist():
            if frame >= first:
                sources.setdefault((frame, new_id), []).append(object_id)
    made = []
    for (frame, new_id), object_ids in sources.items():
        masks = [visible.mask(object_id, frame) for object_id in object_ids]
        made.append(united(filter(None, masks), new_id))
    return made


def united(masks: Iterable[ObjectMask], object_id: int) -> ObjectMask:
    """Unite masks of one frame: the highest logit of each pixel, the lowest score."""
    every = list(masks)
    filled = [mask for mask in every if mask.logits.size]
    if len(filled) < 2:
        return replace([*filled, *every][0], object_id=object_id)
    corners = np.array([mask.offset for mask in filled])
    ends = corners + [mask.logits.shape for mask in filled]
    top, left = corners.min(axis=0)
    logits = np.zeros(ends.max(axis=0) - (top, left), filled[0].logits.dtype)
    for mask in filled:
        (y, x), (height, width) = mask.offset, mask.logits.shape
        here = logits[y - top : y - top + height, x - left : x - left + width]
        np.maximum(here, mask.logits, out=here)
    return replace(
        filled[0],
        object_id=object_id,
        offset=(int(top), int(left)),
        logits=logits,
        predicted_iou=min(mask.predicted_iou for mask in filled),
        object_score=max(mask.object_score for mask in filled),
    )


def as_prompt(mask: ObjectMask) -> MaskPrompt:
    """Prompt with a mask as it is."""
    return MaskPrompt(
        frame=mask.frame,
        object_id=mask.object_id,
        mask=mask.mask,
        offset=mask.offset,
    )


def _kept(
    visible: VisibleMasks, state: State, object_id: int, frame: int
) -> Sequence[Prompt] | None:
    """Prompts to add to those before a frame; ``None`` where nothing is before it."""
    before = [
        prompt
        for t, prompts in state.prompts[object_id].items()
        for prompt in prompts
        if t < frame
    ]
    if shows(before):
        return ()
    frames = [t for t in visible.frames_of(object_id) if t < frame]
    if not frames:
        return None
    return (_mask_prompt(visible, object_id, frames[-1], object_id),)


def _carried(
    visible: VisibleMasks, state: State, object_id: int, frame: int, new_id: int
) -> list[Prompt]:
    """Prompts of an object on a frame, for the one that has its mask from now on.

    Points that corrected a tracked mask say too little without it: what they made of
    it is the prompt then.
    """
    prompts = state.prompts_at(object_id, frame)
    only_points = all(isinstance(prompt, PointPrompt) for prompt in prompts)
    tracked = not all(map(state.is_answer, visible.versions(object_id, frame)))
    if only_points and tracked and _filled(visible, object_id, frame):
        return [_mask_prompt(visible, object_id, frame, new_id)]
    return [replace(prompt, object_id=new_id) for prompt in prompts]


def _mask_prompt(
    visible: VisibleMasks, object_id: int, frame: int, new_id: int
) -> MaskPrompt:
    mask = visible.mask(object_id, frame)
    assert mask is not None, "it was listed among the object's frames"
    return as_prompt(replace(mask, object_id=new_id))


def _filled(visible: VisibleMasks, object_id: int, frame: int) -> bool:
    mask = visible.mask(object_id, frame)
    return mask is not None and mask.logits.size > 0
