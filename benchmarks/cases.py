"""What is timed. A case runs in a process of its own, started by ``engine.py``."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from made_up import (
    DIAMETER,
    FIRST,
    FULL,
    SIZE,
    discs,
    frame_store,
    made_ready,
    memory_of,
    noise,
    random_model,
    restore,
)
from plain import PlainEncoder, PlainTracker
from safetensors.torch import save_file
from torch import Tensor

from napari_sam_i2v.cli import main
from napari_sam_i2v.inference.build import build_predictor
from napari_sam_i2v.inference.encoding import ViewEncoder
from napari_sam_i2v.inference.frames import FrameStore
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.prompts import PointPrompt
from napari_sam_i2v.views import Extent, choose_policy

RELEASED, CELL = "sam-i2v", "sam-i2v-cell"
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Setting:
    """How a case is run.

    Attributes
    ----------
    device
        ``cpu`` or ``cuda``.
    quick
        Whether once is enough, as for a check that it runs at all.
    folder
        An empty one for files.
    """

    device: str
    quick: bool
    folder: Path


@torch.inference_mode()
def measure(name: str, setting: Setting) -> dict[str, Any]:
    """Run a case by its name; see ``engine.py`` for the names."""
    match name.split("-"):
        case ["check"]:
            return check()
        case ["encoder", *plain]:
            row = encoder(setting, plain=bool(plain))
        case ["whole", _, "plain"]:
            row = whole_plain(setting)
        case ["whole", count]:
            row = tracking(setting, RELEASED, int(count))
        case ["follow", count]:
            row = tracking(setting, CELL, int(count))
        case ["click", *first]:
            row = click(setting, cached=not first)
        case ["track", count]:
            row = command(setting, int(count) // (10 if setting.quick else 1))
        case _:
            raise ValueError(f"no case is called {name!r}")
    gpu = torch.cuda.max_memory_allocated() / 1e6 if setting.device == "cuda" else None
    return {**row, "peak_rss_mb": peak_rss(), "peak_gpu_mb": gpu}


def timed(
    work: Callable[[int], object], setting: Setting, *, warm_ups: int, runs: int
) -> dict[str, Any]:
    """Call work with 0, 1, 2 ...; medians of seconds and CPU-seconds of the runs."""
    warm_ups, runs = (1, 1) if setting.quick else (warm_ups, runs)
    wall, cpu = [], []
    for index in range(warm_ups + runs):
        begun = time.perf_counter(), time.process_time()
        work(index)
        if setting.device == "cuda":
            torch.cuda.synchronize()
        wall.append(time.perf_counter() - begun[0])
        cpu.append(time.process_time() - begun[1])
    return {
        "warm_ups": warm_ups,
        "runs": runs,
        "seconds": statistics.median(wall[warm_ups:]),
        "cpu_seconds": statistics.median(cpu[warm_ups:]),
    }


def encoder(setting: Setting, *, plain: bool) -> dict[str, Any]:
    """TinyViT and TFI at 1024, frame after frame."""
    model, video = random_model(RELEASED), noise()
    with contextlib.ExitStack() as stack:
        if plain:
            model = model.to(setting.device)
            stack.enter_context(plain_precision(setting))
            frames = frame_store(model, video, torch.device(setting.device))
            encode = PlainEncoder(model, frames).encode
        else:
            network = made_ready(model, setting.device)
            stack.enter_context(network.computing)
            frames = frame_store(network.model, video, network.computing.device)
            encode = encode_shared(network.model, frames)
        return timed(lambda i: encode(FIRST + i), setting, warm_ups=2, runs=5)


def encode_shared(model: SamI2V, frames: FrameStore) -> Callable[[int], Any]:
    """Encode whole frames with the engine's encoder."""
    policy = choose_policy("frame", (SIZE, SIZE), model.config.view.diameters, [])
    view = policy.around(Extent((0, 0), DIAMETER))
    views = ViewEncoder(model, frames, shared=True, kept=8)
    return lambda frame: views.encode(frame, [view])


def tracking(setting: Setting, name: str, count: int) -> dict[str, Any]:
    """``track`` with full memory: whole frames, or views that follow objects."""
    views = "frame" if name == RELEASED else "objects"
    network = made_ready(random_model(name), setting.device)
    predictor = build_predictor(network, noise(), views=views)
    ids = list(range(1, count + 1))
    restore(predictor, ids, views, FULL)
    row = timed(lambda i: predictor.track(FIRST + i, ids), setting, warm_ups=1, runs=3)
    predictor.close()
    return {**row, "objects": count}


