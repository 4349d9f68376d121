"""Which mask is chosen, and what the decoder's options add."""

from __future__ import annotations

import torch

from napari_sam_i2v.model.mask_decoder import Hypotheses, choose

IOUS = torch.tensor([[0.9, 0.2, 0.8, 0.4]])


def hypotheses(first: torch.Tensor) -> Hypotheses:
    logits = torch.stack([first, *(torch.full_like(first, i) for i in (1, 2, 3))])
    tokens = torch.arange(4.0)[None, :, None].expand(1, 4, 5)
    return Hypotheses(logits[None], IOUS, tokens, torch.ones(1, 1))


STABLE = torch.where(torch.arange(16) < 8, 5.0, -5.0).reshape(4, 4)
# One pixel of nine is between the thresholds.
UNSTABLE = torch.where(torch.arange(16) == 8, 0.01, STABLE.flatten()).reshape(4, 4)
EMPTY = torch.full((4, 4), -5.0)


def chosen(first: torch.Tensor, clicks: int) -> tuple[int, int, float]:
    """Numbers of the mask and of the token, and the predicted IoU."""
    choice = choose(hypotheses(first), torch.tensor([clicks]))
    index = 0 if torch.equal(choice.logits[0, 0], first) else int(choice.logits.max())
    return index, int(choice.token[0, 0]), round(float(choice.iou), 4)


def test_at_most_one_click_is_ambiguous() -> None:
    for clicks in (0, 1):
        assert chosen(STABLE, clicks) == (2, 2, 0.8)


def test_more_clicks_have_one_answer() -> None:
    for clicks in (2, 5):
        assert chosen(STABLE, clicks) == (0, 0, 0.9)


def test_an_unstable_answer_gives_way_but_keeps_its_pointer() -> None:
    assert chosen(UNSTABLE, 2) == (2, 0, 0.8)


def test_an_empty_answer_is_stable() -> None:
    assert chosen(EMPTY, 2) == (0, 0, 0.9)


def test_each_object_has_its_own_choice() -> None:
    rows = [hypotheses(first) for first in (STABLE, UNSTABLE, STABLE)]
    together = Hypotheses(
        torch.cat([row.logits for row in rows]),
        torch.cat([IOUS, IOUS, IOUS.flip(1)]),
        torch.cat([row.tokens for row in rows]),
        torch.ones(3, 1),
    )
    choice = choose(together, torch.tensor([2, 2, 1]))
    assert choice.token[:, 0].tolist() == [0, 0, 3]
    torch.testing.assert_close(choice.iou, torch.tensor([0.9, 0.8, 0.9]))
    assert torch.equal(choice.logits[1, 0], torch.full((4, 4), 2.0))
