"""Bad input: exit code 2, one line that says what is right, nothing changed."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

import scenes
from fakes import build_threshold
from napari_sam_i2v import backends
from napari_sam_i2v.cli import main

HEADER = "frame,object_id,kind,y,x,y2,x2,positive\n"
SHAPE = (8, *scenes.SIZE)


class Bomb:
    """A pickle that leaves a trace when it is run."""

    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


def movie(array: np.ndarray, **options) -> Callable[[], None]:
    return lambda: tifffile.imwrite("movie.tif", array, **options)


def text(name: str, content: str) -> Callable[[], None]:
    return lambda: Path(name).write_text(content) and None


def rows(*lines: str) -> Callable[[], None]:
    return text("p.csv", HEADER + "".join(f"{line}\n" for line in lines))


def prompt_image(array: np.ndarray) -> Callable[[], None]:
    return lambda: tifffile.imwrite("labels.tif", array)


def truncated_movie() -> None:
    tifffile.imwrite("movie.tif", np.zeros((8, 256, 256), np.uint16))
    with open("movie.tif", "rb+") as file:
        file.truncate(os.path.getsize("movie.tif") // 2)


def complex_movie() -> None:
    np.save("movie.npy", np.zeros(SHAPE, np.complex64))


def no_frames() -> None:
    np.save("movie.npy", np.zeros((0, 24, 32), np.uint8))


def bomb() -> None:
    Path("movie.npy").write_bytes(pickle.dumps(Bomb()))


def bomb_array() -> None:
    np.save("movie.npy", np.array([Bomb()] * 3, object), allow_pickle=True)


def file_in_the_way() -> None:
    Path("out").write_text("mine")


def results_there() -> None:
    assert (
        main([*"track movie.tif --prompts labels.tif --out out".split(), *ENGINE]) == 0
    )


def nothing() -> None:
    """Prepare nothing more."""


ENGINE = ["--model", "threshold"]
NPY = ["movie.npy"]
CSV = ["--prompts", "p.csv"]

# What is prepared, what is typed besides (a first word without dashes is the movie),
# and words of the error.
CASES: dict[str, tuple[Callable[[], None], list[str], str]] = {
    "missing movie": (nothing, ["none.tif"], "none.tif"),
    "empty movie": (text("movie.tif", ""), [], "movie.tif"),
    "text as a movie": (text("movie.tif", "hello"), [], "movie.tif"),
    "truncated movie": (truncated_movie, [], "movie.tif"),
    "one image": (movie(np.zeros((24, 32), np.uint8)), [], "image"),
    "five axes": (movie(np.zeros((2, 3, 2, 24, 32), np.uint8)), [], "axes"),
    "complex": (complex_movie, NPY, "complex"),
    "no frames": (no_frames, NPY, "frames"),
    "pickle as a movie": (bomb, NPY, "movie.npy"),
    "pickled array": (bomb_array, NPY, "movie.npy"),
    "missing prompts": (nothing, ["--prompts", "none.csv"], "none.csv"),
    "prompts of another shape": (
        prompt_image(np.ones((9, 9), np.uint8)),
        [],
        "shape",
    ),
    "negative id in an image": (
        prompt_image(np.full(scenes.SIZE, -1, np.int16)),
        [],
        "holds the id -1",
    ),
    "empty prompt image": (prompt_image(np.zeros(scenes.SIZE, np.uint8)), [], "label"),
    "point beyond the frame": (rows("0,1,point,3,99,,,1"), CSV, "outside the frame"),
    "point beyond the movie": (rows("8,1,point,3,3,,,1"), CSV, "frames 0 to 7"),
    "missing column": (
        text("p.csv", "frame,kind,y,x\n0,point,1,1\n"),
        CSV,
        "object_id",
    ),
    "word for a number": (rows("0,1,point,three,3,,,1"), CSV, "three"),
    "unknown kind": (rows("0,1,blob,3,3,,,1"), CSV, "blob"),
    "inverted box": (rows("0,1,box,9,3,4,8,"), CSV, "y2"),
    "id 0": (rows("0,0,point,3,3,,,1"), CSV, "ids are 1"),
    "negative id": (rows("0,-4,point,3,3,,,1"), CSV, "ids are 1"),
    "only negative points": (rows("0,1,point,3,3,,,0"), CSV, "only negative"),
    "two boxes": (rows("0,1,box,3,3,9,9,", "0,1,box,3,3,8,8,"), CSV, "one box"),
    "prompt frame of a CSV": (
        rows("0,1,point,3,3,,,1"),
        [*CSV, "--prompt-frame", "0"],
        "label image",
    ),
    "prompt frame beyond": (nothing, ["--prompt-frame", "8"], "frame"),
    "unknown model": (nothing, ["--model", "sam-9"], "sam-i2v-cell"),
    "missing model file": (nothing, ["--model", "my.yaml"], "my.yaml"),
    "start after stop": (nothing, ["--start", "5", "--stop", "3"], "after start"),
    "start beyond": (nothing, ["--start", "8"], "frames 0 to 7"),
    "negative start": (nothing, ["--start", "-1"], "frames 0 to 7"),
    "no number": (nothing, ["--seed", "many"], "many"),
    "negative seed": (nothing, ["--seed", "-1"], "seed"),
    "cell size 0": (nothing, ["--cell-size", "0"], "cell size"),
    "unknown option": (nothing, ["--sped", "1"], "--sped"),
    "unknown direction": (nothing, ["--direction", "up"], "up"),
    "unknown device": (nothing, ["--device", "abacus"], "abacus"),
    "unknown format": (nothing, ["--format", "xml"], "xml"),
    "inverted contrast": (nothing, ["--contrast", "9", "3"], "contrast"),
    "channel beyond": (nothing, ["--channel", "4"], "channel"),
    "out is a file": (file_in_the_way, [], "out is a file"),
    "out below a file": (file_in_the_way, ["--out", "out/deep/er"], "out is a file"),
    "out holds results": (results_there, [], "--resume"),
    "resume and overwrite": (nothing, ["--resume", "--overwrite"], "--resume"),
}


@pytest.fixture
def scene_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    scene = scenes.two_crossing
    monkeypatch.setitem(backends.BACKENDS, "threshold", build_threshold)
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("movie.tif", scene.images, metadata={"axes": "TYX"})
    tifffile.imwrite("labels.tif", scene.label_image(0))
    yield tmp_path
    assert not Path("exploded").exists()


def contents(folder: Path) -> dict[Path, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_bad_input_is_refused(case, scene_folder: Path, capfd) -> None:
    prepare, words, expected = case
    prepare()
    before = contents(scene_folder)
    capfd.readouterr()
    path = "movie.tif"
    if words and not words[0].startswith("-"):
        path, *words = words
    usual = ["--prompts", "labels.tif", "--out", "out", *ENGINE]
    assert main(["track", path, *usual, *words]) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert expected in shown.err
    assert contents(scene_folder) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["track"],
        ["track", "movie.tif"],
        ["simulate"],
        ["simulate", "--out", "labels.tif"],
        ["simulate", "--out", "."],
        ["simulate", "--out", "new", "--modality", "rocks"],
        ["simulate", "--out", "new", "--frames", "0"],
        ["demo", "--out", "."],
        ["demo", "--out", "labels.tif"],
        ["evaluate"],
        ["evaluate", "--pred", "labels.tif"],
        ["evaluate", "--pred", "labels.tif", "--truth", "labels.tif"],
        ["evaluate", "--pred", "none.tif", "--truth", "movie.tif"],
        ["evaluate", "--pred", "movie.tif", "--truth", "movie.tif", "--metrics", "x"],
        ["evaluate", "none.yaml"],
        ["train", "none.yaml"],
        ["models"],
        ["models", "info", "sam-9"],
    ],
    ids=" ".join,
)
def test_every_command_refuses_nonsense(words: list, scene_folder: Path, capfd) -> None:
    before = contents(scene_folder)
    assert main(words) == 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert contents(scene_folder) == before


@pytest.mark.parametrize("pixels", [0, np.nan], ids=["black", "NaN"])
def test_a_movie_without_anything_runs(scene_folder: Path, capfd, pixels) -> None:
    tifffile.imwrite("movie.tif", np.full(SHAPE, pixels, np.float32))
    words = "track movie.tif --prompts labels.tif --out out".split()
    assert main([*words, *ENGINE]) == 0
    assert "warning: " in capfd.readouterr().err
    assert not tifffile.imread("out/masklets.tif")[1:].any()
