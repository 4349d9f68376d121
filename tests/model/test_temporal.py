"""The temporal integrator's shortcuts against the computation written out."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_sam_i2v.model.config import EncoderConfig, TemporalConfig
from napari_sam_i2v.model.image_encoder import window_frames
from napari_sam_i2v.model.temporal import TemporalIntegrator, TemporalNet, quick_gelu

ENCODER = EncoderConfig(widths=(4, 4, 6, 8))


def integrator(window: int = 5, taps: int = 5, depth: int = 3) -> TemporalIntegrator:
    torch.manual_seed(0)
    config = TemporalConfig(width=7, window=window, taps=taps, depth=depth)
    return TemporalIntegrator(config, ENCODER, 16, 12).eval()


@pytest.mark.parametrize(("window", "taps"), [(5, 5), (3, 3), (5, 3), (3, 5), (1, 1)])
@torch.inference_mode()
def test_stem_of_shared_taps_is_the_padded_convolution(window: int, taps: int) -> None:
    network = integrator(window, taps)
    movie = torch.randn(2, window, 3, 64, 64)
    tapped = network.taps(movie.flatten(0, 1)).unflatten(0, (2, window))
    stem = network.temporal_stem
    expected = F.conv3d(
        movie.transpose(1, 2),
        stem.weight,
        stem.bias,
        stride=stem.stride,
        padding=(taps // 2, 0, 0),
    )
    torch.testing.assert_close(
        network.stem(tapped), expected.transpose(1, 2), atol=1e-4, rtol=1e-4
    )


def net_written_out(net: TemporalNet, x: Tensor) -> Tensor:
    """All blocks on all frames, by torch's own layers."""
    for index, (norm, block) in enumerate(zip(net.lns, net.temporal_net, strict=True)):
        spatial = block.get_submodule(f"c_fc1_{index}")
        temporal = block.get_submodule(f"c_fc2_{index}")
        inner = norm(x.permute(0, 1, 3, 4, 2)).permute(0, 4, 1, 2, 3)
        inner = temporal(quick_gelu(spatial(inner)))
        x = quick_gelu(x + inner.transpose(1, 2))
    return x


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("keep", [1, 2, 5, 9])
@torch.inference_mode()
def test_leaving_out_what_nothing_can_see_changes_nothing(
    depth: int, frames: int, keep: int
) -> None:
    torch.manual_seed(0)
    net = TemporalNet(6, depth).eval()
    x = torch.randn(2, frames, 6, 5, 4)
    expected = net_written_out(net, x)
    torch.testing.assert_close(
        net(x, keep)[:, -1], expected[:, -1], atol=1e-5, rtol=1e-4
    )
    kept = net(x, keep)
    torch.testing.assert_close(
        kept, expected[:, -kept.shape[1] :], atol=1e-5, rtol=1e-4
    )
    assert kept.shape[1] == min(keep, frames)


@pytest.mark.parametrize(("window", "taps", "depth"), [(5, 5, 3), (3, 3, 1), (1, 1, 1)])
@torch.inference_mode()
def test_integration_is_the_full_computation(
    window: int, taps: int, depth: int
) -> None:
    network = integrator(window, taps, depth)
    maps = tuple(torch.randn(2, c, 4, 4) for c in (6, 8, 12))
    tapped = torch.randn(2, window, taps, 7, 4, 4)

    temporal, result = network.stem(tapped), torch.zeros(2, 12, 4, 4)
    for stage, features in enumerate(maps):
        temporal = net_written_out(network.temporal_nets[stage], temporal)
        middle = network.input_linears[stage](features) + result
        newest = temporal[:, -1]
        updated = network.temporal2integration_nets[stage](middle, newest)
        newest = network.integration2temporal_nets[stage](middle, newest)
        temporal = torch.cat([temporal[:, :-1], newest[:, None]], dim=1)
        result = network.integration_nets[stage](updated)

    torch.testing.assert_close(
        network(maps, tapped), result + updated, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("frame", "window", "frames"),
    [
        (0, 5, [0, 0, 0, 0, 0]),
        (1, 5, [0, 1, 1, 1, 1]),
        (3, 5, [0, 1, 2, 3, 3]),
        (4, 5, [0, 1, 2, 3, 4]),
        (9, 5, [5, 6, 7, 8, 9]),
        (0, 1, [0]),
        (7, 1, [7]),
    ],
)
def test_a_window_lies_before_its_frame(
    frame: int, window: int, frames: list[int]
) -> None:
    assert window_frames(frame, window) == frames
