"""Frames, prompts and masks to tensors and back: all scaling is done here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from napari_sam_i2v.masklets import crop_positive
from napari_sam_i2v.model.prompt_encoder import (
    BOX_END,
    BOX_START,
    NEGATIVE,
    POSITIVE,
    PromptTensors,
)
from napari_sam_i2v.model.sampling import GIVEN_LOGIT, sample_square
from napari_sam_i2v.prompts import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from napari_sam_i2v.views import View

# What the released model feeds back at most.
PRIOR_LIMIT = 32.0


def frame_tensor(image: NDArray) -> Tensor:
    """Turn what a video gives into ``(C, H, W)`` float, 0 to 1."""
    pixels = torch.from_numpy(np.ascontiguousarray(image))
    if pixels.dtype == torch.uint8:
        pixels = pixels.float() / 255
    return pixels[None].float() if pixels.ndim == 2 else pixels.permute(2, 0, 1)


def whole_frame(image: NDArray, size: int) -> Tensor:
    """Resize a frame to the network's square.

    8-bit RGB goes through Pillow, rounding included, as the released preprocessing
    does; anything else is resized in float by the same cubic kernel.

    Returns
    -------
    torch.Tensor
        ``(3, size, size)``, 0 to 1.
    """
    if image.dtype == np.uint8 and image.ndim == 3:
        pixels = np.asarray(Image.fromarray(image).resize((size, size)))
        return torch.from_numpy((pixels / 255.0).astype(np.float32)).permute(2, 0, 1)
    frame = frame_tensor(image)[None]
    resized = F.interpolate(
        frame, (size, size), mode="bicubic", align_corners=False, antialias=True
    )[0]
    return resized.clamp(0, 1).expand(3, -1, -1)


def point_tensors(
    prompts: Sequence[Prompt], view: View, size: int, prior: Tensor | None = None
) -> PromptTensors:
    """Lay out the box and the points of one object in a view.

    Parameters
    ----------
    prompts
        Boxes and points in the order they were given; masks are left out.
    view
        Through which the network looks.
    size
        Side of the network's input.
    prior
        Mask logits to refine, ``(1, 1, 4h, 4w)``.
    """
    marks: list[tuple[tuple[float, float], int]] = []
    for prompt in prompts:
        match prompt:
            case BoxPrompt():
                marks.append((prompt.yx_min, BOX_START))
                marks.append((prompt.yx_max, BOX_END))
            case PointPrompt():
                marks.append((prompt.yx, POSITIVE if prompt.positive else NEGATIVE))
            case MaskPrompt():
                pass
    points = [view.to_view(yx, size)[::-1] for yx, _ in marks]
    labels = [label for _, label in marks]
    mask = None if prior is None else prior.clamp(-PRIOR_LIMIT, PRIOR_LIMIT)
    places = torch.tensor([points], dtype=torch.float32)
    return PromptTensors(places, torch.tensor([labels]), mask)


def mask_in_view(
    prompt: MaskPrompt, view: View, size: int, shape: tuple[int, int], *, whole: bool
) -> Tensor:
    """Resample a given mask to the network's input: ``(1, 1, size, size)``, 0 or 1."""
    full = torch.zeros(1, *shape)
    (top, left), (height, width) = prompt.offset, prompt.mask.shape
    full[0, top : top + height, left : left + width] = torch.from_numpy(
        np.ascontiguousarray(prompt.mask, dtype=np.float32)
    )
    if whole:
        resampled = F.interpolate(
            full[None], (size, size), mode="bilinear", antialias=True
        )
    else:
        resampled = sample_square(full, view.centre, view.extent[0], size)[None]
    return (resampled >= 0.5).float()


def given_logits(mask: Tensor, mask_size: int) -> Tensor:
    """Logits of a given mask on the grid of the decoder, ``(B, 1, 4h, 4w)``."""
    stretched = mask * (2 * GIVEN_LOGIT) - GIVEN_LOGIT
    return F.interpolate(
        stretched, (mask_size, mask_size), mode="bilinear", antialias=True
    )


def upscale_logits(logits: Tensor, shape: tuple[int, int]) -> Tensor:
    """Logits of whole-frame views at the frame's size, ``(B, 1, H, W)``."""
    return F.interpolate(logits, shape, mode="bilinear", align_corners=False)


def paste(
    logits: Tensor, view: View, shape: tuple[int, int], *, cropped: bool = True
) -> tuple[tuple[int, int], NDArray[np.float32]]:
    """Bring one object's logits back into the frame.

    Parameters
    ----------
    logits
        ``(4h, 4w)`` on the view's grid.
    view
        Where the network looked.
    shape
        ``(Y, X)`` of the frame.
    cropped
        Whether only the part that holds positive logits is wanted.

    Returns
    -------
    tuple of (int, int) and numpy.ndarray
        ``yx`` in the frame of a crop, and the crop.
    """
    size = logits.shape[-1]
    slices, steps = [], []
    for corner, extent, length in zip(view.corner, view.extent, shape, strict=True):
        start = min(max(0, int(np.ceil(corner))), length)
        stop = max(start, min(length, int(np.ceil(corner + extent))))
        slices.append((start, stop))
        pixels = torch.arange(start, stop, device=logits.device, dtype=torch.float32)
        steps.append((pixels - corner) / extent * 2 - 1)
    (top, _), (left, _) = slices
    if min(len(step) for step in steps) == 0:
        return (0, 0), np.zeros((0, 0), np.float32)
    y, x = torch.meshgrid(*steps, indexing="ij")
    grid = torch.stack([x, y], dim=-1)[None]
    pasted = F.grid_sample(
        logits.reshape(1, 1, size, size).float(),
        grid,
        padding_mode="border",
        align_corners=False,
    )
    whole = pasted[0, 0].cpu().numpy()
    if not cropped:
        return (top, left), whole
    offset, crop = crop_positive(whole)
    return (offset[0] + top, offset[1] + left), crop


def squares_in(
    views: Sequence[View], others: Sequence[View], logits: Tensor
) -> tuple[Tensor, Tensor]:
    """Find square views in others, to resample what was seen there.

    Parameters
    ----------
    views
        N views.
    others
        As many, where they are wanted.
    logits
        ``(N, C, S, S)``, seen in ``views``.

    Returns
    -------
    tuple of torch.Tensor
        Centres ``(N, 2)`` and sides ``(N,)`` of the others, in pixels of the logits.
    """
    size = logits.shape[-1]
    pairs = list(zip(views, others, strict=True))
    centres = [view.to_view(other.centre, size) for view, other in pairs]
    sides = [other.extent[0] / view.extent[0] * size for view, other in pairs]
    return logits.new_tensor(centres), logits.new_tensor(sides)
