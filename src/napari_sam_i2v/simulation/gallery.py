"""One picture of everything that can be simulated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_sam_i2v.simulation.settings import SimulatedMovie, SimulationSettings
from napari_sam_i2v.simulation.simulate import simulate

SIDE = 160
COLUMNS = 3
CAPTION = 14
GAP = 4
COLOURS = 96
"""Of the picture; noise makes files large."""

_CANVAS = (20, 20, 22)
_OUTLINE = (255, 190, 60)


def _case(modality: str, look: str, seed: int, **others: object) -> SimulationSettings:
    settings = SimulationSettings(
        modality=modality,
        look=look,
        seed=seed,
        frames=9,
        height=SIDE,
        width=SIDE,
        cells=14,
        noise=0.25,
    )
    return replace(settings, **others)  # type: ignore[arg-type]


CASES: tuple[tuple[str, SimulationSettings], ...] = (
    ("nuclei", _case("nuclei", "nuclei", 3)),
    ("nuclei, dividing", _case("nuclei", "nuclei", 4, division_rate=0.15)),
    ("nuclei, dense and dim", _case("nuclei", "nuclei", 9, cells=50, noise=0.6)),
    ("cytoplasm", _case("cytoplasm", "cytoplasm", 2, body="lobed")),
    ("cytoplasm, flat cells", _case("cytoplasm", "cytoplasm", 5, body="sheet")),
    ("membrane", _case("membrane", "membrane", 1)),
    ("ring", _case("ring", "ring", 2)),
    ("spindle, stained", _case("spindle", "cytoplasm", 1, cells=5, body="spindle")),
    ("spindle, dim", _case("spindle", "cytoplasm", 8, cells=6, noise=0.75)),
    ("spindle, phase", _case("spindle", "phase", 3, cells=8, body="spindle")),
    ("phase, flat cells", _case("phase", "phase", 27, cells=7, body="sheet")),
    ("phase, flat cells", _case("phase", "phase", 11, cells=9, body="sheet")),
    ("phase, round", _case("phase", "phase", 17, body="round")),
    ("dic", _case("dic", "dic", 1, body="round")),
    ("dic, flat cells", _case("dic", "dic", 4, cells=8, body="sheet")),
    ("bright field, defocused", _case("brightfield", "brightfield", 2, body="round")),
    ("bright field, dye", _case("brightfield", "dye", 3, body="lobed")),
    ("yeast, phase", _case("yeast", "yeast", 4, division_rate=0.08)),
    ("yeast, phase", _case("yeast", "yeast", 2, division_rate=0.08, cells=9)),
    ("rods, phase", _case("rods", "rod-phase", 1, cells=60, division_rate=0.05)),
    ("rods, stained", _case("rods", "rod-fluorescence", 2, cells=40)),
    ("chains", _case("chains", "rod-phase", 2, cells=24, division_rate=0.04)),
    ("channels, phase", _case("channels", "rod-phase", 3, cells=24)),
    ("channels, stained", _case("channels", "rod-fluorescence", 1, cells=24)),
    ("filaments", _case("filaments", "rod-phase", 5, cells=8)),
    ("filaments, stained", _case("filaments", "rod-fluorescence", 2, cells=8)),
    ("stage drift, fast jumps", _case("nuclei", "nuclei", 21, drift=6.0, speed=0.6)),
)


def draw_gallery(path: str | Path) -> None:
    """Draw the first frame of each case beside its last one with outlines.

    Parameters
    ----------
    path
        PNG file to write.
    """
    rows = -(-len(CASES) // COLUMNS)
    across, down = 2 * SIDE + 3 * GAP, SIDE + CAPTION + GAP
    sheet = Image.new("RGB", (COLUMNS * across, rows * down), _CANVAS)
    pen = ImageDraw.Draw(sheet)
    for index, (title, settings) in enumerate(CASES):
        left, top = (index % COLUMNS) * across + GAP, (index // COLUMNS) * down
        movie = simulate(settings)
        for panel, frame in enumerate((0, settings.frames - 1)):
            place = (left + panel * (SIDE + GAP), top + CAPTION)
            picture = frame_picture(movie, frame, outlined=panel == 1)
            sheet.paste(Image.fromarray(picture), place)
        pen.text((left, top + 1), title, fill=(225, 225, 225))
    sheet.quantize(COLOURS).save(path, format="PNG", optimize=True)


def frame_picture(
    movie: SimulatedMovie, frame: int, *, outlined: bool
) -> NDArray[np.uint8]:
    """Paint a frame.

    Parameters
    ----------
    movie
        A movie.
    frame
        Frame number.
    outlined
        Whether to draw the outlines of the labels.

    Returns
    -------
    NDArray[np.uint8]
        ``(H, W, 3)``.
    """
    image = movie.images[frame].astype(np.float32)
    low, high = np.percentile(image, (0.5, 99.7))
    grey = np.clip((image - low) / max(high - low, 1), 0, 1) * 255
    picture = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    if outlined:
        picture[_outlines(movie.labels[frame])] = _OUTLINE
    return picture


def _outlines(labels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Pixels of cells that have a neighbour with another label."""
    outlines = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        differs = np.diff(labels, axis=axis) != 0
        before, after = [slice(None)] * 2, [slice(None)] * 2
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        outlines[tuple(before)] |= differs
        outlines[tuple(after)] |= differs
    return outlines & (labels > 0)
