"""Prompts survive files, and what contradicts the movie or itself is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.prompt_files import (
    read_prompts,
    validate_prompts,
    write_prompts,
)
from napari_sam_i2v.prompts import (
    MAX_OBJECT_ID,
    BoxPrompt,
    MaskPrompt,
    PointPrompt,
    Prompt,
)

SHAPE = (5, 24, 32)
HEADER = "frame,object_id,kind,y,x,y2,x2,positive\n"

POINT = PointPrompt(frame=1, object_id=7, yx=(3.25, 4.0))
NEGATIVE = PointPrompt(frame=1, object_id=7, yx=(1 / 3, 31.5), positive=False)
BOX = BoxPrompt(frame=0, object_id=2, yx_min=(0, 1.5), yx_max=(23, 1.5))
MASK = MaskPrompt(
    frame=3,
    object_id=MAX_OBJECT_ID,
    mask=np.array([[False, True, True], [True, False, True]]),
    offset=(22, 29),
)


def plain(prompts: list[Prompt]) -> list[Any]:
    """Prompts as values that compare."""
    values = []
    for prompt in prompts:
        fields = dataclasses.asdict(prompt)
        if isinstance(prompt, MaskPrompt):
            assert prompt.mask.dtype == bool
            fields["mask"] = prompt.mask.tolist()
        values.append((type(prompt), fields))
    return values


def labels_with(*ids: int, dtype: Any = np.uint32) -> np.ndarray:
    """Label image in which every id is a 2 x 3 block."""
    labels = np.zeros(SHAPE[1:], dtype)
    for index, object_id in enumerate(ids):
        labels[4 * index + 1 : 4 * index + 3, 5:8] = object_id
    return labels


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_points_and_boxes_survive_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"prompts{suffix}"
    write_prompts([POINT, BOX, NEGATIVE], path)
    assert read_prompts(path, shape=SHAPE) == [BOX, POINT, NEGATIVE]


def test_masks_survive_json(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks: list[Prompt] = [MASK]
    for object_id, size in enumerate([(1, 1), (24, 32), (3, 9), (7, 2)], start=1):
        mask = rng.random(size) < 0.6
        mask[0, 0] = mask[-1, -1] = True
        masks.append(MaskPrompt(frame=0, object_id=object_id, mask=mask))
    expected = plain(validate_prompts([*masks, POINT], SHAPE))
    write_prompts([*masks, POINT], tmp_path / "prompts.json")
    assert plain(read_prompts(tmp_path / "prompts.json", shape=SHAPE)) == expected
    assert len(expected) == 6


def test_masks_do_not_fit_a_csv(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"write \.json"):
        write_prompts([MASK], tmp_path / "prompts.csv")
    assert not (tmp_path / "prompts.csv").exists()
    with pytest.raises(InputError, match=r"\.csv or \.json"):
        write_prompts([POINT], tmp_path / "prompts.txt")


def test_a_mask_or_box_comes_first_then_points_in_row_order() -> None:
    mask = MaskPrompt(frame=1, object_id=7, mask=np.ones((2, 2), bool))
    prompts = [NEGATIVE, POINT, mask, BOX]
    assert validate_prompts(prompts, SHAPE)[0] == BOX
    assert [type(p) for p in validate_prompts(prompts, SHAPE)[1:]] == [
        MaskPrompt,
        PointPrompt,
        PointPrompt,
    ]
    assert validate_prompts(prompts, SHAPE)[2:] == [NEGATIVE, POINT]


def test_a_mask_is_cropped_to_its_pixels() -> None:
    whole = np.zeros(SHAPE[1:], np.uint8)
    whole[20:23, 6:11] = 3
    (prompt,) = read_prompts(
        [MaskPrompt(frame=0, object_id=np.uint16(1), mask=whole)], shape=SHAPE
    )
    assert isinstance(prompt, MaskPrompt)
    assert (prompt.offset, prompt.mask.shape) == ((20, 6), (3, 5))
    assert type(prompt.object_id) is int


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("labels.tif", lambda path, labels: tifffile.imwrite(path, labels)),
        (
            "packed.tif",
            lambda path, labels: tifffile.imwrite(path, labels, compression="zlib"),
        ),
        ("labels.npy", lambda path, labels: np.save(path, labels)),
    ],
)
@pytest.mark.parametrize("ids", [(1, 5), (3, 70_000, MAX_OBJECT_ID)])
def test_label_files(
    tmp_path: Path,
    name: str,
    write: Callable[[Path, np.ndarray], None],
    ids: tuple[int, ...],
) -> None:
    image = labels_with(*ids)
    stack = np.stack([np.zeros_like(image), image, image, *[np.zeros_like(image)] * 2])
    write(tmp_path / name, image)
    prompts = read_prompts(tmp_path / name, shape=SHAPE, prompt_frame=2)
    assert [(p.frame, p.object_id) for p in prompts] == [(2, i) for i in ids]
    write(tmp_path / name, stack)
    prompts = read_prompts(tmp_path / name, shape=SHAPE)
    assert [(p.frame, p.object_id) for p in prompts] == [
        (t, i) for t in (1, 2) for i in ids
    ]
    for prompt in prompts:
        assert isinstance(prompt, MaskPrompt)
        assert prompt.mask.shape == (2, 3)
        assert prompt.mask.all()
        y, x = prompt.offset
        assert (image[y : y + 2, x : x + 3] == prompt.object_id).all()


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_png_labels(tmp_path: Path, mode: str) -> None:
    labels = labels_with(2, 200, dtype=np.uint16 if mode == "I;16" else np.uint8)
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette(list(range(256)) * 3)
    image.save(tmp_path / "labels.png")
    prompts = read_prompts(tmp_path / "labels.png", shape=SHAPE)
    assert [prompt.object_id for prompt in prompts] == [2, 200]


@pytest.mark.parametrize(
    "labels",
    [
        labels_with(1).astype(bool),
        labels_with(1).astype(float),
        labels_with(1).astype(np.int64)[None],
        labels_with(1).astype(np.uint8),
    ],
)
def test_label_arrays_of_any_type(labels: np.ndarray) -> None:
    (prompt,) = read_prompts(labels, shape=SHAPE)
    assert (prompt.frame, prompt.object_id) == (0, 1)


def test_a_prompt_per_scattered_label() -> None:
    labels = np.random.default_rng(0).integers(0, 40, SHAPE[1:]) * 100_000_000
    painted = np.zeros_like(labels)
    for prompt in read_prompts(labels, shape=SHAPE):
        assert isinstance(prompt, MaskPrompt)
        (y, x), (height, width) = prompt.offset, prompt.mask.shape
        painted[y : y + height, x : x + width][prompt.mask] = prompt.object_id
    np.testing.assert_array_equal(painted, labels)


def test_tables(tmp_path: Path) -> None:
    text = HEADER + "0,2,box,0,1.5,23,1.5,\n\n1,7,Point,3.25,4,,,1\n,,,,,,,\n"
    (tmp_path / "prompts.csv").write_text("\ufeff" + text, encoding="utf-8")
    assert read_prompts(tmp_path / "prompts.csv", shape=SHAPE) == [BOX, POINT]
    table = pd.read_csv(tmp_path / "prompts.csv")
    table = table.dropna(how="all").assign(note="columns of one's own are welcome")
    assert read_prompts(table, shape=SHAPE) == [BOX, POINT]
    assert read_prompts(str(tmp_path / "prompts.csv"), shape=SHAPE) == [BOX, POINT]


def test_one_prompt_needs_no_list() -> None:
    assert read_prompts(POINT, shape=SHAPE) == [POINT]


def test_negative_points_alone_may_correct_an_object() -> None:
    later = PointPrompt(frame=2, object_id=2, yx=(0, 0), positive=False)
    assert read_prompts([BOX, later], shape=SHAPE) == [BOX, later]


ROW = "0,1,point,5,6,,,1\n"

BAD_TABLES = {
    "empty": ("", "is empty"),
    "no rows": (HEADER, "no prompts"),
    "missing column": ("frame,object_id,kind,y,y2,x2,positive\n", "column x;"),
    "two missing": ("frame,kind,y,x,y2,positive\n", "columns object_id, x2;"),
    "semicolons": (HEADER.replace(",", ";"), "commas"),
    "word": (
        HEADER + ROW + "0,1,point,abc,6,,,1\n",
        r"row 2 \(line 3\), column y: 'ab",
    ),
    "no number": (HEADER + "0,1,point,5,,,,1\n", "row 1.*column x: empty"),
    "nan": (HEADER + "0,1,point,nan,6,,,1\n", "column y: 'nan' is not finite"),
    "part of a frame": (HEADER + "0.5,1,point,5,6,,,1\n", "column frame.*whole"),
    "word for id": (HEADER + "0,one,point,5,6,,,1\n", "column object_id"),
    "kind": (HEADER + "0,1,circle,5,6,,,1\n", "'circle' is unknown.*point or box"),
    "flag": (HEADER + "0,1,point,5,6,,,2\n", "column positive"),
    "negative box": (HEADER + "0,1,box,5,6,7,8,0\n", "box cannot be negative"),
    "half a box": (HEADER + "0,1,box,5,6,7,,1\n", "column x2: empty"),
    "upside down": (HEADER + "0,1,box,9,6,7,8,1\n", "row 1.*y2 must not be below y"),
    "mirrored": (HEADER + "0,1,box,5,9,7,8,1\n", "nor x2 below x"),
    "too many values": (HEADER + "0,1,point,5,6,,,1,3\n", "row 1.*more values"),
    "frame": (HEADER + ROW + "5,1,point,5,6,,,1\n", "row 2.*frames 0 to 4"),
    "negative frame": (HEADER + "-1,1,point,5,6,,,1\n", "frame -1.*frames 0 to 4"),
    "outside": (HEADER + "0,1,point,24,6,,,1\n", "row 1.*24 x 32"),
    "box outside": (HEADER + "0,1,box,5,6,7,32,1\n", "x=32.*24 x 32"),
    "id 0": (HEADER + "0,0,point,5,6,,,1\n", f"id 0.*1 to {MAX_OBJECT_ID}"),
    "negative id": (HEADER + "0,-3,point,5,6,,,1\n", "id -3"),
    "large id": (HEADER + f"0,{2**32},point,5,6,,,1\n", f"id {2**32}"),
    "two boxes": (HEADER + "0,1,box,5,6,7,8,\n" * 2, "object 1 on frame 0.*a box and"),
    "negative only": (HEADER + "0,1,point,5,6,,,0\n", "object 1 has only negative"),
}


@pytest.mark.parametrize(("text", "message"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_tables(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "prompts.csv").write_text(text)
    assert_refused(tmp_path / "prompts.csv", message)


def mask_entry(**changes: Any) -> dict[str, Any]:
    entry = {"frame": 0, "object_id": 1, "kind": "mask", "offset": [0, 0]}
    return entry | {"shape": [2, 2], "runs": [1, 3]} | changes


BAD_JSON = {
    "broken": ("{", "not valid JSON"),
    "no prompts": ("{}", "holds no prompts"),
    "not a list": ('"prompt"', "holds no prompts"),
    "not an object": ("[1]", "prompt 1 is no object"),
    "kind": ('[{"kind": "star"}]', "'star' is unknown"),
    "no frame": (
        '[{"kind": "point", "object_id": 1}]',
        "prompt 1, column frame: empty",
    ),
    "runs": (json.dumps([mask_entry(runs=[1, 2])]), "add up to 4"),
    "negative runs": (json.dumps([mask_entry(runs=[-1, 5])]), "add up to 4"),
    "no runs": (json.dumps([mask_entry(runs=None)]), "mask needs"),
    "offset": (json.dumps([mask_entry(offset=[0])]), "mask needs"),
    "text": (json.dumps([mask_entry(frame="0")]), "mask needs"),
    "empty mask": (json.dumps([mask_entry(runs=[4])]), "prompt 1: .* is empty"),
    "outside": (json.dumps([mask_entry(offset=[23, 0])]), "outside the frame"),
}


@pytest.mark.parametrize(("text", "message"), BAD_JSON.values(), ids=BAD_JSON)
def test_bad_json(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "prompts.json").write_text(text)
    assert_refused(tmp_path / "prompts.json", message)


BAD_OBJECTS = {
    "nothing": ([], "no prompts"),
    "a number": (3, "cannot be a int"),
    "a list of numbers": ([1, 2], "holds a int"),
    "box and mask": (
        [BOX, MaskPrompt(frame=0, object_id=2, mask=np.ones((2, 2), bool))],
        "object 2 on frame 0 has a box and a mask",
    ),
    "two masks": ([MASK, MASK], "a mask and a mask"),
    "empty mask": ([dataclasses.replace(MASK, mask=np.zeros((2, 2), bool))], "empty"),
    "flat mask": ([dataclasses.replace(MASK, mask=np.ones(3, bool))], "two axes"),
    "mask outside": ([dataclasses.replace(MASK, offset=(22, 30))], "outside the frame"),
    "part of a frame": ([dataclasses.replace(POINT, frame=0.5)], "whole number"),
    "text for id": ([dataclasses.replace(POINT, object_id="1")], "whole number"),
    "infinite": ([dataclasses.replace(POINT, yx=(np.inf, 0))], "outside the frame"),
    "negative only": ([NEGATIVE], "only negative points"),
    "background": (np.zeros(SHAPE[1:], int), "all background"),
    "other shape": (np.ones((24, 24), int), r"shape \(24, 24\); expected .*\(24, 32\)"),
    "other length": (np.ones((3, 24, 32), int), r"a stack \(5, 24, 32\)"),
    "colour": (np.ones((24, 32, 3), np.uint8), "colour image"),
    "fractions": (np.full(SHAPE[1:], 0.5), "whole numbers"),
    "complex": (np.ones(SHAPE[1:], complex), "whole numbers"),
    "negative label": (np.full(SHAPE[1:], -1), "id -1"),
    "large label": (np.full(SHAPE[1:], 2**32), f"id {2**32}"),
    "frame without columns": (pd.DataFrame({"y": [1]}), "lacks the columns frame"),
    "word in a frame": (
        pd.DataFrame(
            [[0, 1, "point", "a", 1, None, None, 1]], columns=HEADER.strip().split(",")
        ),
        "row 1, column y: 'a'",
    ),
}


@pytest.mark.parametrize(("source", "message"), BAD_OBJECTS.values(), ids=BAD_OBJECTS)
def test_bad_objects(source: Any, message: str) -> None:
    assert_refused(source, message)


BAD_FILES = {
    "prompts.txt": (b"x", "of no kind"),
    "empty.tif": (b"", "cannot be read"),
    "text.tif": (b"frame,object_id", "cannot be read"),
    "text.png": (b"frame,object_id", "cannot be read"),
    "text.npy": (b"frame,object_id", "cannot be read"),
    "binary.csv": (bytes(range(256)), "not text"),
    "nul.csv": (b"frame\0,object_id\n", "lacks|not a CSV"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(tmp_path: Path, name: str) -> None:
    content, message = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    assert_refused(tmp_path / name, message)


def test_missing_files_and_plain_folders(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nothing.csv", "no such prompts")
    assert_refused(tmp_path, "no session folder")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_label_stack(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "labels.tif"
    stack = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
    tifffile.imwrite(path, stack, compression=compression)
    path.write_bytes(path.read_bytes()[:-400])
    assert_refused(path, "labels.tif")


def test_a_prompt_frame_goes_with_a_label_image_only(tmp_path: Path) -> None:
    write_prompts([POINT], tmp_path / "prompts.csv")
    stack = np.stack([labels_with(1)] * SHAPE[0])
    for source in (tmp_path / "prompts.csv", [POINT], stack, pd.DataFrame()):
        assert_refused(source, "prompt frame", prompt_frame=0)
    assert_refused(labels_with(1), "frames 0 to 4", prompt_frame=5)
    assert_refused(labels_with(1), "frames 0 to 4", prompt_frame=-1)


def assert_refused(
    source: Any, message: str, *, prompt_frame: int | None = None
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_prompts(source, shape=SHAPE, prompt_frame=prompt_frame)
    assert "\n" not in str(caught.value)
