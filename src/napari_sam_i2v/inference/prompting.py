"""From prompts on a frame to an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from napari_sam_i2v.inference.objects import ObjectState, Vouched
from napari_sam_i2v.inference.tightness import filled
from napari_sam_i2v.inference.transforms import (
    given_logits,
    mask_in_view,
    point_tensors,
    squares_in,
)
from napari_sam_i2v.inference.viewing import Viewing
from napari_sam_i2v.masklets import ObjectMask, crop_positive
from napari_sam_i2v.model.image_encoder import Features
from napari_sam_i2v.model.memory import MemoryTokens
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import Conditioned, Prediction, SamI2V
from napari_sam_i2v.model.sampling import GIVEN_LOGIT, carried
from napari_sam_i2v.prompt_rules import shows
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.views import Extent, View, extent_of_prompts


@dataclass
class Question:
    """Prompts of one object on a frame, and what is known there already.

    Attributes
    ----------
    frame
        Frame number.
    prompts
        One mask or box first, or none; then points.
    view
        Where the object was looked for on this frame before.
    prior
        Logits of that answer, ``(1, 1, 4h, 4w)``, to be corrected.
    memory
        What the frame attends to, if it was tracked before.
    """

    frame: int
    prompts: tuple[Prompt, ...]
    view: View | None = None
    prior: Tensor | None = None
    memory: MemoryTokens | None = None


def answer(
    model: SamI2V, viewing: Viewing, question: Question, shape: tuple[int, int]
) -> Vouched:
    """Answer prompts.

    A mask alone stands as it is. A box or a mask tells how large the object is; of
    points alone several views are tried, and the object is looked at once more at the
    size it then turned out to have, and after every point.
    """
    prompts, policy = question.prompts, viewing.policy
    mask = next((p for p in prompts if isinstance(p, MaskPrompt)), None)
    extent = extent_of_prompts(prompts)
    if mask is not None and extent is None:  # an empty mask: the object is not there
        extent = Extent(((shape[0] - 1) / 2, (shape[1] - 1) / 2), min(shape) / 3)
    if mask is not None and len(prompts) == 1:
        assert extent is not None
        return Vouched(policy.around(extent), None, mask, prompts)
    if extent is not None:
        view = policy.around(extent, given="box" if mask is None else "mask")
    elif question.view is not None:
        view = _with_points(question.view, prompts)
    else:
        view = _find(model, viewing, question)
        if not policy.shared:
            question, view = _click_by_click(model, viewing, question, view, shape)
    return Vouched(view, _look(model, viewing, question, view, shape), mask, prompts)


def answer_points(
    model: SamI2V,
    viewing: Viewing,
    frame: int,
    asked: Sequence[tuple[View, Sequence[Prompt]]],
) -> list[Prediction]:
    """Answer points in views of a frame, equally many in each, as one batch."""
    size = model.config.input_size
    features = viewing.encoder.encode(frame, [view for view, _ in asked])
    laid_out = [point_tensors(points, view, size) for view, points in asked]
    prompts = PromptTensors(
        torch.cat([one.points for one in laid_out]).to(features.tokens.device),
        torch.cat([one.labels for one in laid_out]).to(features.tokens.device),
    )
    decoded = model.decode(model.condition(features, None), features, prompts)
    decoded = viewing.judge(frame, decoded)
    return [decoded.row(row) for row in range(len(asked))]


def _find(model: SamI2V, viewing: Viewing, question: Question) -> View:
    """Choose the view of an object of which only points are known."""
    policy = viewing.policy
    views = policy.guesses(_anchor(question.prompts).yx)
    if policy.shared:
        return views[0]
    asked = [(view, question.prompts) for view in views]
    answers = answer_points(model, viewing, question.frame, asked)
    view, prediction = max(zip(views, answers, strict=True), key=_sureness)
    return _fitted(viewing, prediction, view)


def _fitted(viewing: Viewing, prediction: Prediction, view: View) -> View:
    """Give the view for the size that a clicked object turned out to have."""
    seen = viewing.seen(prediction, view)
    return view if seen is None else viewing.policy.around(seen, given="click")


def _click_by_click(
    model: SamI2V,
    viewing: Viewing,
    question: Question,
    view: View,
    shape: tuple[int, int],
) -> tuple[Question, View]:
    """Answer all points but the last; gives the question that is left, and its view.

    A point after the first corrects a mask, and is learned with that mask at hand. It
    is moved to a view of the size that the object turned out to have.
    """
    first = _anchor(question.prompts)
    points = [first, *(point for point in question.prompts if point is not first)]
    for known in range(1, len(points)):
        so_far = replace(question, prompts=tuple(points[:known]))
        prediction = _look(model, viewing, so_far, view, shape)
        prior, fitted = prediction.logits, _fitted(viewing, prediction, view)
        if not fitted.shows(points[known].yx):
            fitted = _with_points(view, points[known : known + 1])
        if fitted != view:
            prior = carried(prior, *squares_in([view], [fitted], prior))
            view = fitted
        question = replace(question, view=view, prior=prior)
    return question, view


def _look(
    model: SamI2V,
    viewing: Viewing,
    question: Question,
    view: View,
    shape: tuple[int, int],
) -> Prediction:
    """Decode prompts; who boxes or clicks a cell sees it, whatever the network says."""
    prediction = _decode(model, viewing, question, view, shape)
    shown = not viewing.policy.shared and shows(question.prompts)
    if shown and _is_absent(prediction):
        return _decode(model, viewing, question, view, shape, there=True)
    return prediction


def _is_absent(prediction: Prediction) -> bool:
    return float(prediction.score[0, 0]) <= 0


def _anchor(prompts: Sequence[Prompt]) -> PointPrompt:
    """Give the first positive point, or the first where there is none."""
    points = [p for p in prompts if isinstance(p, PointPrompt)]
    return next((p for p in points if p.positive), points[0])


def _with_points(view: View, prompts: Sequence[Prompt]) -> View:
    """Give the view if it shows a positive point, else one of its size around one.

    A click elsewhere says that the object was lost.
    """
    points = [p.yx for p in prompts if isinstance(p, PointPrompt) and p.positive]
    if not points or any(view.shows(yx) for yx in points):
        return view
    return View.square(points[-1], view.extent[0])


def _sureness(answered: tuple[View, Prediction]) -> float:
    """Rank answers: present ones first, by predicted IoU."""
    _, prediction = answered
    return float(prediction.iou[0]) + (not _is_absent(prediction))


def _decode(
    model: SamI2V,
    viewing: Viewing,
    question: Question,
    view: View,
    shape: tuple[int, int],
    *,
    there: bool = False,
) -> Prediction:
    """Decode prompts that are not a mask alone; ``there``: see ``SamI2V.decode``."""
    first, rest = question.prompts[0], question.prompts[1:]
    features = viewing.encoder.encode(question.frame, [view])
    conditioned = model.condition(features, question.memory)
    # What was answered in another view is of no use in this one.
    prior = question.prior if view == question.view else None
    if isinstance(first, MaskPrompt):
        mask = _mask_tensor(model, first, view, viewing, shape)
        prior = given_logits(mask, model.config.mask_size).to(features.tokens.device)
    elif isinstance(first, BoxPrompt) and rest and prior is None:
        boxed = _decode_points(
            model, features, conditioned, [first], view, None, there=there
        )
        prior = _filled(viewing, boxed, view, first, shape).logits
    decoded = _decode_points(
        model, features, conditioned, question.prompts, view, prior, there=there
    )
    decoded = viewing.judge(question.frame, decoded)
    # Who clicks as well says more about the mask than a box does.
    if isinstance(first, BoxPrompt) and not rest:
        return _filled(viewing, decoded, view, first, shape)
    return decoded


def _filled(
    viewing: Viewing,
    prediction: Prediction,
    view: View,
    box: BoxPrompt,
    shape: tuple[int, int],
) -> Prediction:
    """Let a mask fill its box, if it nearly does and views are an object's own."""
    if viewing.policy.shared:
        return prediction
    return filled(prediction, view, box, shape)


