"""Read OME-Zarr images (0.1 to 0.5) and plain Zarr arrays."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import zarr

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.stack import Stack, unit_symbol

_log = logging.getLogger(__name__)

_OLD_AXES = "TCZYX"  # of versions that do not name them


def open_zarr(path: Path) -> Stack:
    """Open a Zarr array, or the finest level of an OME-Zarr image.

    Parameters
    ----------
    path
        Folder of the array or the image.

    Returns
    -------
    Stack
        With axes, pixel size and unit where the metadata hold them.

    Raises
    ------
    InputError
        The folder holds no image, or several.
    """
    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return Stack(array=node, name=str(path), path=path)
    group, image = _find_image(node, path)
    if image is None:
        return Stack(array=_only_array(group, path), name=str(path), path=path)
    level = image["datasets"][0]
    array = group[level["path"]]
    if not isinstance(array, zarr.Array):
        raise InputError(f"{path}: its finest level {level['path']!r} is no array")
    axes, units = _axes(image, array.ndim)
    pixel_size, unit = _pixel_size(image, level, axes, units)
    return Stack(
        array=array,
        name=str(path),
        axes=axes,
        path=path,
        pixel_size=pixel_size,
        unit=unit,
    )


def _find_image(
    group: zarr.Group, path: Path
) -> tuple[zarr.Group, dict[str, Any] | None]:
    """Group and description of the image; ``None`` where nothing describes one."""
    metadata = _metadata(group)
    if "plate" in metadata or "well" in metadata:
        raise InputError(
            f"{path} is a plate of many images; give the path of one, as in "
            f"{path.name}/A/1/0"
        )
    if "multiscales" not in metadata and "bioformats2raw.layout" in metadata:
        images = sorted(name for name, _ in group.groups() if name.isdigit())
        if len(images) > 1:
            _log.warning("%s holds %d images; the first is used", path, len(images))
        child = group["0"]
        if isinstance(child, zarr.Group):
            group, metadata = child, _metadata(child)
    multiscales = metadata.get("multiscales")
    return group, multiscales[0] if multiscales else None


def _metadata(group: zarr.Group) -> dict[str, Any]:
    """OME metadata, which since version 0.5 have a key of their own."""
    attributes = group.attrs.asdict()
    nested = attributes.get("ome")
    return nested if isinstance(nested, dict) else attributes


def _only_array(group: zarr.Group, path: Path) -> zarr.Array[Any]:
    arrays = dict(group.arrays())
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    found = ", ".join(sorted(arrays)) or "none"
    raise InputError(
        f"{path} is no OME-Zarr image and does not hold one array (it holds: {found}); "
        "give the path of an image or an array"
    )


def _axes(image: dict[str, Any], n_axes: int) -> tuple[str | None, list[object]]:
    """One letter and one unit for every axis."""
    axes = image.get("axes")
    if not axes:
        return (_OLD_AXES if n_axes == len(_OLD_AXES) else None), [None] * n_axes
    entries = [{"name": one} if isinstance(one, str) else one for one in axes]
    letters = "".join(str(one["name"])[:1].upper() for one in entries)
    units = [one.get("unit") for one in entries]
    return letters, units


def _pixel_size(
    image: dict[str, Any],
    level: dict[str, Any],
    axes: str | None,
    units: list[object],
) -> tuple[tuple[float, float] | None, str | None]:
    if axes is None or "Y" not in axes or "X" not in axes:
        return None, None
    y, x = axes.index("Y"), axes.index("X")
    unit = unit_symbol(units[x])
    transformations = [
        *level.get("coordinateTransformations", []),
        *image.get("coordinateTransformations", []),
    ]
    scales = [one["scale"] for one in transformations if one.get("type") == "scale"]
    if unit is None or not scales:
        return None, None
    height = width = 1.0
    for scale in scales:
        height, width = height * float(scale[y]), width * float(scale[x])
    return (height, width), unit
