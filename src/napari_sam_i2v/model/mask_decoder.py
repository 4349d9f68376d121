"""Mask decoder: prompts and features to masks, scores and pointers (SAM, SAM 2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.layers import MLP, LayerNorm2d, UpscaleX2
from napari_sam_i2v.model.prompt_encoder import EncodedPrompts, PromptMap
from napari_sam_i2v.model.refiner import Refiner
from napari_sam_i2v.model.two_way import TwoWayTransformer

_STABILITY_MARGIN, _STABLE = 0.05, 0.98


@dataclass(frozen=True)
class Hypotheses:
    """All masks the decoder proposes; the first is for unambiguous prompts.

    Attributes
    ----------
    logits
        ``(B, 4, 4h, 4w)``.
    ious
        Predicted IoU of each, 0 to 1, ``(B, 4)``.
    tokens
        Their tokens, ``(B, 4, C)``.
    score
        Logit of the object being there, ``(B, 1)``.
    """

    logits: Tensor
    ious: Tensor
    tokens: Tensor
    score: Tensor


@dataclass(frozen=True)
class Choice:
    """The mask chosen for each object.

    Attributes
    ----------
    logits
        ``(B, 1, 4h, 4w)``.
    iou
        Its predicted IoU, ``(B,)``.
    token
        The token its pointer is made of, ``(B, C)``.
    """

    logits: Tensor
    iou: Tensor
    token: Tensor


class MaskDecoder(nn.Module):
    """Tokens and features to hypotheses."""

    masks = 4

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, decoder = config.width, config.decoder
        middle, finest = config.pixel_widths
        self.obj_score_token = nn.Embedding(1, width)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(self.masks, width)
        self.transformer = TwoWayTransformer(
            width, decoder.depth, decoder.heads, decoder.feedforward
        )
        self.output_upscaling = nn.Sequential(
            UpscaleX2(width, middle),
            LayerNorm2d(middle),
            nn.GELU(),
            UpscaleX2(middle, finest),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(width, width, finest, 3) for _ in range(self.masks)
        )
        self.iou_prediction_head = MLP(width, width, self.masks, 3, sigmoid=True)
        self.pred_obj_score_head = MLP(width, width, 1, 3)
        self.high_res = decoder.high_res_features
        if self.high_res:
            fine = (config.encoder.widths[0] // 2, config.encoder.widths[0])
            self.conv_s0 = nn.Conv2d(fine[0], finest, 1)
            self.conv_s1 = nn.Conv2d(fine[1], middle, 1)
        self.refiner: Refiner | None = None
        if decoder.refiner:
            seen = config.encoder.widths[0] // 2 + PromptMap.channels
            self.refiner = Refiner(decoder.refiner, finest, seen, width)

    def forward(
        self,
        features: Tensor,
        fine: tuple[Tensor, ...],
        position: Tensor,
        prompts: EncodedPrompts,
        memory_prompts: Tensor,
    ) -> Hypotheses:
        """Decode.

        Parameters
        ----------
        features
            Conditioned features, ``(B or 1, C, h, w)``.
        fine
            Encoder maps at stride 2 and 4, for ``high_res_features``.
        position
            Of the feature cells, ``(1, C, h, w)``.
        prompts
            Of B objects.
        memory_prompts
            ``(B, prompts, C)``.
        """
        tokens, image = self.attend(features, position, prompts, memory_prompts)
        mask_tokens = tokens[:, 2 : 2 + self.masks]
        pixels = self.upscale(image, fine, prompts)
        weights = [
            head(token)
            for head, token in zip(
                self.output_hypernetworks_mlps, mask_tokens.unbind(1), strict=True
            )
        ]
        logits = (torch.stack(weights, dim=1) @ pixels.flatten(2)).unflatten(
            2, pixels.shape[2:]
        )
        return Hypotheses(
            logits=logits.float(),
            ious=self.iou_prediction_head(tokens[:, 1]).float(),
            tokens=mask_tokens.float(),
            score=self.pred_obj_score_head(tokens[:, 0]).float(),
        )

    def point_at(
        self,
        features: Tensor,
        position: Tensor,
        prompts: EncodedPrompts,
        memory_prompts: Tensor,
    ) -> Tensor:
        """Give the first mask's token, ``(B, C)``, without any mask."""
        tokens, _ = self.attend(features, position, prompts, memory_prompts)
        return tokens[:, 2].float()

    def attend(
        self,
        features: Tensor,
        position: Tensor,
        prompts: EncodedPrompts,
        memory_prompts: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Let tokens and features see each other; arguments as of `forward`.

        Returns
        -------
        tuple of torch.Tensor
            Tokens, ``(B, N, C)``: score, IoU, the masks', prompts'; and the image,
            ``(B, C, h, w)``.
        """
        own = torch.cat(
            [
                self.obj_score_token.weight,
                self.iou_token.weight,
                self.mask_tokens.weight,
            ]
        )
        own = own.expand(len(prompts.sparse), -1, -1)
        tokens = torch.cat([own, prompts.sparse, memory_prompts.to(own.dtype)], dim=1)

        image = (features + prompts.dense).flatten(2).transpose(1, 2)
        tokens, image = self.transformer(
            tokens, image, position.flatten(2).transpose(1, 2)
        )
        return tokens, image.transpose(1, 2).unflatten(2, features.shape[2:])

    def upscale(
        self, image: Tensor, fine: tuple[Tensor, ...], prompts: EncodedPrompts
    ) -> Tensor:
        """``(B, C, h, w)`` to ``(B, C / 8, 4h, 4w)``."""
        first, norm, gelu, second, _ = self.output_upscaling
        x = first(image)
        grid, finest = x.shape[-1], 2 * x.shape[-1]
        if self.high_res:
            x = x + _at_size(self.conv_s1(fine[1]), grid)
        if prompts.fine is not None:
            x = x + prompts.fine
        x = second(gelu(norm(x)))
        if self.high_res:
            x = x + _at_size(self.conv_s0(fine[0]), finest)
        x = gelu(x)
        if self.refiner is None:
            return x
        assert prompts.drawn is not None
        return self.refiner(x, [_at_size(fine[0], finest), prompts.drawn], image)


def _at_size(x: Tensor, size: int) -> Tensor:
    """Bring a map to ``size``; finer ones are averaged (token stride 16)."""
    return x if x.shape[-1] == size else F.adaptive_avg_pool2d(x, size)


def choose(hypotheses: Hypotheses, clicks: Tensor) -> Choice:
    """Choose a mask for each object, given its number of clicks, ``(B,)``.

    With at most one click the prompt is ambiguous, and the hypothesis with the best
    predicted IoU among the last three is taken. With more, the first one is, unless
    moving the threshold a little changes its area: then the best of the others
    replaces mask and IoU, while the pointer's token stays (SAM 2's rule).
    """
    best = 1 + hypotheses.ious[:, 1:].argmax(dim=1)
    first = hypotheses.logits[:, 0].flatten(1)
    inner = (first > _STABILITY_MARGIN).sum(1)
    outer = (first > -_STABILITY_MARGIN).sum(1)
    stable = torch.where(outer > 0, inner / outer.clamp(min=1), 1.0) >= _STABLE
    ambiguous = clicks <= 1
    mask = torch.where(~ambiguous & stable, 0, best)
    token = torch.where(ambiguous, best, 0)
    rows = torch.arange(len(best), device=best.device)
    return Choice(
        logits=hypotheses.logits[rows, mask][:, None],
        iou=hypotheses.ious[rows, mask],
        token=hypotheses.tokens[rows, token],
    )
