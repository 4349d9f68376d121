"""Random draws for some rows of a batch, alike however the batch is shared out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Dice:
    """Draws for all rows of a batch and gives those of one process.

    Two processes that train on half a batch each then draw what one process would
    that trains on all of it.

    Parameters
    ----------
    seed
        Of this step.
    total
        Rows of the whole batch.
    rows
        The rows of this process; all by default.
    device
        Where to draw. The CPU and a GPU draw different numbers.
    """

    def __init__(
        self,
        seed: int,
        total: int,
        *,
        rows: slice = slice(None),
        device: torch.device | str = "cpu",
    ) -> None:
        self._generator = torch.Generator(device).manual_seed(seed)
        self._total = total
        self._rows = rows
        self._device = device

    def uniform(self, *shape: int) -> Tensor:
        """Numbers between 0 and 1, ``(rows, *shape)``."""
        return self._draw(torch.rand, shape)

    def normal(self, *shape: int) -> Tensor:
        """Numbers of mean 0 and deviation 1, ``(rows, *shape)``."""
        return self._draw(torch.randn, shape)

    def pick(self, weights: Tensor) -> Tensor:
        """Draw a column of each row, as likely as its weight; ``(rows,)``.

        The largest of logarithms with Gumbel noise is such a draw.
        """
        noise = self.uniform(weights.shape[1]).clamp(1e-9, 1 - 1e-7)
        return (weights.log() - (-noise.log()).log()).argmax(1)

    def _draw(self, how: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        drawn = how(self._total, *shape, generator=self._generator, device=self._device)
        return drawn[self._rows]
