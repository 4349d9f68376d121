"""SAM-I2V: four verbs over a frame. Time lives in the memory bank, not here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.image_encoder import Features, ImageEncoder
from napari_sam_i2v.model.layers import MLP
from napari_sam_i2v.model.mask_decoder import Hypotheses, MaskDecoder, choose
from napari_sam_i2v.model.memory import MemoryEntry, MemoryTokens
from napari_sam_i2v.model.memory_attention import MemoryAttention
from napari_sam_i2v.model.memory_encoder import MemoryEncoder
from napari_sam_i2v.model.memory_prompt import MemoryPromptGenerator
from napari_sam_i2v.model.position import sine_line, sine_map
from napari_sam_i2v.model.prompt_encoder import PromptEncoder, PromptTensors
from napari_sam_i2v.model.selection import Slot

# What the released model writes where an object is judged absent.
ABSENT_LOGIT = -1024.0
# What we write as the score of an object that is known to be absent.
ABSENT_SCORE = -10.0
# The lowest score of an object that is known to be there.
PRESENT_SCORE = 0.1


@dataclass(frozen=True)
class Conditioned:
    """Features of a frame as the decoder sees them, for B objects.

    Attributes
    ----------
    tokens
        ``(B or 1, C, h, w)``.
    prompts
        Memory prompt tokens, ``(B, prompts, C)``.
    """

    tokens: Tensor
    prompts: Tensor


@dataclass(frozen=True)
class Prediction:
    """What the network says of B objects on a frame.

    Attributes
    ----------
    logits
        Mask logits, ``(B, 1, 4h, 4w)``; -1024 where the object is absent.
    iou
        Predicted IoU of the chosen mask, ``(B,)``.
    score
        Object score logit, ``(B, 1)``; the object is there if it is positive.
    pointer
        Object pointer, ``(B, C)``.
    """

    logits: Tensor
    iou: Tensor
    score: Tensor
    pointer: Tensor

    def row(self, row: int) -> Prediction:
        """Give what it says of one object."""
        here = slice(row, row + 1)
        return Prediction(
            self.logits[here], self.iou[here], self.score[here], self.pointer[here]
        )

    def where(self, rows: Tensor, other: Prediction) -> Prediction:
        """Keep some rows, ``(B,)`` bool, and take the rest from another prediction."""
        column = rows[:, None]
        return Prediction(
            torch.where(column[..., None, None], self.logits, other.logits),
            torch.where(rows, self.iou, other.iou),
            torch.where(column, self.score, other.score),
            torch.where(column, self.pointer, other.pointer),
        )

    @classmethod
    def join(cls, predictions: Sequence[Prediction]) -> Prediction:
        """Put predictions below each other."""
        return cls(
            torch.cat([p.logits for p in predictions]),
            torch.cat([p.iou for p in predictions]),
            torch.cat([p.score for p in predictions]),
            torch.cat([p.pointer for p in predictions]),
        )


class SamI2V(nn.Module):
    """Encoder, memory associator, memory prompt generator, decoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        width, memory = config.width, config.memory
        self.image_encoder = ImageEncoder(config)
        self.mask_downsample = nn.Conv2d(
            1, 1, config.token_stride // 4, config.token_stride // 4
        )
        self.memory_attention = MemoryAttention(config)
        self.memory_encoder = MemoryEncoder(config)
        self.memory_prompt_generator = MemoryPromptGenerator(config)
        self.sam_prompt_encoder = PromptEncoder(config)
        self.sam_mask_decoder = MaskDecoder(config)
        self.obj_ptr_proj = MLP(width, width, width, 3)
        self.obj_ptr_tpos_proj = nn.Linear(width, memory.width)

        places = memory.tracked_frames + 1
        self.maskmem_tpos_enc = _normal(places, 1, 1, memory.width)
        self.no_mem_embed = _normal(1, 1, width)
        self.no_mem_pos_enc = _normal(1, 1, width)  # released weights hold it; unused
        self.no_obj_ptr = _normal(1, width)
        self.no_obj_embed_spatial = _normal(1, memory.width)

    def encode(self, image: Tensor, window: Tensor) -> Features:
        """Encode a frame in its temporal window; see :class:`ImageEncoder`."""
        return self.image_encoder(image, window)

    def condition(self, features: Features, memory: MemoryTokens | None) -> Conditioned:
        """Bring in memory.

        Parameters
        ----------
        features
            Of one frame that all objects share, or of B views.
        memory
            Of B objects; ``None`` where there is none yet.
        """
        tokens = features.tokens
        generator = self.memory_prompt_generator
        if memory is None:
            tokens = tokens + self.no_mem_embed[0, :, :, None].transpose(0, 1)[None]
            return Conditioned(tokens, generator.without_memory(len(tokens)))
        prompts = generator(memory, tokens.shape[-1])
        return Conditioned(self.memory_attention(tokens, memory), prompts)

    def decode(
        self,
        conditioned: Conditioned,
        features: Features,
        prompts: PromptTensors,
        *,
        there: bool = False,
    ) -> Prediction:
        """Decode masks of B objects, choose one each, and make object pointers.

        With ``there`` the objects are known to be in view, whatever their scores say.
        """
        proposed = self.propose(conditioned, features, prompts)
        if there:
            score = proposed.score.clamp(min=PRESENT_SCORE)
            proposed = replace(proposed, score=score)
        return self.settle_on(proposed, prompts.clicks)

    def settle_on(self, hypotheses: Hypotheses, clicks: Tensor) -> Prediction:
        """Choose one hypothesis for each object and make its pointer."""
        chosen = choose(hypotheses, clicks)
        here = hypotheses.score > 0
        pointer = torch.where(here, self.obj_ptr_proj(chosen.token), self.no_obj_ptr)
        logits = chosen.logits.masked_fill(~here[..., None, None], ABSENT_LOGIT)
        return Prediction(logits, chosen.iou, hypotheses.score, pointer.float())

    def absent(self, prediction: Prediction) -> Prediction:
        """Say of all objects of a prediction that they are not there."""
        return Prediction(
            torch.full_like(prediction.logits, ABSENT_LOGIT),
            prediction.iou,
            torch.full_like(prediction.score, ABSENT_SCORE),
            self.no_obj_ptr.expand_as(prediction.pointer).float(),
        )

    def propose(
        self, conditioned: Conditioned, features: Features, prompts: PromptTensors
    ) -> Hypotheses:
        """Decode all hypotheses of B objects."""
        encoder = self.sam_prompt_encoder
        return self.sam_mask_decoder(
            conditioned.tokens,
            features.fine,
            encoder.dense_position(),
            encoder(prompts),
            conditioned.prompts,
        )

    def point_at(self, features: Features, mask: Tensor) -> Tensor:
        """Make object pointers of given masks.

        Parameters
        ----------
        features
            Of the frame, one or B rows.
        mask
            Binary masks at the input's size, ``(B, 1, S, S)``, float.

        Returns
        -------
        torch.Tensor
            ``(B, C)``; ``no_obj_ptr`` where the mask is empty.
        """
        count = len(mask)
        nothing = PromptTensors.none(count, mask.device)
        prompts = PromptTensors(
            nothing.points, nothing.labels, self.mask_downsample(mask)
        )
        decoder, encoder = self.sam_mask_decoder, self.sam_prompt_encoder
        nothing_known = self.memory_prompt_generator.without_memory(count)
        position = encoder.dense_position()
        token = decoder.point_at(
            features.tokens, position, encoder(prompts), nothing_known
        )
        empty = mask.flatten(1).sum(1, keepdim=True) == 0
        return torch.where(empty, self.no_obj_ptr, self.obj_ptr_proj(token)).float()

    def remember(
        self,
        features: Features,
        prediction: Prediction,
        *,
        vouched: Tensor | None = None,
    ) -> MemoryEntry:
        """Encode what a frame leaves behind.

        Parameters
        ----------
        features
            Of the frame, not conditioned; one row or B.
        prediction
            Of B objects.
        vouched
            Bool, ``(B,)``: whether a person prompted the mask. Those are remembered
            as binary, others as probabilities.
        """
        size = self.config.input_size
        logits = F.interpolate(
            prediction.logits.float(),
            (size, size),
            mode="bilinear",
            align_corners=False,
        )
        mask = logits.sigmoid()
        if vouched is not None:
            mask = torch.where(vouched[:, None, None, None], (logits > 0).float(), mask)
        encoded = self.memory_encoder(features.tokens, mask * 20 - 10)
        memory = encoded.flatten(2).transpose(1, 2)  # (B, N, D)
        absent = prediction.score[..., None] <= 0
        memory = memory + absent * self.no_obj_embed_spatial

        grid = features.tokens.shape[-2:]
        coverage = F.interpolate(
            prediction.logits.float().sigmoid(), grid, mode="bilinear"
        )
        return MemoryEntry(memory, prediction.pointer, coverage.flatten(1) >= 0.5)

    def memory_tokens(
        self, slots: list[list[Slot]], entries: list[list[MemoryEntry]]
    ) -> MemoryTokens:
        """Lay selected entries out for attention.

        Parameters
        ----------
        slots
            For each of B objects what it attends to; lengths may differ.
        entries
            The entries themselves, each of batch size 1. With a single list of
            slots, entries may hold B objects at once, as in training.
        """
        count = max(len(row) for row in slots)
        rows = [_pad(row, count) for row in entries]
        features = _stack(rows, "features").to(self.maskmem_tpos_enc.dtype)
        pointers = _stack(rows, "pointer").to(features.dtype)  # (B, K, C)
        device, batch = features.device, len(features)

        places = len(self.maskmem_tpos_enc) - 1
        place = torch.tensor([_column(row, "place", count, 0) for row in slots])
        time = self.maskmem_tpos_enc[places - place.to(device), 0]  # (B, K, 1, D)
        grid = self.config.grid
        where = sine_map(grid, features.shape[-1], device)[0].flatten(1).T

        turn = torch.tensor(
            [_column(row, "pointer_turn", count, 0.0) for row in slots], device=device
        )
        turn_code = self.obj_ptr_tpos_proj(
            sine_line(turn, pointers.shape[-1]).to(features.dtype)
        )
        pointers = pointers.unflatten(-1, (-1, features.shape[-1]))  # (B, K, P, D)

        bias = _count_bias(slots, count, features.shape[2], pointers.shape[2])
        return MemoryTokens(
            spatial=features,
            spatial_position=(where + time).expand(batch, -1, -1, -1),
            pointers=pointers,
            pointer_position=turn_code[:, :, None].expand(batch, -1, -1, -1),
            bias=None if bias is None else bias.to(device),
            foreground=_stack(rows, "foreground"),
        )


