"""State dict, encoder and components against the released model's numbers."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_sam_i2v.inference.transforms import whole_frame
from napari_sam_i2v.model.image_encoder import Features, window_frames
from napari_sam_i2v.model.memory import MemoryEntry, MemoryTokens
from napari_sam_i2v.model.position import sine_map
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import Conditioned, SamI2V
from napari_sam_i2v.model.sampling import normalise
from napari_sam_i2v.model.selection import Slot, TopK, select_memory
from reference import (
    REFERENCE,
    needs_reference,
    off_by,
    read_json,
    read_movie,
    read_vectors,
)

pytestmark = [needs_reference, pytest.mark.slow]

CPU = torch.device("cpu")


class Frames:
    """The reference movie as the encoder takes it."""

    def __init__(self, model: SamI2V) -> None:
        self.model = model
        self._movie, _ = read_movie()
        self._taps: dict[int, Tensor] = {}

    def image(self, frame: int) -> Tensor:
        pixels = whole_frame(self._movie[frame], 1024)
        return normalise(pixels[None, None], "imagenet")[:, 0]

    def window(self, frame: int) -> Tensor:
        numbers = window_frames(frame, 5)
        return torch.stack([self._tapped(number) for number in numbers], dim=1)

    def _tapped(self, frame: int) -> Tensor:
        if frame not in self._taps:
            trunk = self.model.image_encoder.trunk_video
            self._taps[frame] = trunk.taps(self.image(frame))
        return self._taps[frame]

    def features(self, frame: int) -> Features:
        return self.model.encode(self.image(frame), self.window(frame))


@pytest.fixture(scope="module")
def frames(released: SamI2V) -> Frames:
    return Frames(released)


def test_state_dict_has_the_released_keys_shapes_and_types(released: SamI2V) -> None:
    expected = {
        row["key"]: (tuple(row["shape"]), row["dtype"])
        for row in read_json("state_dict_keys")["keys"]
    }
    found = {
        key: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for key, tensor in released.state_dict().items()
    }
    assert len(found) == 733
    assert found == expected


def test_recipe_makes_the_recorded_weights(released: SamI2V) -> None:
    digest = hashlib.sha256()
    for key, tensor in sorted(released.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.numpy().tobytes())
    expected = read_json("weights_check_seed0")["sha256_sorted_keys_and_bytes"]
    assert digest.hexdigest() == expected


def test_frames_are_resized_as_released(frames: Frames) -> None:
    with np.load(REFERENCE / "video_100.npz") as file:
        recorded = str(file["meta_json"])
    resized = (whole_frame(frames._movie[0], 1024) * 255).round().to(torch.uint8)
    digest = hashlib.sha256(resized.permute(1, 2, 0).contiguous().numpy().tobytes())
    assert digest.hexdigest() in recorded


@pytest.mark.parametrize("frame", [0, 3, 6])
@torch.inference_mode()
def test_encoder(frames: Frames, frame: int) -> None:
    vectors, _ = read_vectors("a_encoder")
    image, encoder = frames.image(frame), frames.model.image_encoder
    stages: list[Tensor] = []
    hook = encoder.trunk_image.layers[0].register_forward_hook(
        lambda module, given, made: stages.append(made)
    )
    maps, window = encoder.trunk_image(image), frames.window(frame)
    hook.remove()
    made = {
        "input_image": image,
        "tinyvit0": maps.fine[1],
        "tinyvit1": stages[0],
        "tinyvit2": maps.tokens[0],
        "tinyvit3": maps.tokens[1],
        "tinyvit4": maps.tokens[2],
        "stem": encoder.trunk_video.stem(window).transpose(1, 2),
        "encoder_out": encoder.trunk_video(maps.tokens, window),
    }
    wrong = [off_by(vectors, f"f{frame}.{name}", made[name]) for name in made]
    assert sum(wrong, []) == []


def test_position_encodings(released: SamI2V) -> None:
    vectors, _ = read_vectors("a_encoder")
    assert off_by(vectors, "vision_pos_enc", sine_map(64, 256, CPU)) == []
    dense = released.sam_prompt_encoder.dense_position()
    assert off_by(vectors, "dense_pe", dense) == []


class Watch:
    """What goes into and comes out of modules while they run."""

    def __init__(self, model: SamI2V) -> None:
        self.seen: dict[str, Tensor] = {}
        encoder = model.memory_encoder
        encoder.register_forward_hook(self._note_memory_encoder)
        encoder.mask_downsampler.register_forward_hook(self._note_mask)
        model.sam_prompt_encoder.register_forward_hook(self._note_prompts)

    def _note_memory_encoder(self, _: nn.Module, given: tuple, made: Tensor) -> None:
        self.seen["memory_encoder.mask_in"] = given[1]
        self.seen["memory_encoder.out_before_no_obj_embed"] = made
        self.seen["memory_encoder.pos"] = sine_map(64, 64, CPU)

    def _note_mask(self, _: nn.Module, given: tuple, made: Tensor) -> None:
        self.seen["memory_encoder.mask_downsampler_out"] = made

    def _note_prompts(self, _: nn.Module, given: tuple, made) -> None:
        self.seen["prompt_encoder.sparse"] = made.sparse
        self.seen["prompt_encoder.dense"] = made.dense


@pytest.fixture(scope="module")
def watch(released: SamI2V) -> Watch:
    return Watch(released)


class Steps:
    """A click on frame 0, then tracking, component by component."""

    def __init__(self, frames: Frames, watch: Watch) -> None:
        self.frames, self.watch = frames, watch
        self.model = frames.model
        self.bank: dict[int, MemoryEntry] = {}

    def click(self) -> dict[str, Tensor]:
        features = self.frames.features(0)
        conditioned = self.model.condition(features, None)
        scale = torch.tensor([320.0, 240.0])
        points = torch.tensor([[[182.7, 131.6]]]) / scale * 1024
        prompts = PromptTensors(points, torch.tensor([[1]]))
        return self._decode(0, features, conditioned, prompts, vouched=True)

    def track(self, frame: int) -> dict[str, Tensor]:
        tracked = [t for t in self.bank if t > 0]
        config = self.model.config.memory
        slots = select_memory(frame, [0], tracked, _no_choice, TopK(), config)
        entries = [self.bank[slot.position] for slot in slots]
        memory = self.model.memory_tokens([slots], [entries])
        features = self.frames.features(frame)
        conditioned = self.model.condition(features, memory)
        made = _as_released(slots, memory)
        made["memory_attention.out"] = conditioned.tokens.flatten(2).permute(2, 0, 1)
        nothing = PromptTensors.none(1, CPU)
        return made | self._decode(frame, features, conditioned, nothing)

    def _decode(
        self,
        frame: int,
        features: Features,
        conditioned: Conditioned,
        prompts: PromptTensors,
        *,
        vouched: bool = False,
    ) -> dict[str, Tensor]:
        self.watch.seen.clear()
        hypotheses = self.model.propose(conditioned, features, prompts)
        prediction = self.model.settle_on(hypotheses, prompts.clicks)
        sure = torch.tensor([True]) if vouched else None
        entry = self.model.remember(features, prediction, vouched=sure)
        self.bank[frame] = dataclasses.replace(
            entry, features=entry.features.bfloat16()
        )
        return self.watch.seen | {
            "mask_decoder.image_embeddings_in": conditioned.tokens,
            "memory_prompt_generator.out": conditioned.prompts,
            "mask_decoder.iou_all4": hypotheses.ious,
            "mask_decoder.masks_all4": hypotheses.logits,
            "mask_decoder.mask_tokens": hypotheses.tokens,
            "mask_decoder.object_score": hypotheses.score,
            "obj_ptr": prediction.pointer,
        }


def _no_choice(positions: list[int]) -> np.ndarray:
    raise AssertionError("all candidates fit")


def _as_released(slots: list[Slot], memory: MemoryTokens) -> dict[str, Tensor]:
    """Tokens in the released layout: what counts several times is there as often."""
    spatial = [i for i, slot in enumerate(slots) for _ in range(slot.count)]
    pointers = [i for i, slot in enumerate(slots) for _ in range(slot.pointer_count)]
    positions = memory.pointer_position.expand_as(memory.pointers)
    layout = {
        "memory": (memory.spatial, memory.pointers),
        "memory_pos": (memory.spatial_position, positions),
    }
    return {
        f"memory_attention.{name}": torch.cat(
            [a[:, spatial].flatten(1, 2), b[:, pointers].flatten(1, 2)], dim=1
        ).transpose(0, 1)
        for name, (a, b) in layout.items()
    }


@torch.inference_mode()
def test_components(frames: Frames, watch: Watch) -> None:
    vectors, about = read_vectors("components")
    steps = Steps(frames, watch)
    made = {f"click_f0.{name}": t for name, t in steps.click().items()}
    for frame in (1, 2):
        made |= {f"track_f{frame}.{name}": t for name, t in steps.track(frame).items()}
    assert sorted(made) == sorted(about["names"])
    wrong = [off_by(vectors, name, tensor) for name, tensor in made.items()]
    assert sum(wrong, []) == []
