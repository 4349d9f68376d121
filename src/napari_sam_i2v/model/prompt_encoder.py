"""Prompt encoder: points, boxes and masks as tokens and maps (SAM section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.layers import LayerNorm2d
from napari_sam_i2v.model.position import RandomFourier

NOT_A_POINT, NEGATIVE, POSITIVE, BOX_START, BOX_END = -1, 0, 1, 2, 3


@dataclass(frozen=True)
class PromptTensors:
    """Prompts of B objects on a frame, in the pixels of the network's input.

    Attributes
    ----------
    points
        ``(B, P, 2)``, x first; a box is two points.
    labels
        ``(B, P)``: -1 no point, 0 negative, 1 positive, 2 and 3 a box's corners.
    mask
        Mask logits, ``(B, 1, 4h, 4w)``, or ``None``.
    """

    points: Tensor
    labels: Tensor
    mask: Tensor | None = None

    @classmethod
    def none(cls, count: int, device: torch.device) -> PromptTensors:
        """No prompt at all, for ``count`` objects."""
        labels = torch.full((count, 1), NOT_A_POINT, device=device)
        return cls(torch.zeros(count, 1, 2, device=device), labels)

    @property
    def clicks(self) -> Tensor:
        """Points given for each object, a box counting as two, ``(B,)``."""
        return (self.labels != NOT_A_POINT).sum(1)


@dataclass(frozen=True)
class EncodedPrompts:
    """Prompts as the mask decoder takes them.

    Attributes
    ----------
    sparse
        Tokens, ``(B, P + 1, C)``.
    dense
        Added to the features, ``(B, C, h, w)``.
    fine
        Added to the decoder at twice the grid, ``(B, C', 2h, 2w)``, with
        ``prompt_map``.
    drawn
        The prompts as they are drawn, ``(B, 5, 4h, 4w)``, with ``prompt_map``; see
        :func:`draw_prompts`.
    """

    sparse: Tensor
    dense: Tensor
    fine: Tensor | None = None
    drawn: Tensor | None = None


class PromptEncoder(nn.Module):
    """Prompts to tokens and a dense map."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.width
        self.input_size = config.input_size
        self.grid = config.grid
        self.pe_layer = RandomFourier(width)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.no_mask_embed = nn.Embedding(1, width)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2),
            LayerNorm2d(4),
            nn.GELU(),
            nn.Conv2d(4, 16, 2, 2),
            LayerNorm2d(16),
            nn.GELU(),
            nn.Conv2d(16, width, 1),
        )
        self.prompt_map = (
            PromptMap(width, config.pixel_widths[0])
            if config.decoder.prompt_map
            else None
        )

    def forward(self, prompts: PromptTensors) -> EncodedPrompts:
        """Encode prompts."""
        count = len(prompts.points)
        sparse = self.embed_points(prompts.points, prompts.labels)
        if prompts.mask is None:
            dense = self.no_mask_embed.weight[..., None, None]
            dense = dense.expand(count, -1, self.grid, self.grid)
        else:
            dense = self.mask_downscaling(prompts.mask)
        if self.prompt_map is None:
            return EncodedPrompts(sparse, dense)
        drawn = draw_prompts(prompts, 4 * self.grid, self.input_size)
        coarse, fine = self.prompt_map(drawn)
        return EncodedPrompts(sparse, dense + coarse, fine, drawn)

    def embed_points(self, points: Tensor, labels: Tensor) -> Tensor:
        """``(B, P, 2)`` points and a padding one to ``(B, P + 1, C)`` tokens."""
        points = F.pad(points + 0.5, (0, 0, 0, 1)) / self.input_size
        labels = F.pad(labels, (0, 1), value=NOT_A_POINT)[..., None]
        position = self.pe_layer(points)
        tokens = torch.where(
            labels == NOT_A_POINT, self.not_a_point_embed.weight[0], position
        )
        for label, embedding in enumerate(self.point_embeddings):
            tokens = tokens + (labels == label) * embedding.weight[0]
        return tokens

    def dense_position(self) -> Tensor:
        """Position of every feature cell, ``(1, C, h, w)``."""
        return self.pe_layer.grid(self.grid)


class PromptMap(nn.Module):
    """Prompts drawn as maps: easier to learn from than positions as codes.

    Clicks are small discs with soft edges, boxes are filled, a mask is what it is;
    interactive segmentation has long drawn its clicks so (RITM, SimpleClick).
    """

    channels = 5

    def __init__(self, width: int, middle: int) -> None:
        super().__init__()
        self.fine = nn.Conv2d(self.channels, middle, 3, 2, 1)
        self.coarse = nn.Sequential(
            nn.GELU(),
            nn.Conv2d(middle, width, 3, 2, 1),
            nn.GELU(),
            nn.Conv2d(width, width, 1),
        )

    def forward(self, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Encode prompts that are drawn, ``(B, 5, 4h, 4w)``.

        Returns
        -------
        tuple of torch.Tensor
            ``(B, C, h, w)`` and ``(B, C', 2h, 2w)``.
        """
        fine = self.fine(drawn)
        return self.coarse(fine), fine


def draw_prompts(prompts: PromptTensors, size: int, input_size: int) -> Tensor:
    """Rasterise prompts.

    Returns
    -------
    torch.Tensor
        ``(B, 5, size, size)``: positive clicks, negative clicks, box, mask
        probability, whether there is a mask.
    """
    device = prompts.points.device
    points = (prompts.points + 0.5) / input_size * size - 0.5
    along = torch.arange(size, device=device, dtype=torch.float32)
    x, y = points[..., 0, None], points[..., 1, None]  # (B, P, 1)
    radius = size / 32
    disc_x = torch.exp(-((along - x) ** 2) / (2 * radius**2))
    disc_y = torch.exp(-((along - y) ** 2) / (2 * radius**2))
    discs = disc_y[..., :, None] * disc_x[..., None, :]  # (B, P, size, size)

    labels = prompts.labels[..., None, None]
    positive = (discs * (labels == POSITIVE)).amax(1)
    negative = (discs * (labels == NEGATIVE)).amax(1)
    box = torch.zeros_like(positive)
    if points.shape[1] > 1:
        is_box = (prompts.labels[:, 0] == BOX_START)[:, None, None]
        inside_x = (along >= x[:, 0]) & (along <= x[:, 1])
        inside_y = (along >= y[:, 0]) & (along <= y[:, 1])
        box = (inside_y[:, :, None] & inside_x[:, None, :] & is_box).float()
    if prompts.mask is None:
        mask, given = torch.zeros_like(positive), torch.zeros_like(positive)
    else:
        mask = prompts.mask[:, 0].float().sigmoid()
        given = torch.ones_like(mask)
    return torch.stack([positive, negative, box, mask, given], dim=1)