def _normal(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.trunc_normal_(torch.zeros(shape), std=0.02))


def _pad(entries: list[MemoryEntry], count: int) -> list[MemoryEntry]:
    """Repeat the first entry at the end; its copies get no weight."""
    return entries + entries[:1] * (count - len(entries))


def _stack(rows: list[list[MemoryEntry]], name: str) -> Tensor:
    """Gather a field as ``(B, K, ...)``."""
    stacked = [torch.stack([getattr(e, name) for e in row], dim=1) for row in rows]
    return torch.cat(stacked) if len(stacked) > 1 else stacked[0]


def _column(slots: list[Slot], name: str, count: int, filler: float) -> list[float]:
    values = [getattr(slot, name) for slot in slots]
    return values + [filler] * (count - len(values))


def _count_bias(
    slots: list[list[Slot]], count: int, tokens: int, pointer_tokens: int
) -> Tensor | None:
    """Logarithms of counts, one a token, ``(B, 1, count * (N + P))``."""
    spatial = torch.tensor([_column(row, "count", count, 0) for row in slots])
    pointer = torch.tensor([_column(row, "pointer_count", count, 0) for row in slots])
    if bool((spatial == 1).all()) and bool((pointer == 1).all()):
        return None
    counts = torch.cat(
        [
            spatial.repeat_interleave(tokens, dim=1),
            pointer.repeat_interleave(pointer_tokens, dim=1),
        ],
        dim=1,
    )
    return counts.float().log()[:, None]
