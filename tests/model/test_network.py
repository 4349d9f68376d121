"""The four verbs on tiny members: shapes, batches, and padding that counts nothing."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from napari_sam_i2v.model.image_encoder import Features
from napari_sam_i2v.model.memory import MemoryBank, MemoryEntry
from napari_sam_i2v.model.prompt_encoder import PromptTensors
from napari_sam_i2v.model.sam_i2v import ABSENT_LOGIT, Prediction, SamI2V
from napari_sam_i2v.model.selection import Slot
from tiny import tiny_model

CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("no_gradients")


@pytest.fixture
def no_gradients():
    """Run without gradients."""
    with torch.inference_mode():
        yield


def features_of(model: SamI2V, count: int, seed: int = 0) -> Features:
    torch.manual_seed(seed)
    window = model.config.temporal.window
    images = torch.randn(count, window, 3, 128, 128)
    taps = model.image_encoder.trunk_video.taps(images.flatten(0, 1))
    return model.encode(images[:, -1], taps.unflatten(0, (count, window)))


def entry_of(model: SamI2V, seed: int, count: int = 1) -> MemoryEntry:
    rng = torch.Generator().manual_seed(seed)
    config, tokens = model.config, model.config.grid**2
    return MemoryEntry(
        torch.randn(count, tokens, config.memory.width, generator=rng).bfloat16(),
        torch.randn(count, config.width, generator=rng),
        torch.rand(count, tokens, generator=rng) < 0.5,
    )


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, atol=2e-4, rtol=1e-4)


def close_predictions(a: Prediction, b: Prediction) -> None:
    for name in ("logits", "iou", "score", "pointer"):
        close(getattr(a, name), getattr(b, name))


def track(
    model: SamI2V,
    features: Features,
    slots: list[list[Slot]],
    entries: list[list[MemoryEntry]],
) -> Prediction:
    conditioned = model.condition(features, model.memory_tokens(slots, entries))
    return model.decode(conditioned, features, PromptTensors.none(len(slots), CPU))


SLOTS = [
    [Slot(0, 0, 3, 2), Slot(4, 5, pointer_turn=0.4)],
    [Slot(0, 0)],
    [Slot(0, 0), Slot(7, 0, 1, 0), Slot(2, 3, pointer_turn=0.7), Slot(5, 6)],
]
"""Banks of three objects, of different lengths."""


def entries_of(model: SamI2V) -> list[list[MemoryEntry]]:
    return [
        [entry_of(model, 10 * i + k) for k in range(len(row))]
        for i, row in enumerate(SLOTS)
    ]


def test_shapes(model: SamI2V) -> None:
    config, grid = model.config, model.config.grid
    features = features_of(model, 3)
    assert features.tokens.shape == (3, 32, grid, grid)
    assert len(features.fine) == (2 if config.decoder.high_res_features else 0)
    prediction = track(model, features, SLOTS, entries_of(model))
    assert prediction.logits.shape == (3, 1, 4 * grid, 4 * grid)
    assert prediction.iou.shape == (3,)
    assert prediction.score.shape == (3, 1)
    assert prediction.pointer.shape == (3, 32)
    entry = model.remember(features, prediction)
    assert entry.features.shape == (3, grid**2, 16)
    assert entry.foreground.shape == (3, grid**2)
    assert entry.foreground.dtype == torch.bool


def test_objects_of_a_batch_are_as_alone(model: SamI2V) -> None:
    features, entries = features_of(model, 3), entries_of(model)
    together = track(model, features, SLOTS, entries)
    for i in range(3):
        row = slice(i, i + 1)
        alone = track(model, features[row], SLOTS[row], entries[row])
        close_predictions(
            Prediction(*(each[row] for each in vars(together).values())), alone
        )


def test_one_frame_for_all_objects_is_that_frame_repeated(model: SamI2V) -> None:
    one, entries = features_of(model, 1), entries_of(model)
    repeated = Features.stack([one, one, one])
    shared, own = (track(model, f, SLOTS, entries) for f in (one, repeated))
    close_predictions(shared, own)
    remembered = [model.remember(f, shared) for f in (one, repeated)]
    close(remembered[0].features, remembered[1].features)


def test_counting_an_entry_several_times_is_repeating_it(model: SamI2V) -> None:
    features, first, second = (
        features_of(model, 1),
        *(entry_of(model, i) for i in (1, 2)),
    )
    late = Slot(4, 6, pointer_turn=0.3)
    counted = track(model, features, [[Slot(0, 0, 4, 4), late]], [[first, second]])
    repeated = track(
        model, features, [[Slot(0, 0)] * 4 + [late]], [[first] * 4 + [second]]
    )
    close_predictions(counted, repeated)


def test_what_counts_nothing_is_not_there(model: SamI2V) -> None:
    features, first, second = (
        features_of(model, 1),
        *(entry_of(model, i) for i in (1, 2)),
    )
    nothing = Slot(4, 6, 0, 0, pointer_turn=0.3)
    close_predictions(
        track(model, features, [[Slot(0, 0), nothing]], [[first, second]]),
        track(model, features, [[Slot(0, 0)]], [[first]]),
    )


def test_one_bank_serves_a_batch_in_training(model: SamI2V) -> None:
    features = features_of(model, 2)
    slots, entries = SLOTS[0], [entry_of(model, 5, 2), entry_of(model, 6, 2)]
    tokens = model.memory_tokens([slots], [entries])
    nothing = PromptTensors.none(2, CPU)
    together = model.decode(model.condition(features, tokens), features, nothing)
    rows = [
        [
            MemoryEntry(e.features[[i]], e.pointer[[i]], e.foreground[[i]])
            for e in entries
        ]
        for i in range(2)
    ]
    close_predictions(together, track(model, features, [slots, slots], rows))


def test_memory_changes_the_answer(model: SamI2V) -> None:
    features = features_of(model, 1)
    answers = [
        track(model, features, [[Slot(0, 0)]], [[entry_of(model, seed)]]).logits
        for seed in (1, 2)
    ]
    assert not torch.allclose(answers[0], answers[1], atol=1e-2)


def test_an_absent_object_leaves_the_absent_numbers() -> None:
    model = tiny_model(object_score_bias=-100.0)
    features = features_of(model, 1)
    prediction = track(model, features, [[Slot(0, 0)]], [[entry_of(model, 1)]])
    assert torch.all(prediction.logits == ABSENT_LOGIT)
    assert torch.equal(prediction.pointer, model.no_obj_ptr)
    entry = model.remember(features, prediction)
    assert not entry.foreground.any()
    here = dataclasses.replace(prediction, score=torch.ones(1, 1))
    difference = entry.features - model.remember(features, here).features
    close(difference, model.no_obj_embed_spatial.expand_as(difference))


def test_vouched_masks_are_remembered_as_binary(model: SamI2V) -> None:
    features, size = features_of(model, 1), model.config.mask_size
    torch.manual_seed(0)
    weak = Prediction(
        torch.randn(1, 1, size, size),
        torch.ones(1),
        torch.ones(1, 1),
        torch.zeros(1, 32),
    )
    strong = dataclasses.replace(weak, logits=weak.logits * 1000)
    sure = torch.tensor([True])
    close(
        model.remember(features, weak, vouched=sure).features,
        model.remember(features, strong, vouched=sure).features,
    )
    unsure = model.remember(features, weak, vouched=~sure)
    close(unsure.features, model.remember(features, weak).features)
    strongly = model.remember(features, strong).features
    assert not torch.allclose(unsure.features, strongly, atol=1e-2)


def test_an_empty_mask_points_at_nothing(model: SamI2V) -> None:
    features = features_of(model, 1)
    masks = torch.zeros(2, 1, 128, 128)
    masks[1, :, 40:60, 40:60] = 1
    pointers = model.point_at(features, masks)
    assert torch.equal(pointers[:1], model.no_obj_ptr)
    assert not torch.allclose(pointers[1:], model.no_obj_ptr, atol=1e-3)


def test_a_bank_drops_what_is_out_of_reach() -> None:
    entry = entry_of(tiny_model(), 0)
    bank = MemoryBank({0: entry}, dict.fromkeys(range(1, 60), entry))
    bank.keep_near(30, 20)
    assert sorted(bank.tracked) == list(range(10, 51))
    assert bank[0] is bank.conditioning[0]
    bank.drop(0)
    bank.drop(30)
    bank.drop(99)
    assert not bank.conditioning and 30 not in bank.tracked
