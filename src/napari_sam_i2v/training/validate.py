"""Validation: fixed clips of movies that are not trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageDraw
from scipy import ndimage

from napari_sam_i2v.model.sam_i2v import SamI2V
from napari_sam_i2v.training.clips import Clips, ClipSettings, draw_clips
from napari_sam_i2v.training.dice import Dice
from napari_sam_i2v.training.losses import LossWeights
from napari_sam_i2v.training.movies import MovieSettings, held_out
from napari_sam_i2v.training.pool import MoviePool
from napari_sam_i2v.training.ranges import Count, Positive
from napari_sam_i2v.training.ranks import Ranks
from napari_sam_i2v.training.unroll import Script, Unrolling

SCRIPTS = {
    "mask": Script(kind="box", mask_share=1.0, trust=1.0),
    "click": Script(kind="click", mask_share=0.0, trust=1.0),
}


_SEED = 1_000_003


@dataclass(frozen=True, kw_only=True)
class ValidationSettings:
    """How to validate.

    Attributes
    ----------
    every
        Steps from one time to the next; 0 for never.
    first
        Whether to begin with a validation, to compare with.
    movies, clips
        How many movies are held, and cells followed in them.
    frames
        Frames each is followed.
    shown, columns
        Cells in the picture, and frames of each at most.
    """

    every: Count = 200
    first: bool = False
    movies: Positive = 16
    clips: Positive = 24
    frames: Positive = 16
    shown: Positive = 6
    columns: Positive = 8


class Validation:
    """Clips that stay the same over a run, from held-out stills and other movies.

    Parameters
    ----------
    settings, movies
        How, and what is trained on: the same sources, held-out stills, another seed.
    diameters
        Side of a view in object diameters.
    device
        Where to compute.
    workers
        Processes that make the movies.
    """

    def __init__(
        self,
        settings: ValidationSettings,
        movies: MovieSettings,
        diameters: float,
        device: torch.device,
        workers: int,
    ) -> None:
        self._settings = settings
        frames = min(settings.frames, movies.frames)
        apart = replace(held_out(movies), pool=settings.movies)
        self._pool = MoviePool(apart, _SEED, workers, Ranks(device))
        self._pool.advance(0)
        self._pool.close()
        how = ClipSettings(
            longest_stride=1, reversed=0.0, vanishing=0.15, away=0.0, swell=0.0
        )
        rng = np.random.default_rng(_SEED)
        self._clips = draw_clips(
            self._pool.tracks, settings.clips, frames, diameters, how, rng
        )

    @torch.inference_mode()
    def run(self, model: SamI2V) -> tuple[dict[str, float | None], Image.Image]:
        """Follow the clips.

        Returns
        -------
        dict
            By prompt, ``mask`` or ``click``: mean IoU of followed masks (``mask/J``),
            IoU of the prompt's answer (``click/prompted``), share of absent cells
            told to be so, and of present ones.
        PIL.Image.Image
            Some of the clips, followed from their masks.
        """
        figures: dict[str, float | None] = {}
        picture = Image.new("RGB", (1, 1))
        for name, script in SCRIPTS.items():
            run = self._unrolling(model, script)
            means = run.run().means()
            figures[f"{name}/J"] = means["tracked"]
            figures[f"{name}/prompted"] = means["prompted"]
            figures[f"{name}/absent"] = means["absent"]
            figures[f"{name}/kept"] = means["kept"]
            if name == "mask":
                shown, columns = self._settings.shown, self._settings.columns
                picture = draw_samples(run, shown, columns)
        return figures, picture

    def _unrolling(self, model: SamI2V, script: Script) -> Unrolling:
        device = self._pool.images.device
        clips: Clips = self._clips.rows(slice(None), device)
        dice = Dice(0, len(clips), device=device)
        rng = np.random.default_rng(0)
        weights = LossWeights()
        return Unrolling(model, self._pool, clips, script, weights, dice, rng, seen=[])


def draw_samples(run: Unrolling, rows: int, columns: int = 8) -> Image.Image:
    """Draw clips that were run: what was seen, truth in green, masks in orange.

    Parameters
    ----------
    run
        Over, and with ``seen`` kept.
    rows, columns
        Clips, and frames of each, at most.
    """
    assert run.seen
    steps = np.unique(np.linspace(0, len(run.seen) - 1, columns).round().astype(int))
    lines = []
    for row in range(min(rows, len(run.clips))):
        panels = [_panel(*(t[row] for t in run.seen[step])) for step in steps]
        lines.append(np.concatenate(panels, axis=1))
    picture = Image.fromarray(np.concatenate(lines))
    draw = ImageDraw.Draw(picture)
    size = picture.width // len(steps)
    for column, step in enumerate(steps):
        draw.text((column * size + 3, 2), f"frame {step}", fill=(255, 255, 255))
    return picture


def _panel(
    image: torch.Tensor, logits: torch.Tensor, target: torch.Tensor
) -> np.ndarray:
    """A view with outlines, ``(S, S, 3)`` uint8."""
    shades = image.float().cpu().numpy()
    low, high = np.percentile(shades, (1, 99.5))
    grey = np.clip((shades - low) / max(high - low, 1e-6), 0, 1) * 255
    rgb = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    for mask, colour in ((target, (60, 200, 90)), (logits > 0, (255, 140, 0))):
        factor = rgb.shape[0] // mask.shape[-1]
        large = mask[0].cpu().numpy().repeat(factor, 0).repeat(factor, 1)
        rgb[large & ~ndimage.binary_erosion(large)] = colour
    rgb[:, -1] = rgb[-1] = 0
    return rgb
