"""Weights, devices and movies that the real engine cannot or need not look at."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from safetensors.torch import save_file

import scenes
from napari_sam_i2v.cli import main
from reference import recipe_model
from tiny import tiny_model

MODEL = "sam-i2v-cell"


class Bomb:
    """A pickle of it would make a file."""

    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``good.pt`` and ``good.safetensors``, random weights."""
    folder = tmp_path_factory.mktemp("weights")
    state = recipe_model(config=MODEL).state_dict()
    torch.save({"model": state}, folder / "good.pt")
    save_file(state, folder / "good.safetensors")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A movie, its prompts, and a cache without weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path / "cache"))
    scene = scenes.two_crossing
    tifffile.imwrite("movie.tif", scene.images, metadata={"axes": "TYX"})
    tifffile.imwrite("labels.tif", scene.label_image(0))
    return tmp_path


def another_architecture(weights: Path) -> None:
    torch.save(tiny_model().state_dict(), "weights.pt")


def other_shapes(weights: Path) -> None:
    state = torch.load(weights / "good.pt")["model"]
    state["no_obj_ptr"] = torch.zeros(1, 7)
    torch.save(state, "weights.pt")


def truncated(name: str) -> Callable[[Path], None]:
    def prepare(weights: Path) -> None:
        content = (weights / f"good{Path(name).suffix}").read_bytes()
        Path(name).write_bytes(content[: len(content) * 2 // 3])

    return prepare


def pickled_bomb(weights: Path) -> None:
    Path("weights.pt").write_bytes(pickle.dumps({"model": Bomb()}))


def saved_bomb(weights: Path) -> None:
    torch.save({"model": Bomb()}, "weights.pt")


def text(name: str, content: str) -> Callable[[Path], None]:
    return lambda weights: (Path(name).write_text(content), None)[1]


def nothing(weights: Path) -> None:
    """Prepare nothing more."""


PT = ["--checkpoint", "weights.pt"]
SAFE = ["--checkpoint", "weights.safetensors"]
CASES: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "no such checkpoint": (nothing, PT, "weights.pt"),
    "another architecture": (another_architecture, PT, "another architecture"),
    "other shapes": (other_shapes, PT, "no_obj_ptr"),
    "truncated pt": (truncated("weights.pt"), PT, "weights.pt"),
    "truncated safetensors": (
        truncated("weights.safetensors"),
        SAFE,
        "weights.safetensors",
    ),
    "empty checkpoint": (text("weights.pt", ""), PT, "weights.pt"),
    "text as a checkpoint": (text("weights.pt", "hello"), PT, "weights.pt"),
    "pickle that would run code": (pickled_bomb, PT, "nothing in it was run"),
    "torch file that would run code": (saved_bomb, PT, "nothing in it was run"),
    "no weights on disk": (nothing, ["--model", "sam-i2v"], "models import"),
    "unknown model": (nothing, ["--model", "sam-9"], "known: sam-i2v, sam-i2v-cell"),
    "model file of nonsense": (
        text("my.yaml", "name: mine\nimput_size: 3\n"),
        ["--model", "my.yaml"],
        "input_size",
    ),
    "no CUDA": (nothing, ["--device", "cuda"], "cuda"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_weights_are_refused(case, weights: Path, folder: Path, capfd) -> None:
    prepare, words, expected = case
    if "cuda" in words and torch.cuda.is_available():
        pytest.skip("there is CUDA")
    prepare(weights)
    before = sorted(folder.rglob("*"))
    given = ["--checkpoint", str(weights / "good.pt")] if "cuda" in words else []
    command = "track movie.tif --prompts labels.tif --out out".split()
    assert main([*command, *given, *words]) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert expected.lower() in shown.err.lower()
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("views", ["frame", "objects"])
@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 24, 32), np.uint8),
        np.full((4, 24, 32), 700, np.uint16),
        np.full((4, 24, 32), np.nan, np.float32),
        np.zeros((4, 24, 32, 3), np.uint8),
    ],
    ids=["black", "grey", "NaN", "black RGB"],
)
def test_a_movie_that_shows_nothing_has_empty_masklets(
    weights: Path, folder: Path, capfd, pixels: np.ndarray, views: str
) -> None:
    np.save("movie.npy", pixels)
    words = f"track movie.npy --prompts labels.tif --out out --views {views}".split()
    assert main([*words, "--quiet", "--checkpoint", str(weights / "good.pt")]) == 0
    shown = capfd.readouterr().err
    assert shown.startswith("warning: ")
    assert shown.count("\n") == 1
    labels = tifffile.imread("out/masklets.tif")
    np.testing.assert_array_equal(labels[0], tifffile.imread("labels.tif"))
    assert not labels[1:].any()


def test_a_click_on_nothing_finds_nothing(weights: Path, folder: Path, capfd) -> None:
    np.save("movie.npy", np.zeros((3, 24, 32), np.uint8))
    Path("p.csv").write_text(
        "frame,object_id,kind,y,x,y2,x2,positive\n0,1,point,12,16,,,1\n"
    )
    words = "track movie.npy --prompts p.csv --out out --quiet".split()
    assert main([*words, "--checkpoint", str(weights / "good.pt")]) == 0
    assert not tifffile.imread("out/masklets.tif").any()


def test_one_dark_frame_is_told_of_and_left_empty(
    weights: Path, folder: Path, capfd
) -> None:
    movie = scenes.two_crossing.images
    movie[3] = 0
    tifffile.imwrite("movie.tif", movie, metadata={"axes": "TYX"})
    words = "track movie.tif --prompts labels.tif --out out --quiet".split()
    assert main([*words, "--checkpoint", str(weights / "good.pt")]) == 0
    shown = capfd.readouterr().err
    assert shown == "warning: frame 3 shows nothing: objects are absent there\n"
    seen = tifffile.imread("out/masklets.tif").any(axis=(1, 2))
    assert not seen[3]
    assert seen[4:].any()
