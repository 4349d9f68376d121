"""Label images as prompts: every label becomes a mask prompt with the label's id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.tiff import open_tiff
from napari_sam_i2v.prompts import MAX_OBJECT_ID, MaskPrompt

LABEL_SUFFIXES = (".tif", ".tiff", ".png", ".npy")
"""Files that can hold a label image."""

_PLANE = (slice(None), slice(None))


def mask_prompts(image: Any, frame: int, *, name: str = "labels") -> list[MaskPrompt]:
    """Turn a label image into mask prompts.

    Parameters
    ----------
    image
        Labels, ``(Y, X)``, whole numbers of any type or boolean; 0 is background.
    frame
        Frame number that the prompts get.
    name
        What to call the image in errors.

    Returns
    -------
    list of MaskPrompt
        One per label, sorted by id, each cropped to its bounding box.
    """
    labels = _whole_numbers(np.asarray(image), name)
    ids, indices = _indexed(labels)
    boxes: Sequence[tuple[slice, ...] | None] = ndimage.find_objects(indices)
    prompts = []
    for index, (object_id, box) in enumerate(zip(ids.tolist(), boxes, strict=True)):
        if box is None:
            continue
        prompts.append(
            MaskPrompt(
                frame=frame,
                object_id=object_id,
                mask=indices[box] == index + 1,
                offset=(box[0].start, box[1].start),
            )
        )
    return prompts


def prompts_of_labels(
    labels: Any,
    *,
    shape: tuple[int, int, int],
    prompt_frame: int | None = None,
    name: str = "the label array",
) -> list[MaskPrompt]:
    """Turn a label image or stack into mask prompts.

    Parameters
    ----------
    labels
        A label image ``(Y, X)``, or a stack ``(T, Y, X)`` of the movie's length, of
        which every non-zero frame prompts; a stack is read frame by frame.
    shape
        ``(T, Y, X)`` of the movie.
    prompt_frame
        Frame that a label image prompts, 0 by default; not for stacks.
    name
        What to call the labels in errors.

    Returns
    -------
    list of MaskPrompt
        Sorted by frame, then id.
    """
    found = tuple(labels.shape)
    if len(found) == 3 and found[0] == 1 and shape[0] != 1:
        labels, found = _read(labels, (0, *_PLANE), name), found[1:]
    if found == shape[1:]:
        frame = prompt_frame or 0
        prompts = mask_prompts(_read(labels, _PLANE, name), frame, name=name)
    elif found == shape:
        if prompt_frame is not None:
            raise InputError(
                f"{name} is a label stack, which says itself which frames it prompts; "
                "leave the prompt frame out, or give a single label image"
            )
        prompts = [
            prompt
            for t in range(shape[0])
            for prompt in mask_prompts(
                _read(labels, (t, *_PLANE), name), t, name=f"{name} frame {t}"
            )
        ]
    else:
        raise InputError(_shape_advice(name, found, shape))
    if not prompts:
        raise InputError(f"{name} is all background; label at least one object")
    return prompts


def read_label_file(path: Path) -> Any:
    """Read a label image or stack from TIFF, PNG or npy.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    array-like
        ``shape`` and frames by index; a stack is read frame by frame where the file
        allows.
    """
    try:
        match path.suffix.lower():
            case ".npy":
                return np.load(path, mmap_mode="r", allow_pickle=False)
            case ".png":
                return _read_png(path)
            case _:
                return open_tiff(path).array
    except InputError:
        raise
    except (
        Exception
    ) as error:  # decoders raise whatever their format makes them trip on
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"prompts {path} cannot be read as a label image: {reason}"
        ) from None


def _read(labels: Any, index: tuple[int | slice, ...], name: str) -> np.ndarray:
    try:
        return np.asarray(labels[index])
    except Exception as error:  # a lazy file is decoded here, see read_label_file
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{name} cannot be read as a label image: {reason}")


def _read_png(path: Path) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as image:
        # A palette image holds indices, which are the labels.
        return np.asarray(image)


def _whole_numbers(labels: np.ndarray, name: str) -> np.ndarray:
    if labels.dtype.kind == "b":
        return labels.astype(np.uint8)
    if labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels)):
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise InputError(f"{name} holds {labels.dtype} values; ids are whole numbers")
    if labels.size and (int(labels.min()) < 0 or int(labels.max()) > MAX_OBJECT_ID):
        wrong = int(labels.min()) if labels.min() < 0 else int(labels.max())
        raise InputError(f"{name} holds the id {wrong}; ids are 1 to {MAX_OBJECT_ID}")
    return labels


def _indexed(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return candidate ids, and the image of 1 + each pixel's index among them."""
    if labels.size and int(labels.max()) < 2**16:
        return np.arange(1, int(labels.max()) + 1), labels
    foreground = labels != 0
    ids, inverse = np.unique(labels[foreground], return_inverse=True)
    indices = np.zeros(labels.shape, np.int32)
    indices[foreground] = inverse + 1
    return ids, indices


def _shape_advice(
    name: str, found: tuple[int, ...], shape: tuple[int, int, int]
) -> str:
    frames, height, width = shape
    if len(found) == 3 and found[:2] == shape[1:] and found[2] in (3, 4):
        return f"{name} is a colour image; a label image has one number per pixel"
    wanted = (
        f"expected a label image ({height}, {width}), the size of the movie's frames, "
        f"or a stack ({frames}, {height}, {width})"
    )
    return f"{name} has shape {found}; {wanted}"
