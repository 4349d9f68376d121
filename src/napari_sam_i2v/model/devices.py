"""Where to compute."""

from __future__ import annotations

import ctypes
import sys

import torch

from napari_sam_i2v.errors import InputError


def find_device(name: str) -> torch.device:
    """Turn a name into a device that is there."""
    available = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if name == "auto":
        name = next(kind for kind, there in available.items() if there())
    if name not in available:
        raise InputError(f"no device {name!r}; choose auto, cpu, cuda or mps")
    if not available[name]():
        raise InputError(
            f"this machine has no usable {name} device; choose cpu or auto as device"
        )
    return torch.device(name)


def keep_freed_memory() -> None:
    """Let glibc keep large freed buffers instead of giving them back at every step.

    Feature maps are megabytes each; handing them back means a page fault for every
    page of the next one, a third of the encoder's time. Other C libraries keep them
    anyway.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3
    mallopt(mmap_threshold, 1 << 30)
    mallopt(trim_threshold, 1 << 30)
    mallopt(top_pad, 64 << 20)
