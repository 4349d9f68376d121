"""Image encoder: TinyViT, then the temporal feature integrator."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_sam_i2v.model.config import ModelConfig
from napari_sam_i2v.model.temporal import TemporalIntegrator
from napari_sam_i2v.model.tiny_vit import TinyViT


@dataclass(frozen=True)
class Features:
    """What a frame looks like to the rest of the network.

    Attributes
    ----------
    tokens
        ``(B, C, h, w)``.
    fine
        Maps at stride 2 and stride 4; none for decoders that have no use for them.
    """

    tokens: Tensor
    fine: tuple[Tensor, ...] = ()

    def __getitem__(self, rows: slice) -> Features:
        """Pick batch rows."""
        return Features(self.tokens[rows], tuple(fine[rows] for fine in self.fine))

    @classmethod
    def stack(cls, parts: list[Features]) -> Features:
        """Join batches."""
        if len(parts) == 1:
            return parts[0]
        fine = zip(*(part.fine for part in parts), strict=True)
        return cls(
            torch.cat([part.tokens for part in parts]),
            tuple(torch.cat(maps) for maps in fine),
        )


class ImageEncoder(nn.Module):
    """Frames to features."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.high_res = config.decoder.high_res_features
        self.trunk_image = TinyViT(config.encoder, config.token_stride, config.width)
        self.trunk_video = TemporalIntegrator(
            config.temporal, config.encoder, config.token_stride, config.width
        )

    def forward(self, image: Tensor, window: Tensor) -> Features:
        """Encode a frame in its window.

        Parameters
        ----------
        image
            Normalised current frame, ``(B, 3, S, S)``.
        window
            ``trunk_video.taps`` of the window's frames, current one last,
            ``(B, T, taps, D, h, w)``.
        """
        maps = self.trunk_image(image)
        tokens = self.trunk_video(maps.tokens, window)
        return Features(tokens, maps.fine if self.high_res else ())


def window_frames(frame: int, window: int) -> list[int]:
    """Frames the temporal integrator sees at a frame, the current one last.

    Where the movie has no earlier frames the current one is repeated at the end.
    The window lies before the frame in time whatever the direction of travel.
    """
    frames = list(range(max(0, frame - window + 1), frame + 1))
    return frames + [frame] * (window - len(frames))
