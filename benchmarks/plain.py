"""SAM-I2V module by module, as the description has it: what the engine is held against.

The weights are those of a :class:`~napari_sam_i2v.model.sam_i2v.SamI2V` as it was
built: batch norms on their own, contiguous layout, the C library's own allocator. Every
frame's window goes through the temporal stem anew, no temporal slice is left out,
values are projected before attention, an entry that counts several times is there
several times, and the similarity of frames is computed for each object. Where engine
and description would hardly differ in time, modules are called as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_sam_i2v.inference.frames import FrameStore, Recent
from napari_sam_i2v.inference.objects import ObjectState
from napari_sam_i2v.inference.transforms import upscale_logits
from napari_sam_i2v.model.attention import Attention
from napari_sam_i2v.model.image_encoder import Features, window_frames
from napari_sam_i2v.model.memory import MemoryEntry
from napari_sam_i2v.model.position import rotary_table, rotate, sine_line, sine_map
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import Conditioned, SamI2V
from napari_sam_i2v.model.sampling import normalise
from napari_sam_i2v.model.selection import Slot, TopK, select_memory
from napari_sam_i2v.model.temporal import TemporalIntegrator, TemporalNet, quick_gelu


class PlainEncoder:
    """Whole frames to features; nothing but the resized frames is kept."""

    def __init__(self, model: SamI2V, frames: FrameStore) -> None:
        self._model = model
        self._frames = frames
        self._images = Recent[Tensor](model.config.temporal.window)

    def encode(self, frame: int) -> Features:
        """Encode a frame in its temporal window."""
        encoder = self._model.image_encoder
        numbers = window_frames(frame, self._model.config.temporal.window)
        clip = torch.stack([self._image(t) for t in numbers], dim=2)  # (1, 3, T, S, S)
        maps = encoder.trunk_image(clip[:, :, -1].contiguous())
        tokens = integrate(encoder.trunk_video, maps.tokens, clip)
        return Features(tokens, maps.fine if encoder.high_res else ())

    def _image(self, frame: int) -> Tensor:
        image = self._images.get(frame)
        if image is None:
            how = self._model.config.view.normalise
            image = normalise(self._frames.whole(frame)[None, None], how)[:, 0]
            self._images.put(frame, image)
        return image


def integrate(
    integrator: TemporalIntegrator, maps: tuple[Tensor, ...], clip: Tensor
) -> Tensor:
    """Blend token maps with a window of frames, ``(1, 3, T, S, S)``."""
    stem = integrator.temporal_stem
    reach = stem.kernel_size[0] // 2
    x = F.conv3d(clip, stem.weight, stem.bias, stem.stride, (reach, 0, 0))
    result: Tensor | float = 0.0
    for stage, features in enumerate(maps):
        x = mix_in_time(integrator.temporal_nets[stage], x)
        newest = x[:, :, -1]
        middle = integrator.input_linears[stage](features) + result
        updated = integrator.temporal2integration_nets[stage](middle, newest)
        newest = integrator.integration2temporal_nets[stage](middle, newest)
        x = torch.cat([x[:, :, :-1], newest[:, :, None]], dim=2)
        result = integrator.integration_nets[stage](updated)
    return result + updated


def mix_in_time(net: TemporalNet, x: Tensor) -> Tensor:
    """Run a temporal net on all slices of ``(1, D, T, h, w)``."""
    for norm, block in zip(net.lns, net.temporal_net, strict=True):
        spatial, temporal = (block.get_submodule(name) for name in block.names)
        normed = norm(x.permute(0, 2, 3, 4, 1)).permute(0, 4, 1, 2, 3)
        x = quick_gelu(x + temporal(quick_gelu(spatial(normed))))
    return x


@dataclass(frozen=True)
class PlainMemory:
    """Memory of one object: spatial tokens of all entries, then pointer tokens.

    Attributes
    ----------
    tokens, position
        ``(1, M, D)``.
    shown
        Whether the memory prompt generator sees a token, ``(1, M)``.
    spatial
        How many of the tokens are spatial ones.
    """

    tokens: Tensor
    position: Tensor
    shown: Tensor
    spatial: int


def lay_out(model: SamI2V, recalled: Sequence[tuple[Slot, MemoryEntry]]) -> PlainMemory:
    """Put selected entries in a row, each as often as it counts."""
    places = len(model.maskmem_tpos_enc) - 1
    width, device = model.config.memory.width, model.maskmem_tpos_enc.device
    where = sine_map(model.config.grid, width, device)[0].flatten(1).T  # (N, D)
    spatial, pointers = [], []
    for slot, entry in recalled:
        time = model.maskmem_tpos_enc[places - slot.place, 0]
        row = entry.features[0].float(), where + time, entry.foreground[0]
        spatial += [row] * slot.count
        turn = torch.tensor(slot.pointer_turn, device=device)
        code = model.obj_ptr_tpos_proj(sine_line(turn, entry.pointer.shape[1]))
        tokens = entry.pointer[0].view(-1, width)  # (P, D)
        always = torch.ones(len(tokens), dtype=torch.bool, device=device)
        pointers += [(tokens, code.expand_as(tokens), always)] * slot.pointer_count
    columns = zip(*spatial, *pointers, strict=True)
    tokens, position, shown = (torch.cat(column)[None] for column in columns)
    return PlainMemory(tokens, position, shown, sum(len(row[0]) for row in spatial))


def attend_to_memory(
    attention: Attention,
    x: Tensor,
    memory: PlainMemory,
    columns: int,
    shown: Tensor | None = None,
) -> Tensor:
    """Attend from ``(1, N, C)`` to memory, whose rows have ``columns`` tokens."""
    q, k = attention.q_proj(x), attention.k_proj(memory.tokens + memory.position)
    v, width = attention.v_proj(memory.tokens), q.shape[-1]
    q = rotate(q, rotary_table(width, columns, q.shape[1], q.device))
    maps = k[:, : memory.spatial].unflatten(1, (-1, columns**2))
    maps = rotate(maps, rotary_table(width, columns, columns**2, k.device))
    k = torch.cat([maps.flatten(1, 2), k[:, memory.spatial :]], dim=1)
    mask = (
        None if shown is None else shown[:, None, None].expand(-1, -1, q.shape[1], -1)
    )
    attended = F.scaled_dot_product_attention(
        q[:, None], k[:, None].to(q.dtype), v[:, None], attn_mask=mask
    )
    return attention.out_proj(attended[:, 0])


def condition(model: SamI2V, features: Features, memory: PlainMemory) -> Conditioned:
    """Condition features on the memory of one object."""
    _, width, _, columns = features.tokens.shape
    x = features.tokens + 0.1 * sine_map(columns, width, features.tokens.device)
    x = x.flatten(2).transpose(1, 2)  # (1, N, C)
    for layer in model.memory_attention.layers:
        if layer.self_attn is not None:
            x = x + layer.self_attn(layer.norm1(x), columns)
        cross = attend_to_memory(
            layer.cross_attn_image, layer.norm2(x), memory, columns
        )
        x = feed_forward(layer, x + cross, layer.norm3)
    tokens = model.memory_attention.norm(x).transpose(1, 2).unflatten(2, (-1, columns))

    generator = model.memory_prompt_generator
    y = generator.query_embedding_fg.weight[None]
    y = y + attend_to_memory(
        generator.cross_attn, generator.norm_fg_ca(y), memory, columns, memory.shown
    )
    y = y + generator.self_attn(generator.norm_fg_sa(y), columns)
    return Conditioned(tokens, feed_forward(generator, y, generator.norm1))


def feed_forward(layer: nn.Module, x: Tensor, norm: nn.Module) -> Tensor:
    """Two linear layers with ReLU around which the residual goes."""
    return x + layer.linear2(F.relu(layer.linear1(norm(x))))


class PlainTracker:
    """One object at a time through whole frames.

    Parameters
    ----------
    model, frames
        The network and its frames.
    state
        The object, with its memory.
    maps
        Features ``(C, h, w)`` of earlier frames, as they came out of the encoder.
    shape
        ``(Y, X)`` of a frame.
    """

    def __init__(
        self,
        model: SamI2V,
        frames: FrameStore,
        state: ObjectState,
        maps: dict[int, Tensor],
        shape: tuple[int, int],
    ) -> None:
        self._model = model
        self._encoder = PlainEncoder(model, frames)
        self._state = state
        self._maps = maps
        self._shape = shape

    def track(self, frame: int) -> Tensor:
        """Find the object on a frame; logits at the frame's size, ``(1, 1, H, W)``."""
        features = self._encoder.encode(frame)
        self._maps[frame] = features.tokens[0]
        memory = lay_out(self._model, self._recall(frame))
        conditioned = condition(self._model, features, memory)
        nothing = PromptTensors.none(1, features.tokens.device)
        prediction = self._model.decode(conditioned, features, nothing)
        entry = self._model.remember(features, prediction)
        kept = MemoryEntry(
            entry.features.to(torch.bfloat16), entry.pointer, entry.foreground
        )
        reach = self._model.config.memory.global_reach
        self._state.note(frame, kept, prediction.logits, reach)
        return upscale_logits(prediction.logits, self._shape)

    def _recall(self, frame: int) -> list[tuple[Slot, MemoryEntry]]:
        def similarity(others: Sequence[int]) -> np.ndarray:
            rows = torch.stack([self._maps[t].float().flatten() for t in others])
            here = self._maps[frame].float().flatten()
            alike = F.normalize(rows, dim=1) @ F.normalize(here, dim=0)
            return alike.double().cpu().numpy()

        bank = self._state.bank
        slots = select_memory(
            frame,
            list(bank.conditioning),
            list(bank.tracked),
            similarity,
            TopK(),
            self._model.config.memory,
        )
        return [(slot, bank[slot.position]) for slot in slots]
