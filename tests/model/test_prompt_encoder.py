"""Prompts as tokens and as maps."""

from __future__ import annotations

import torch

from napari_sam_i2v.model.prompt_encoder import (
    BOX_END,
    BOX_START,
    NEGATIVE,
    NOT_A_POINT,
    POSITIVE,
    PromptTensors,
    draw_prompts,
)
from napari_sam_i2v.model.sam_i2v import SamI2V
from tiny import EXTRAS, PLAIN, tiny_model

CPU = torch.device("cpu")


def points(*marks: tuple[float, float, int]) -> PromptTensors:
    table = torch.tensor([marks])
    return PromptTensors(table[..., :2], table[..., 2].long())


def test_a_box_counts_as_two_clicks_and_padding_as_none() -> None:
    boxed = points((3, 4, BOX_START), (9, 9, BOX_END), (5, 5, POSITIVE))
    assert boxed.clicks.tolist() == [3]
    assert points((3, 4, NEGATIVE), (0, 0, NOT_A_POINT)).clicks.tolist() == [1]
    assert PromptTensors.none(4, CPU).clicks.tolist() == [0] * 4


@torch.inference_mode()
def test_points_are_their_place_and_their_kind() -> None:
    encoder = tiny_model().sam_prompt_encoder
    encoded = encoder(points((10, 20, POSITIVE), (10, 20, NEGATIVE))).sparse[0]
    kinds = [encoder.point_embeddings[i].weight[0] for i in (POSITIVE, NEGATIVE)]
    place = encoder.pe_layer(torch.tensor([10.5, 20.5]) / 128)
    torch.testing.assert_close(encoded[0], place + kinds[0])
    torch.testing.assert_close(encoded[1], place + kinds[1])


@torch.inference_mode()
def test_no_point_has_no_place() -> None:
    encoder = tiny_model().sam_prompt_encoder
    encoded = encoder(points((1, 2, NOT_A_POINT), (90, 3, NOT_A_POINT))).sparse[0]
    for token in encoded:  # a padding one follows
        assert torch.equal(token, encoder.not_a_point_embed.weight[0])
    assert len(encoded) == 3


@torch.inference_mode()
def test_without_a_mask_every_cell_hears_the_same(model: SamI2V) -> None:
    encoder = model.sam_prompt_encoder
    dense = encoder(PromptTensors.none(2, CPU)).dense
    grid = model.config.grid
    assert dense.shape == (2, 32, grid, grid)
    if not model.config.decoder.prompt_map:
        assert torch.equal(dense, dense[..., :1, :1].expand_as(dense))


@torch.inference_mode()
def test_a_mask_is_heard_on_the_token_grid(model: SamI2V) -> None:
    nothing, size = PromptTensors.none(2, CPU), model.config.mask_size
    mask = torch.randn(2, 1, size, size)
    masked = PromptTensors(nothing.points, nothing.labels, mask)
    encoded = model.sam_prompt_encoder(masked)
    assert encoded.dense.shape == (2, 32, model.config.grid, model.config.grid)
    assert not torch.equal(encoded.dense[0], encoded.dense[1])


@torch.inference_mode()
def test_maps_are_drawn_by_members_that_want_them() -> None:
    prompts = points((10, 20, POSITIVE))
    assert tiny_model(PLAIN).sam_prompt_encoder(prompts).fine is None
    drawing = tiny_model(EXTRAS)
    fine = drawing.sam_prompt_encoder(prompts).fine
    assert fine.shape == (1, 8, 2 * drawing.config.grid, 2 * drawing.config.grid)


def test_clicks_are_drawn_where_they_are() -> None:
    drawn = draw_prompts(points((40, 12, POSITIVE), (80, 100, NEGATIVE)), 32, 128)[0]
    for channel, (x, y) in ((0, (40, 12)), (1, (80, 100))):
        peak = divmod(int(drawn[channel].argmax()), 32)
        assert peak == (round((y + 0.5) / 4 - 0.5), round((x + 0.5) / 4 - 0.5))
        assert drawn[channel].max() > 0.8
    assert drawn[2:].abs().sum() == 0


def test_a_box_is_drawn_filled() -> None:
    box = points((20, 40, BOX_START), (60, 80, BOX_END), (30, 50, POSITIVE))
    drawn = draw_prompts(box, 128, 128)[0]
    expected = torch.zeros(128, 128)
    expected[40:81, 20:61] = 1
    assert torch.equal(drawn[2], expected)
    assert drawn[0].argmax() == 50 * 128 + 30


def test_a_mask_is_drawn_with_a_note_that_there_is_one() -> None:
    nothing = PromptTensors.none(1, CPU)
    logits = torch.randn(1, 1, 32, 32)
    masked = PromptTensors(nothing.points, nothing.labels, logits)
    drawn = draw_prompts(masked, 32, 128)[0]
    torch.testing.assert_close(drawn[3], logits[0, 0].sigmoid())
    assert torch.equal(drawn[4], torch.ones(32, 32))
    assert draw_prompts(nothing, 32, 128)[0].abs().sum() == 0


def test_objects_with_and_without_a_box_are_drawn_together() -> None:
    both = PromptTensors(
        torch.tensor([[[20.0, 40], [60, 80]], [[20.0, 40], [60, 80]]]),
        torch.tensor([[BOX_START, BOX_END], [POSITIVE, NEGATIVE]]),
    )
    drawn = draw_prompts(both, 64, 128)
    alone = draw_prompts(points((20, 40, BOX_START), (60, 80, BOX_END)), 64, 128)
    assert torch.equal(drawn[:1], alone)
    assert drawn[1, 2].sum() == 0
