"""Panels: parts of frames with the outlines of objects, and sheets of them."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from skimage.measure import find_contours

from napari_sam_i2v.evaluation.pairs import index_image

GAP = 8
SUPERSAMPLING = 2
"""Lines are drawn so many times larger and scaled down, which smooths them."""

_BACKGROUND = (18, 18, 20)
_GOLDEN_RATIO = 0.6180339887
_BLUE = 0.67
_TINT = 0.15


def object_colour(object_id: int) -> tuple[int, int, int]:
    """Choose the colour of an object; the same for the same id wherever it is shown.

    Parameters
    ----------
    object_id
        The object's id.

    Returns
    -------
    tuple of int
        Red, green, blue, 0 to 255. Ids that follow each other differ in hue.
    """
    hue = (object_id * _GOLDEN_RATIO) % 1.0
    lightness = (0.58, 0.72, 0.52)[object_id // 5 % 3]
    # Blue looks darker than it is.
    lightness += 0.14 * max(0.0, 1 - abs(hue - _BLUE) / 0.12)
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


@dataclass(frozen=True, eq=False)
class Layer:
    """Labels to outline, in one colour or in that of each object."""

    labels: np.ndarray
    colour: tuple[int, int, int] | None


def panel_of(shades: np.ndarray, layers: Sequence[Layer], zoom: float) -> Image.Image:
    """Draw shades of grey, 0 to 1, ``(Y, X)``, with layers on them, the last on top."""
    size = (round(shades.shape[1] * zoom), round(shades.shape[0] * zoom))
    large = (SUPERSAMPLING * size[0], SUPERSAMPLING * size[1])
    pixels = Image.fromarray(np.asarray(np.rint(255 * shades), np.uint8))
    panel = pixels.resize(size, Image.Resampling.LANCZOS).convert("RGB")
    lines = Image.new("RGBA", large, (0, 0, 0, 0))
    tints = Image.new("RGBA", large, (0, 0, 0, 0))
    for layer in layers:
        _draw_layer(layer, lines, tints, zoom * SUPERSAMPLING)
    for drawn in (tints, lines):
        # Premultiplied by resize, so that edges keep their colour.
        small = drawn.resize(size, Image.Resampling.BOX)
        panel.paste(small, (0, 0), small)
    return panel


def grey(image: np.ndarray, gamma: float = 1.0) -> np.ndarray:
    """Turn a frame to shades of grey, 0 to 1, ``(Y, X)``."""
    shades = image / 255 if image.dtype == np.uint8 else image
    if shades.ndim == 3:
        shades = shades.mean(axis=2)
    return np.asarray(np.clip(shades, 0, 1) ** gamma)


def gamma_of(image: np.ndarray) -> float:
    """Choose the gamma that brings the background to a dark grey, within bounds."""
    background = float(np.median(grey(image)))
    if background <= 0 or background >= 1:
        return 1.0
    return float(np.clip(np.log(0.3) / np.log(background), 0.75, 1.6))


def _draw_layer(
    layer: Layer, lines: Image.Image, tints: Image.Image, scale: float
) -> None:
    thin = layer.colour is not None
    width = SUPERSAMPLING if thin else round(2.4 * SUPERSAMPLING)
    draw, tint = ImageDraw.Draw(lines), ImageDraw.Draw(tints)
    outlines = list(_outlines(layer.labels))
    for object_id, contour in outlines if not thin else ():
        points = _points(contour, scale)
        tint.polygon(points, fill=(*object_colour(object_id), round(255 * _TINT)))
        # A dark casing keeps lines apart from bright cells and from each other.
        draw.line(points, fill=(0, 0, 0, 120), width=width + SUPERSAMPLING)
    for object_id, contour in outlines:
        colour = layer.colour or object_colour(object_id)
        draw.line(
            _points(contour, scale), fill=(*colour, 255), width=width, joint="curve"
        )


def _points(contour: np.ndarray, scale: float) -> list[tuple[float, float]]:
    # Pixel centres are integers; a picture's pixels begin half a pixel before them.
    return [((x + 0.5) * scale, (y + 0.5) * scale) for y, x in contour.tolist()]


def _outlines(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield ids and closed outlines ``yx``, ``(n, 2)``, just inside the masks."""
    ids = np.unique(labels[labels != 0]).astype(np.int64)
    if not ids.size:
        return
    indices = index_image(labels, ids)
    for index, box in enumerate(ndimage.find_objects(indices)):
        mask = np.pad(indices[box] == index + 1, 2).astype(float)
        smooth = ndimage.gaussian_filter(mask, 0.7)
        contours = find_contours(smooth, 0.6) or find_contours(mask, 0.5)
        for contour in contours:
            yield int(ids[index]), contour + [box[0].start - 2, box[1].start - 2]


def write_caption(panel: Image.Image, text: str) -> None:
    """Write a line into a panel's upper left corner."""
    font = ImageFont.load_default(max(13, round(panel.width / 22)))
    shade = Image.new("RGBA", panel.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(shade)
    left, top, right, bottom = draw.textbbox((12, 10), text, font=font)
    draw.rounded_rectangle(
        (left - 6, top - 5, right + 6, bottom + 5), radius=5, fill=(0, 0, 0, 150)
    )
    draw.text((12, 10), text, font=font, fill=(255, 255, 255, 255))
    panel.paste(shade, (0, 0), shade)


def tile(panels: Sequence[Image.Image], columns: int) -> Image.Image:
    """Put panels of one size into rows, from the upper left."""
    width, height = panels[0].size
    n_rows = -(-len(panels) // columns)
    size = (GAP + columns * (width + GAP), GAP + n_rows * (height + GAP))
    sheet = Image.new("RGB", size, _BACKGROUND)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        sheet.paste(panel, (GAP + column * (width + GAP), GAP + row * (height + GAP)))
    return sheet
