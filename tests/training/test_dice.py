"""Draws do not depend on how a batch is shared out."""

from __future__ import annotations

import torch

from napari_sam_i2v.training.dice import Dice


def test_halves_draw_what_the_whole_does() -> None:
    whole = Dice(7, 6)
    halves = [Dice(7, 6, rows=slice(0, 3)), Dice(7, 6, rows=slice(3, 6))]
    weights = torch.rand(6, 50)
    for draw in ("uniform", "normal"):
        together = getattr(whole, draw)(2, 3)
        apart = torch.cat([getattr(half, draw)(2, 3) for half in halves])
        assert torch.equal(together, apart)
    picked = torch.cat([halves[0].pick(weights[:3]), halves[1].pick(weights[3:])])
    assert torch.equal(whole.pick(weights), picked)


def test_picks_are_as_likely_as_their_weights() -> None:
    weights = torch.tensor([0.0, 1.0, 3.0]).expand(4000, 3)
    counts = Dice(0, 4000).pick(weights).bincount(minlength=3) / 4000
    torch.testing.assert_close(
        counts, torch.tensor([0.0, 0.25, 0.75]), atol=0.03, rtol=0
    )