def _decode_points(
    model: SamI2V,
    features: Features,
    conditioned: Conditioned,
    prompts: Sequence[Prompt],
    view: View,
    prior: Tensor | None,
    *,
    there: bool = False,
) -> Prediction:
    tensors = point_tensors(prompts, view, model.config.input_size, prior)
    device = features.tokens.device
    placed = PromptTensors(
        tensors.points.to(device), tensors.labels.to(device), tensors.mask
    )
    return model.decode(conditioned, features, placed, there=there)


def given_mask(
    model: SamI2V,
    vouched: Vouched,
    viewing: Viewing,
    shape: tuple[int, int],
    device: torch.device,
    *,
    features: Features | None = None,
) -> Prediction:
    """Put a given mask in the form of an answer.

    The decoder makes its object pointer, from ``features``; without them the pointer
    is left out.
    """
    assert vouched.mask is not None
    mask = _mask_tensor(model, vouched.mask, vouched.view, viewing, shape).to(device)
    here = mask.flatten(1).any(1, keepdim=True)
    width = model.config.width
    return Prediction(
        given_logits(mask, model.config.mask_size),
        torch.ones(1, device=device),
        torch.where(here, GIVEN_LOGIT, -GIVEN_LOGIT),
        torch.zeros(1, width, device=device)
        if features is None
        else model.point_at(features, mask),
    )


def known_logits(
    model: SamI2V,
    viewing: Viewing,
    state: ObjectState,
    frame: int,
    shape: tuple[int, int],
) -> Tensor | None:
    """Give an object's logits on the decoder's grid, ``(1, 1, 4h, 4w)``, if known."""
    vouched = state.vouched.get(frame)
    if vouched is None:
        tracked = state.tracked_mask(frame)
        return None if tracked is None else tracked.logits.float()
    if vouched.prediction is not None:
        return vouched.prediction.logits
    device = model.no_obj_ptr.device
    return given_mask(model, vouched, viewing, shape, device).logits


def vouched_mask(frame: int, object_id: int, vouched: Vouched) -> ObjectMask:
    """Give a mask prompt back at full resolution, as it was given."""
    prompt = vouched.mask
    assert prompt is not None
    (top, left), crop = crop_positive(prompt.mask)
    return ObjectMask(
        frame=frame,
        object_id=object_id,
        offset=(top + prompt.offset[0], left + prompt.offset[1]),
        logits=np.where(crop, np.float32(GIVEN_LOGIT), np.float32(0)),
        predicted_iou=1.0,
        object_score=GIVEN_LOGIT if crop.size else -GIVEN_LOGIT,
    )


def _mask_tensor(
    model: SamI2V,
    prompt: MaskPrompt,
    view: View,
    viewing: Viewing,
    shape: tuple[int, int],
) -> Tensor:
    size = model.config.input_size
    return mask_in_view(prompt, view, size, shape, whole=viewing.shared)
