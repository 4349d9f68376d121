"""From names to a running engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from napari_sam_i2v.checkpoints import find_weights, sha256_of
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.inference.devices import Computing
from napari_sam_i2v.inference.predictor import SamI2VPredictor
from napari_sam_i2v.model import build_model, load_model_config, load_weights
from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.model.selection import Policy, SimilaritySampling, TopK
from napari_sam_i2v.model.tiny_vit import ConvNorm
from napari_sam_i2v.video import VideoSource
from napari_sam_i2v.views import Extent

VIEWS = ("auto", "frame", "objects")


@dataclass(frozen=True)
class Network:
    """A model with weights, where it runs, and which weights these are."""

    model: SamI2V
    computing: Computing
    checkpoint_sha256: str


def load_network(
    model: str | Path,
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
) -> Network:
    """Load a model with its weights onto a device.

    Parameters
    ----------
    model
        A member of the family by name, or its YAML file.
    checkpoint
        Weights; those known for the model without.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    precision
        ``auto``, ``float32`` or ``bfloat16``; see :class:`Computing`.
    compiled
        Whether encoder and memory attention go through ``torch.compile``: minutes at
        first, faster then on a GPU.

    Raises
    ------
    InputError
        If the model is not known, the weights are not on disk or do not fit, or there
        is no such device.
    """
    config = load_model_config(model)
    computing = Computing(device, large=config.input_size > 512, precision=precision)
    weights = Path(checkpoint) if checkpoint else find_weights(config.name)
    if weights is None:
        raise InputError(
            f"the weights of {config.name} are not on disk; see `sam-i2v models info "
            f"{config.name}`, then `sam-i2v models import FILE`, or give --checkpoint"
        )
    network = load_weights(build_model(config), weights).requires_grad_(False)
    optimise(network)
    if compiled:
        network.image_encoder.compile()
        network.memory_attention.compile()
    network = network.to(computing.device)
    return Network(network, computing, sha256_of(weights))


def optimise(network: SamI2V) -> None:
    """Lay a model out for inference; what it computes stays the same but for rounding.

    Batch norms are worked into the convolutions before them, whose weights then lie
    channels last.
    """
    for module in network.modules():
        if isinstance(module, ConvNorm):
            module.fold()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.contiguous(
                memory_format=torch.channels_last
            )


def build_predictor(  # noqa: PLR0913
    network: Network | str | Path,
    video: VideoSource,
    *,
    checkpoint: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    views: str = "auto",
    cell_size: float | None = None,
    divisions: str = "end",
    neighbours: str = "contend",
    selection: str = "top-k",
    extents: Sequence[Extent] = (),
    fill_holes: int = 0,
) -> SamI2VPredictor:
    """Build an engine for a movie.

    Parameters
    ----------
    network
        From :func:`load_network`, or what it takes.
    video
        The movie.
    checkpoint, device
        See :func:`load_network`.
    seed
        For ``selection="sampled"``.
    views, cell_size, extents, fill_holes
        See :class:`SamI2VPredictor`.
    divisions
        ``end`` or ``ignore``: whether cells end where they divide, or are doubtful.
    neighbours
        ``contend`` or ``ignore``: whether objects that are followed together contend
        for pixels.
    selection
        ``top-k`` or ``sampled``.

    Raises
    ------
    InputError
        As :func:`load_network`, and if views or selection are not known.
    """
    policies: dict[str, Policy] = {
        "top-k": TopK(),
        "sampled": SimilaritySampling(seed),
    }
    if selection not in policies:
        raise InputError(f"no selection {selection!r}; choose top-k or sampled")
    if views not in VIEWS:
        raise InputError(f"no views {views!r}; choose {', '.join(VIEWS)}")
    if not isinstance(network, Network):
        network = load_network(network, checkpoint=checkpoint, device=device)
    predictor = SamI2VPredictor(
        network.model,
        video,
        network.computing,
        policy=policies[selection],
        views=views,
        cell_size=cell_size,
        divisions=divisions == "end",
        neighbours=neighbours == "contend",
        extents=extents,
        fill_holes=fill_holes,
    )
    predictor.checkpoint_sha256 = network.checkpoint_sha256
    return predictor
