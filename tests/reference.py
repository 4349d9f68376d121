"""The reference vectors of the released model: where they lie, how they are read."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_sam_i2v.model import build_model
from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.sam_i2v import SamI2V

_ROOT = Path(__file__).resolve().parents[1]
REFERENCE = Path(
    os.environ.get(
        "NAPARI_SAM_I2V_REFERENCE", _ROOT.parent / "shared" / "reference" / "sam-i2v"
    )
)

needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(),
    reason="needs the reference vectors: set NAPARI_SAM_I2V_REFERENCE to their folder",
)

_NORMAL = re.compile(
    r"(_embed|_embeddings|_embedding_fg|_embeddings_fg|_token|_tokens)(\.\d+)?\.weight$"
)
_LOOSE = {
    "maskmem_tpos_enc",
    "no_mem_embed",
    "no_mem_pos_enc",
    "no_obj_embed_spatial",
    "no_obj_ptr",
}


def recipe_tensor(key: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """One tensor of the deterministic weights (reference README, section 2)."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    n = rng.standard_normal(shape).astype(np.float32)
    last = key.rsplit(".", 1)[-1]
    simple = {
        "num_batches_tracked": lambda: np.zeros(shape, np.int64),
        "running_var": lambda: 1 + np.float32(0.1) * np.abs(n),
        "running_mean": lambda: np.float32(0.1) * n,
        "bias": lambda: np.float32(0.05) * n,
        "gamma": lambda: np.float32(0.5) * n,
        "attention_biases": lambda: np.float32(0.5) * n,
        "positional_encoding_gaussian_matrix": lambda: n,
    }
    if last in simple:
        return simple[last]()
    if key in _LOOSE:
        return np.float32(0.5) * n
    if _NORMAL.search(key):
        return n
    if len(shape) == 1:
        return 1 + np.float32(0.1) * n
    wide = key.startswith("image_encoder.") or key.endswith(
        ("q_proj.weight", "k_proj.weight")
    )
    fan = int(np.prod(shape[1:]))
    return n * np.float32((1.4 if wide else 1.0) / np.sqrt(fan))


def recipe_model(
    seed: int = 0,
    object_score_bias: float = 4.0,
    config: str | ModelConfig = "sam-i2v",
) -> SamI2V:
    """Build a member of the family, by default the released one, by the recipe."""
    model = build_model(config)
    state = {
        key: torch.from_numpy(np.asarray(recipe_tensor(key, tuple(t.shape), seed)))
        for key, t in model.state_dict().items()
    }
    state["sam_mask_decoder.pred_obj_score_head.layers.2.bias"][:] = object_score_bias
    for i, gain in enumerate((6, 4, 4, 4)):
        for name in ("weight", "bias"):
            key = f"sam_mask_decoder.output_hypernetworks_mlps.{i}.layers.2.{name}"
            state[key] *= gain
    model.load_state_dict(state)
    return model.eval()


def read_json(name: str) -> dict:
    """Read one of the descriptions beside the vectors."""
    return json.loads((REFERENCE / f"{name}.json").read_text())


def read_movie() -> tuple[np.ndarray, np.ndarray]:
    """Read the movie the vectors were made from: frames, and labels of its discs."""
    with np.load(REFERENCE / "video_100.npz") as file:
        return file["frames"], file["labels"]


def read_vectors(name: str) -> tuple[dict[str, np.ndarray], dict]:
    """Read a file of vectors and its description."""
    with np.load(REFERENCE / f"{name}.npz") as file:
        vectors = {key: file[key] for key in file.files}
    return vectors, json.loads(str(vectors.pop("meta_json")))


def summarise(tensor: torch.Tensor) -> dict[str, np.ndarray]:
    """Summary of a tensor as the vectors hold it (reference README, section 1.3)."""
    x = tensor.detach().float().numpy()
    flat = x.reshape(-1).astype(np.float64)
    signs = np.random.default_rng(12345).integers(0, 2, flat.size) * 2 - 1
    sketch = np.bincount(np.arange(flat.size) % 256, flat * signs, minlength=256)
    parts = {
        "mean_std": np.array([flat.mean(), flat.std()]),
        "sketch": sketch / np.sqrt(flat.size / 256),
    }
    if flat.size <= 4096:
        parts["full"] = x
    elif x.ndim == 4:
        parts["corner"] = x[0, :8, :4, :4]
    elif x.ndim == 5:
        parts["corner"] = x[0, :8, -1, :4, :4]
    elif x.shape[0] >= x.shape[1]:
        parts["corner"] = x[:4, 0, :8]
    else:
        parts["corner"] = x[0, :4, :8]
    return parts


def off_by(
    vectors: dict[str, np.ndarray], name: str, tensor: torch.Tensor
) -> list[str]:
    """Say where a tensor is not what was recorded, within the README's limits."""
    shape = tuple(vectors[f"{name}.shape"])
    if tuple(tensor.shape) != shape:
        return [f"{name}: shape {tuple(tensor.shape)}, not {shape}"]
    wrong = []
    for part, value in summarise(tensor).items():
        worst = np.abs(value - vectors[f"{name}.{part}"]).max()
        if not worst <= (1e-4 if part == "mean_std" else 1e-3):
            wrong.append(f"{name}.{part}: off by {worst:.2g}")
    return wrong
