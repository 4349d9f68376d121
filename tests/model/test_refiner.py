"""The refiner: nothing at first, neighbours at the masks' resolution after that."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from napari_sam_i2v.inference.build import optimise
from napari_sam_i2v.model.config import DecoderConfig
from napari_sam_i2v.model.refiner import Refiner
from napari_sam_i2v.model.sam_i2v import SamI2V
from tiny import EXTRAS, tiny_config

PIXELS, SEEN, TOKENS = 4, 3, 6


@pytest.fixture
def refiner() -> Refiner:
    torch.manual_seed(0)
    return Refiner((8, 12, 16), PIXELS, SEEN, TOKENS).eval()


def trained(refiner: Refiner) -> Refiner:
    nn.init.normal_(refiner.out.weight)
    return refiner


def inputs(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return (
        torch.randn(count, PIXELS, 32, 32),
        torch.randn(count, SEEN, 32, 32),
        torch.randn(count, TOKENS, 8, 8),
    )


def test_a_new_one_changes_nothing(refiner: Refiner) -> None:
    pixels, seen, image = inputs(2)
    assert torch.equal(refiner(pixels, [seen], image), pixels)


def test_a_map_that_all_objects_share_is_given_once(refiner: Refiner) -> None:
    pixels, seen, image = inputs(3)
    shared = trained(refiner)(pixels, [seen[:1]], image)
    repeated = refiner(pixels, [seen[:1].repeat(3, 1, 1, 1)], image)
    torch.testing.assert_close(shared, repeated)


@torch.no_grad()
def test_pixels_see_what_lies_tokens_away(refiner: Refiner) -> None:
    pixels, seen, image = inputs(1)
    before = trained(refiner)(pixels, [seen], image)
    seen[..., 16, 16] += 5
    changed = (refiner(pixels, [seen], image) - before).abs().amax((0, 1)) > 1e-6
    y, x = changed.nonzero(as_tuple=True)
    assert int((y - 16).abs().max()) > 8  # a token is four pixels wide
    assert int((x - 16).abs().max()) > 8


@torch.no_grad()
def test_it_is_laid_out_for_inference_with_the_rest() -> None:
    torch.manual_seed(0)
    network = SamI2V(tiny_config(EXTRAS)).eval()
    refiner = network.sam_mask_decoder.refiner
    assert refiner is not None
    trained(refiner)
    for module in refiner.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    width = network.config.width
    pixels = torch.randn(1, width // 8, 64, 64)
    seen, image = torch.randn(1, 9, 64, 64), torch.randn(1, width, 16, 16)
    before = refiner(pixels, [seen], image)
    optimise(network)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in refiner.modules())
    torch.testing.assert_close(
        refiner(pixels, [seen], image), before, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("missing", ["high_res_features", "prompt_map"])
def test_one_with_nothing_to_see_is_refused(missing: str) -> None:
    whole = DecoderConfig(high_res_features=True, prompt_map=True, refiner=(8, 12, 16))
    with pytest.raises(ValueError, match=missing):
        dataclasses.replace(whole, **{missing: False})
