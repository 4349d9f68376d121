"""Frames, prompts and masks to tensors and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from engines import SIZE, box, click, disc, iou
from napari_sam_i2v.inference.transforms import (
    PRIOR_LIMIT,
    frame_tensor,
    given_logits,
    mask_in_view,
    paste,
    point_tensors,
    upscale_logits,
    whole_frame,
)
from napari_sam_i2v.model.prompt_encoder import (
    BOX_END,
    BOX_START,
    NEGATIVE,
    POSITIVE,
)
from napari_sam_i2v.model.sampling import normalise
from napari_sam_i2v.prompts import MaskPrompt
from napari_sam_i2v.views import View

WHOLE = View((-0.5, -0.5), (float(SIZE[0]), float(SIZE[1])))


def test_points_keep_their_order_and_are_x_first() -> None:
    prompts = [
        box(corners=(10.0, 12.0, 24.0, 30.0)),
        click(yx=(20.0, 25.0)),
        click(yx=(5.0, 50.0), positive=False),
    ]
    tensors = point_tensors(prompts, WHOLE, 128)
    assert tensors.labels.tolist() == [[BOX_START, BOX_END, POSITIVE, NEGATIVE]]
    scale = torch.tensor([128 / SIZE[1], 128 / SIZE[0]])
    xy = torch.tensor([[12.0, 10], [30, 24], [25, 20], [50, 5]])
    torch.testing.assert_close(tensors.points[0], (xy + 0.5) * scale - 0.5)
    assert tensors.points.dtype == torch.float32
    assert tensors.mask is None


def test_corner_pixels_are_half_a_pixel_inside() -> None:
    corners = [click(yx=(0.0, 0.0)), click(yx=(SIZE[0] - 1.0, SIZE[1] - 1.0))]
    points = point_tensors(corners, WHOLE, 1040).points[0]
    half = torch.tensor([1040 / SIZE[1], 1040 / SIZE[0]]) / 2
    torch.testing.assert_close(points[0], half - 0.5)
    torch.testing.assert_close(points[1], 1040 - half - 0.5)


def test_masks_are_no_points_and_priors_are_limited() -> None:
    prior = torch.linspace(-1024, 1024, 64).reshape(1, 1, 8, 8)
    tensors = point_tensors([disc(), click()], WHOLE, 128, prior)
    assert tensors.labels.tolist() == [[POSITIVE]]
    assert (tensors.mask.min(), tensors.mask.max()) == (-PRIOR_LIMIT, PRIOR_LIMIT)
    inside = prior.abs() <= PRIOR_LIMIT
    assert torch.equal(tensors.mask[inside], prior[inside])


def test_colour_is_resized_as_pillow_does() -> None:
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3)).astype(np.uint8)
    resized = (whole_frame(image, 64) * 255).round().byte().permute(1, 2, 0).numpy()
    assert np.array_equal(resized, np.asarray(Image.fromarray(image).resize((64, 64))))


@pytest.mark.parametrize("size", [16, 64])
def test_other_frames_are_resized_alike_but_in_float(size: int) -> None:
    grey = np.random.default_rng(0).random((30, 50)).astype(np.float32)
    colour = (np.repeat(grey[..., None], 3, axis=-1) * 255).round().astype(np.uint8)
    resized = whole_frame(grey, size)
    assert resized.shape == (3, size, size)
    assert 0 <= resized.min() and resized.max() <= 1
    # Pillow rounds and clips after each axis, which noise makes it do often.
    difference = (resized - whole_frame(colour, size)).abs()
    assert difference.mean() < 1 / 255
    assert difference.max() < 10 / 255


def test_frames_become_channels_first() -> None:
    grey = np.random.default_rng(0).random((4, 5)).astype(np.float32)
    assert torch.equal(frame_tensor(grey), torch.from_numpy(grey)[None])
    colour = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert frame_tensor(colour).shape == (3, 4, 5)
    assert float(frame_tensor(colour)[1, 0, 0]) == pytest.approx(1 / 255)
    assert torch.equal(frame_tensor(grey[::-1]), frame_tensor(grey[::-1].copy()))


def test_the_released_normalisation() -> None:
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    window = mean.expand(2, 1, 3, 4, 4)
    torch.testing.assert_close(normalise(window, "imagenet"), torch.zeros_like(window))


VIEWS = {
    "whole frame": WHOLE,
    "square inside": View.square((20.0, 24.0), 30.0),
    "off the corner": View.square((2.0, 49.0), 32.0),
    "larger than the frame": View.square((20.0, 26.0), 90.0),
    "between pixels": View.square((20.3, 23.7), 29.4),
}
DISCS = {
    "whole frame": disc(),
    "square inside": disc(),
    "off the corner": disc(centre=(1.0, 50.0), radius=7),
    "larger than the frame": disc(radius=12),
    "between pixels": disc(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_mask_comes_back_through_its_view(name: str) -> None:
    view, prompt = VIEWS[name], DISCS[name]
    whole = view is WHOLE
    mask = mask_in_view(prompt, view, 128, SIZE, whole=whole)
    assert mask.shape == (1, 1, 128, 128)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    logits = given_logits(mask, 64)
    assert logits.shape == (1, 1, 64, 64)

    if whole:
        seen = upscale_logits(logits, SIZE)[0, 0].numpy() > 0
    else:
        (top, left), crop = paste(logits[0, 0], view, SIZE)
        seen = np.zeros(SIZE, bool)
        seen[top : top + crop.shape[0], left : left + crop.shape[1]] = crop > 0
    given = np.zeros(SIZE, bool)
    (y, x), (height, width) = prompt.offset, prompt.mask.shape
    given[y : y + height, x : x + width] = prompt.mask
    assert iou(seen, given) > 0.9


@pytest.mark.parametrize("name", [name for name in VIEWS if name != "whole frame"])
def test_pasting_is_cropped_to_the_mask_or_not_at_all(name: str) -> None:
    torch.manual_seed(0)
    logits = torch.randn(32, 32)
    view = VIEWS[name]
    (top, left), part = paste(logits, view, SIZE, cropped=False)
    (y, x), crop = paste(logits, view, SIZE)
    rows = slice(y - top, y - top + crop.shape[0])
    columns = slice(x - left, x - left + crop.shape[1])
    assert np.array_equal(part[rows, columns], crop)
    assert np.count_nonzero(part > 0) == np.count_nonzero(crop > 0)


def test_pasting_puts_a_ramp_where_it_belongs() -> None:
    view = View.square((18.2, 30.7), 26.0)
    centres = (torch.arange(52.0) + 0.5) / 52 * 26 + view.corner[0]
    (top, left), part = paste(
        centres[:, None].expand(52, 52), view, SIZE, cropped=False
    )
    rows = np.arange(top, top + part.shape[0])
    assert np.abs(part[2:-2] - rows[2:-2, None]).max() < 1e-3
    assert (top, left) == (6, 18)


def test_a_view_that_misses_the_frame_pastes_nothing() -> None:
    offset, crop = paste(torch.ones(8, 8), View.square((200.0, 10.0), 20.0), SIZE)
    assert (offset, crop.shape) == ((0, 0), (0, 0))


def test_an_empty_mask_is_empty_in_every_view() -> None:
    nothing = MaskPrompt(frame=0, object_id=1, mask=np.zeros((0, 0), bool))
    for view in VIEWS.values():
        mask = mask_in_view(nothing, view, 128, SIZE, whole=view is WHOLE)
        assert not mask.any()
        torch.testing.assert_close(
            given_logits(mask, 32), torch.full((1, 1, 32, 32), -10.0)
        )