def whole_plain(setting: Setting) -> dict[str, Any]:
    """Whole frames with one object, the straightforward way."""
    model, video = random_model(RELEASED).to(setting.device), noise()
    device = torch.device(setting.device)
    state, maps = memory_of(model, 1, "frame", FULL, device)
    frames = frame_store(model, video, device)
    tracker = PlainTracker(model, frames, state, maps, (SIZE, SIZE))
    with plain_precision(setting):
        row = timed(lambda i: tracker.track(FIRST + i), setting, warm_ups=1, runs=3)
    return {**row, "objects": 1}


def click(setting: Setting, *, cached: bool) -> dict[str, Any]:
    """A point, then a second one on the same frame, as a session asks for them."""
    network = made_ready(random_model(CELL), setting.device)
    predictor = build_predictor(network, noise(), views="objects")
    points = tuple(
        PointPrompt(frame=FIRST, object_id=1, yx=(y, x))
        for y, x in ((SIZE / 2, SIZE / 2), (SIZE / 2 + 4, SIZE / 2 + 3))
    )
    predictor.segment(FIRST, 1, points[:1])

    def work(index: int) -> None:
        if cached:
            predictor.segment(FIRST, 1, points)
        else:
            predictor.segment(FIRST + 1 + index, 2, points[:1])

    return timed(work, setting, warm_ups=3, runs=9)


def command(setting: Setting, n_frames: int) -> dict[str, Any]:
    """``sam-i2v track`` with 16 objects, from start to end."""
    movie, labels = discs(setting.folder, n_frames)
    weights = setting.folder / "weights.safetensors"
    save_file(random_model(CELL).state_dict(), weights)
    words = ["track", movie, "--prompts", labels, "--out", setting.folder / "masklets"]
    words += ["--model", CELL, "--checkpoint", weights, "--device", setting.device]
    begun = time.perf_counter(), time.process_time()
    # The rows are what this process prints to stdout.
    with contextlib.redirect_stdout(sys.stderr), torch.inference_mode(False):
        code = main([str(word) for word in [*words, "--quiet"]])
    if code:
        raise RuntimeError(f"sam-i2v track failed with exit code {code}")
    return {
        "warm_ups": 0,
        "runs": 1,
        "objects": 16,
        "seconds": (time.perf_counter() - begun[0]) / n_frames,
        "cpu_seconds": (time.process_time() - begun[1]) / n_frames,
    }


def check() -> dict[str, Any]:
    """Compare engine and straightforward version, on the CPU in float32.

    The released model with a full bank, and ours with one that is filled up with
    copies of its first entry.
    """
    row = {}
    for name, tracked in ((RELEASED, FULL), (CELL, FULL[-1:])):
        model, video, device = random_model(name), noise(), torch.device("cpu")
        state, maps = memory_of(model, 1, "frame", tracked, device)
        frames = frame_store(model, video, device)
        features = PlainEncoder(model, frames).encode(FIRST).tokens
        tracker = PlainTracker(model, frames, state, maps, (SIZE, SIZE))
        logits = tracker.track(FIRST)

        network = made_ready(model, "cpu")
        ours = encode_shared(network.model, frames)(FIRST).tokens
        predictor = build_predictor(network, video, views="frame")
        restore(predictor, [1], "frame", tracked)
        predictor.track(FIRST, [1])
        row[f"{name} features"] = compare(ours, features)
        row[f"{name} logits"] = compare(predictor.video_logits(FIRST, [1]), logits)
        predictor.close()
    return row


def compare(ours: Tensor, plain: Tensor) -> dict[str, float | bool]:
    """Give the largest difference, beside how far values are spread."""
    return {
        "difference": float((ours - plain).abs().max()),
        "spread": float(plain.std()),
        "equal": torch.allclose(
            ours, plain, rtol=TOLERANCE, atol=TOLERANCE * min(1, float(plain.std()))
        ),
    }


def plain_precision(setting: Setting) -> contextlib.AbstractContextManager[object]:
    """Give the straightforward version the precision that the engine has."""
    if setting.device != "cuda" or not torch.cuda.is_bf16_supported():
        return contextlib.nullcontext()
    return torch.autocast("cuda", torch.bfloat16)


def peak_rss() -> float | None:
    """Largest resident memory of this process in MB, if the system tells."""
    status = Path("/proc/self/status")
    if status.exists():  # rusage would count what the parent had when it forked
        lines = status.read_text().splitlines()
        value = next(line for line in lines if line.startswith("VmHWM"))
        return int(value.split()[1]) * 1024 / 1e6
    if os.name == "nt":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
