"""Prompts that someone who knows the truth would give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, assert_never

import numpy as np
from scipy import ndimage

from napari_sam_i2v.io.prompt_masks import mask_prompts
from napari_sam_i2v.masklets import crop_positive
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt

PromptKind = Literal["label", "click", "clicks", "box"]

N_CLICKS = 3
"""Clicks that an object gets on its first frame with the kind ``clicks``."""


def first_frame_prompts(labels: np.ndarray, kind: PromptKind) -> list[Prompt]:
    """Prompt every object of a movie's first frame, before any answer is seen.

    Parameters
    ----------
    labels
        True labels, ``(T, Y, X)``.
    kind
        ``"label"``: the true mask; ``"click"``, and the first of ``"clicks"``: the
        pixel farthest from the mask's edge; ``"box"``: the tight box around the mask.

    Returns
    -------
    list of Prompt
        One per object, sorted by id.
    """
    masks = mask_prompts(labels[0], 0)
    match kind:
        case "label":
            return list(masks)
        case "click" | "clicks":
            return [_click(mask) for mask in masks]
        case "box":
            return [_box(mask) for mask in masks]
        case _:
            assert_never(kind)


def corrective_click(
    answer: np.ndarray,
    truth: np.ndarray,
    *,
    frame: int,
    object_id: int,
    clicked: Iterable[PointPrompt] = (),
) -> PointPrompt | None:
    """Click where an answer is most wrong.

    Parameters
    ----------
    answer, truth
        Boolean masks of the object, ``(Y, X)``.
    frame, object_id
        What they are masks of.
    clicked
        Clicks that the object has on the frame; another one keeps away from them.

    Returns
    -------
    PointPrompt, or None
        The pixel deepest inside what is missed (positive) or what is too much
        (negative); ``None`` where nothing is wrong.
    """
    wrong = answer != truth
    for click in clicked:
        y, x = click.yx
        wrong[round(y), round(x)] = False
    (top, left), crop = crop_positive(wrong)
    if not crop.size:
        return None
    here = np.s_[top : top + crop.shape[0], left : left + crop.shape[1]]
    missed, extra = _deepest(crop & truth[here]), _deepest(crop & answer[here])
    positive = missed[0] >= extra[0]
    _, (y, x) = missed if positive else extra
    return PointPrompt(
        frame=frame,
        object_id=object_id,
        yx=(float(top + y), float(left + x)),
        positive=positive,
    )


def _deepest(mask: np.ndarray) -> tuple[float, tuple[int, int]]:
    """Find the pixel farthest from a mask's edge, and how far that is."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(depth[y, x]), (int(y), int(x))


def _click(prompt: MaskPrompt) -> PointPrompt:
    _, (y, x) = _deepest(prompt.mask)
    return PointPrompt(
        frame=prompt.frame,
        object_id=prompt.object_id,
        yx=(float(prompt.offset[0] + y), float(prompt.offset[1] + x)),
    )


def _box(prompt: MaskPrompt) -> BoxPrompt:
    (top, left), (height, width) = prompt.offset, prompt.mask.shape
    return BoxPrompt(
        frame=prompt.frame,
        object_id=prompt.object_id,
        yx_min=(float(top), float(left)),
        yx_max=(float(top + height - 1), float(left + width - 1)),
    )
