"""The contact sheet shows every object in its colour, in the right place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.evaluation.overlay import contact_sheet
from napari_sam_i2v.evaluation.panels import GAP, object_colour
from napari_sam_i2v.video import open_video


def scene(n_frames: int = 12) -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((n_frames, 60, 80), np.uint32)
    for t in range(n_frames):
        labels[t, 20:40, 5 + t : 25 + t] = 3
        labels[t, 10:30, 50:70] = 2**32 - 1
    rng = np.random.default_rng(0)
    return (labels > 0) * 900 + rng.integers(0, 300, labels.shape), labels


def draw(path: Path, images: np.ndarray, labels: np.ndarray, **settings) -> np.ndarray:
    contact_sheet(open_video(images.astype(np.uint16)), labels, path, **settings)
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def near(sheet: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(sheet - colour).max(axis=2) < 30


def test_a_sheet_has_its_panels(tmp_path: Path) -> None:
    images, labels = scene()
    sheet = draw(tmp_path / "sheet.png", images, labels, columns=4, rows=2)
    assert 600 < sheet.shape[1] <= 2000
    width = (sheet.shape[1] - GAP) // 4
    for column in range(4):
        for object_id in (3, 2**32 - 1):
            panel = sheet[:, column * width : (column + 1) * width]
            assert near(panel, object_colour(object_id)).sum() > 100


def test_outlines_lie_on_the_masks(tmp_path: Path) -> None:
    images, labels = scene(1)
    images = np.repeat(images, 2, axis=0)
    labels = np.repeat(labels, 2, axis=0)
    sheet = draw(tmp_path / "sheet.png", images, labels, frames=[0], width=10_000)
    zoom = (sheet.shape[1] - 2 * GAP) / 80
    ys, xs = np.nonzero(near(sheet, object_colour(3)))
    found = [(values - GAP) / zoom for values in (ys, xs)]
    assert found[0].min() == pytest.approx(20, abs=0.6)
    assert found[0].max() == pytest.approx(40, abs=0.6)
    assert found[1].min() == pytest.approx(5, abs=0.6)
    assert found[1].max() == pytest.approx(25, abs=0.6)


def test_the_truth_is_white(tmp_path: Path) -> None:
    images, labels = scene()
    images[:] = 0
    images[0, 0, 0] = 1
    plain = draw(tmp_path / "plain.png", images, np.zeros_like(labels))
    with_truth = draw(
        tmp_path / "truth.png", images, np.zeros_like(labels), truth=labels
    )
    white = [near(sheet, (255, 255, 255)).sum() for sheet in (plain, with_truth)]
    assert white[1] > white[0] + 1000


def test_a_large_frame_is_cropped_to_its_objects(tmp_path: Path) -> None:
    images, labels = scene(3)
    margins = ((0, 0), (200, 300), (400, 500))
    small = draw(tmp_path / "small.png", images, labels, columns=3)
    large = draw(
        tmp_path / "large.png", np.pad(images, margins), np.pad(labels, margins)
    )
    share = [near(sheet, object_colour(3)).mean() for sheet in (small, large)]
    assert share[1] > 0.4 * share[0]


def test_colour_movies_and_single_pixels(tmp_path: Path) -> None:
    images, labels = scene(2)
    labels[:] = 0
    labels[:, 7, 9] = 1
    colour = np.repeat((images // 8).astype(np.uint8)[..., None], 3, axis=3)
    path = tmp_path / "sheet.png"
    contact_sheet(open_video(colour), labels, path)
    sheet = np.asarray(Image.open(path)).astype(int)
    assert near(sheet, object_colour(1)).any()


def test_the_same_scene_gives_the_same_file(tmp_path: Path) -> None:
    images, labels = scene()
    for name in ("first.png", "second.png"):
        draw(tmp_path / name, images, labels)
    first, second = (tmp_path / name for name in ("first.png", "second.png"))
    assert first.read_bytes() == second.read_bytes()


def test_neighbouring_ids_differ() -> None:
    colours = np.array([object_colour(object_id) for object_id in range(1, 60)])
    assert np.abs(np.diff(colours, axis=0)).max(axis=1).min() > 60
    assert colours.max(axis=1).min() > 120


def test_labels_of_another_length(tmp_path: Path) -> None:
    images, labels = scene()
    with pytest.raises(InputError, match="12 frames"):
        draw(tmp_path / "sheet.png", images, labels[:3])
