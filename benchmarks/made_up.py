"""Models, memories and movies to time the engine with; none of them means anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile
import torch
from torch import Tensor

from napari_sam_i2v.inference.build import Network, optimise
from napari_sam_i2v.inference.devices import Computing
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.inference.objects import ObjectState, Sighting
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.inference.similarity import FrameLikeness
from napari_sam_i2v.inference.snapshot import pack
from napari_sam_i2v.model import build_model
from napari_sam_i2v.model.memory import MemoryEntry
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.video import VideoSource, open_video
from napari_sam_i2v.views import Extent, choose_policy

SIZE, DIAMETER = 512, 30
"""Sides of a frame, and an object in it, in pixels."""

FIRST = 25
"""Frame tracked first; with `FULL` behind it the bank of every member is full."""

FULL = range(FIRST - 20, FIRST)


def random_model(name: str) -> SamI2V:
    """Build a model with random weights that finds every object, always the same."""
    torch.manual_seed(0)
    model = build_model(name).requires_grad_(False)
    for tensor in model.state_dict().values():
        if tensor.ndim == 1 and tensor.is_floating_point():  # norms, biases
            tensor += (0.1 * torch.randn_like(tensor)).clamp(-0.5, 0.5)
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(4.0)
    return model


def made_ready(model: SamI2V, device: str) -> Network:
    """Lay a model out as the engine does when it loads one."""
    computing = Computing(device, large=model.config.input_size > 512)
    optimise(model)
    return Network(model.to(computing.device), computing, "")


def frame_store(model: SamI2V, video: VideoSource, device: torch.device) -> FrameStore:
    """Frames as the engine reads them."""
    config = model.config
    return FrameStore(video, config.temporal.window, config.input_size, device)


def restore(
    predictor: SamI2VPredictor, ids: Sequence[int], views: str, frames: range
) -> None:
    """Fill an engine's memory, as if all objects had been followed over some frames."""
    model, device = predictor.model, predictor.computing.device
    likeness, objects = FrameLikeness(), {}
    for object_id in ids:
        objects[object_id], maps = memory_of(model, object_id, views, frames, device)
        for t, tokens in maps.items():
            key = 0 if views == "frame" else object_id
            likeness.note(key, t, tokens, model.config.memory.global_reach)
    predictor.restore(pack(objects, likeness, views))


def memory_of(
    model: SamI2V, object_id: int, views: str, frames: range, device: torch.device
) -> tuple[ObjectState, dict[int, Tensor]]:
    """Make up an object prompted on frame 0, tracked on some, and these' features."""
    config, state, maps = model.config, ObjectState(), {}
    generator = torch.Generator().manual_seed(object_id)
    at = divmod(object_id - 1, 10)
    seen = Extent(((at[0] + 0.5) * SIZE / 10, (at[1] + 0.5) * SIZE / 10), DIAMETER)
    view = choose_policy(views, (SIZE, SIZE), config.view.diameters, []).around(seen)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).to(device)

    for t in (0, *frames):
        entry = MemoryEntry(
            draw(1, config.grid**2, config.memory.width).to(torch.bfloat16),
            draw(1, config.width),
            draw(1, config.grid**2) > 1,
        )
        (state.bank.tracked if t else state.bank.conditioning)[t] = entry
        state.sightings[t] = Sighting(view, seen, False if t else None)
        maps[t] = draw(config.width, config.grid, config.grid)
    return state, maps


def noise() -> VideoSource:
    """A movie to look at; what it shows does not matter."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 4000, (40, SIZE // 8, SIZE // 8), dtype=np.uint16)
    return open_video(coarse.repeat(8, axis=1).repeat(8, axis=2), axes="TYX")


def discs(folder: Path, n_frames: int) -> tuple[Path, Path]:
    """Write a movie of 16 jittering discs, 256 x 256, and its first labels."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:256, :256]
    movie, first = folder / "movie.tif", folder / "labels.tif"
    with tifffile.TiffWriter(movie) as file:
        for t in range(n_frames):
            labels = np.zeros((256, 256), np.uint16)
            for disc in range(16):
                y, x = 32 + 64 * np.array(divmod(disc, 4)) + rng.uniform(-2, 2, 2)
                labels[np.hypot(rows - y, columns - x) < 12] = disc + 1
            image = rng.normal(200, 20, labels.shape) + 500 * (labels > 0)
            file.write(image.astype(np.uint16), contiguous=True)
            if t == 0:
                tifffile.imwrite(first, labels)
    return movie, first
