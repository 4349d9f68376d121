"""Devices, precision, batches, and what to do when memory runs out."""

from __future__ import annotations

import logging

import pytest
import torch

from engines import assert_alike, disc, engine, prompt, track
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.inference.devices import Computing
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.model.devices import find_device
from napari_sam_i2v.video import open_video


def test_an_unknown_device_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="'tpu'; choose auto, cpu, cuda or mps"):
        Computing("tpu")


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"no usable {name} device.*choose cpu"):
        Computing(name)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_best_device_is_taken(
    cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert find_device("auto").type == expected


def test_a_cpu_computes_in_single_precision() -> None:
    computing = Computing("cpu")
    assert str(computing) == "cpu (float32)"
    with computing:
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == torch.float32


def test_leaving_restores_the_precision_even_after_an_error() -> None:
    computing = Computing("cpu", precision="bfloat16")
    with pytest.raises(ZeroDivisionError), computing:
        assert torch.is_autocast_enabled("cpu")
        raise ZeroDivisionError
    assert not torch.is_autocast_enabled("cpu")


def test_an_unknown_precision_is_an_error() -> None:
    with pytest.raises(InputError, match="float16"):
        Computing("cpu", precision="float16")


def test_batches_cover_a_list() -> None:
    computing = Computing("cpu")
    computing.batch = 4
    assert list(computing.batches([])) == []
    cut = list(computing.batches(list(range(10))))
    assert cut == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert Computing("cpu", large=True).batch < Computing("cpu").batch


class Room:
    """Work for which there is room for so many objects at once."""

    def __init__(self, room: int) -> None:
        self.room, self.sizes = room, []

    def __call__(self, items: list[int]) -> dict[int, str]:
        self.sizes.append(len(items))
        if len(items) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return {item: str(item) for item in items}


@pytest.mark.parametrize("room", range(1, 9))
def test_batches_are_halved_until_they_fit(
    room: int, caplog: pytest.LogCaptureFixture
) -> None:
    computing, work = Computing("cpu"), Room(room)
    items = list(range(7))
    with caplog.at_level(logging.WARNING):
        done = computing.retry_smaller(work, items)
    assert done == {item: str(item) for item in items}
    assert list(done) == items
    assert computing.batch == (16 if room >= 7 else 3 if room >= 3 else 1)
    assert len(caplog.records) == (room < 7)  # one warning, however often
    # Later batches fit at once.
    work.sizes.clear()
    for batch in computing.batches(items):
        computing.retry_smaller(work, batch)
    assert max(work.sizes) <= room


def test_no_room_for_a_single_object_is_an_error_with_advice() -> None:
    with pytest.raises(InputError, match="device cpu"):
        Computing("cpu").retry_smaller(Room(0), [1, 2, 3])


def test_other_errors_pass() -> None:
    def fail(items: list[int]) -> dict[int, str]:
        raise RuntimeError("shape")

    with pytest.raises(RuntimeError, match="shape"):
        Computing("cpu").retry_smaller(fail, [1, 2])


def on(computing: Computing) -> SamI2VPredictor:
    predictor = engine()
    predictor.computing = computing
    return predictor


def test_half_precision_gives_finite_masks_of_the_same_kind() -> None:
    predictor = on(Computing("cpu", precision="bfloat16"))
    prompt(predictor, disc())
    for mask in track(predictor, range(1, 5)).values():
        assert mask.logits.dtype == "float32"
        assert mask.area


@pytest.mark.gpu
def test_a_gpu_tracks() -> None:
    from copy import deepcopy

    from engines import cells
    from tiny import tiny_model

    expected = engine()
    computing = Computing("cuda", precision="float32")
    model = deepcopy(tiny_model()).to(computing.device)
    predictor = SamI2VPredictor(model, open_video(cells()), computing, views="frame")
    for each in (expected, predictor):
        prompt(each, disc())
    assert_alike(track(expected, range(1, 4)), track(predictor, range(1, 4)))
    restarted = SamI2VPredictor(model, open_video(cells()), computing, views="frame")
    restarted.restore(predictor.snapshot())
    assert_alike(track(predictor, [4, 5]), track(restarted, [4, 5]))
