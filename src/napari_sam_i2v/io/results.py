"""Masklets as files: the label stack, the scores and the formats asked for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_sam_i2v import __version__
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.ctc import ctc_files, write_ctc
from napari_sam_i2v.io.disk import replacing
from napari_sam_i2v.io.geff import GEFF_FOLDER, check_geff, write_geff
from napari_sam_i2v.io.trackmate import TRACKMATE_FILE, write_trackmate
from napari_sam_i2v.masklets import Masklets

TIF_FILE = "masklets.tif"
CSV_FILE = "scores.csv"

# ImageJ reads no TIFF of 4 GB and more.
_IMAGEJ_LIMIT = 2**32 - 2**25
_OME_UNITS = ("m", "cm", "mm", "µm", "nm")
_MICRO = ("um", "micron", "microns", "micrometer", "µm", "μm")


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """A format of results.

    Attributes
    ----------
    files
        Names of the files it will write, below the folder.
    write
        Writes them into a folder, which exists; each appears when it is whole.
    check
        Refuses the format where what it needs is not installed.
    """

    files: Callable[[int], list[str]]
    write: Callable[[Masklets, Path], None]
    check: Callable[[], None] = lambda: None


def write_tif(masklets: Masklets, folder: Path) -> None:
    """Write the labels as ``masklets.tif``, frame by frame.

    16-bit labels are an ImageJ hyperstack, others OME-TIFF; both zlib-compressed.
    """
    labels = masklets.labels
    is_small = labels.nbytes < _IMAGEJ_LIMIT
    described: dict[str, Any] = {"metadata": {"axes": "TYX"}}
    dialect: dict[str, Any] = {}
    # In ImageJ's and OME's dialects, a movie of one frame would be read as an image.
    if len(labels) > 1 and is_small and labels.dtype == np.uint16:
        dialect, described = {"imagej": True}, _imagej(masklets)
    elif len(labels) > 1:
        dialect, described = {"ome": True, "bigtiff": not is_small}, _ome(masklets)
    with (
        replacing(folder / TIF_FILE) as part,
        tifffile.TiffWriter(part, **dialect) as writer,
    ):
        writer.write(
            iter(labels),
            shape=labels.shape,
            dtype=labels.dtype,
            photometric="minisblack",
            compression="zlib",
            predictor=True,
            **described,
        )


def write_scores(masklets: Masklets, folder: Path) -> None:
    """Write ``scores.csv``: one row per object and visited frame."""
    with replacing(folder / CSV_FILE) as part:
        masklets.scores.to_csv(
            part, index=False, float_format="%.6g", lineterminator="\n"
        )


EXPORTERS = {
    "tif": Exporter(files=lambda n_frames: [TIF_FILE], write=write_tif),
    "csv": Exporter(files=lambda n_frames: [CSV_FILE], write=write_scores),
    "ctc": Exporter(files=ctc_files, write=write_ctc),
    "geff": Exporter(
        files=lambda n_frames: [GEFF_FOLDER], write=write_geff, check=check_geff
    ),
    "trackmate": Exporter(
        files=lambda n_frames: [TRACKMATE_FILE], write=write_trackmate
    ),
}
"""Format name, as ``--format`` takes it, to what writes it."""

ALWAYS = ("tif", "csv")


def check_formats(names: Sequence[str]) -> tuple[str, ...]:
    """Refuse formats that cannot be written.

    Parameters
    ----------
    names
        Formats asked for.

    Returns
    -------
    tuple of str
        All that are to be written, each once.
    """
    for name in names:
        if name not in EXPORTERS:
            raise InputError(f"unknown format {name!r}; known: {', '.join(EXPORTERS)}")
        EXPORTERS[name].check()
    return tuple(dict.fromkeys([*ALWAYS, *names]))


def files_of(formats: Sequence[str], n_frames: int) -> tuple[str, ...]:
    """List the names of the files that formats will write."""
    return tuple(name for each in formats for name in EXPORTERS[each].files(n_frames))


def _imagej(masklets: Masklets) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": "TYX"}
    if masklets.pixel_size is None:
        return {"metadata": metadata}
    y, x = masklets.pixel_size
    # ImageJ's own spelling.
    metadata["unit"] = "um" if masklets.unit in _MICRO else masklets.unit or "pixel"
    return {"metadata": metadata, "resolution": (1 / x, 1 / y)}


def _ome(masklets: Masklets) -> dict[str, Any]:
    # The format wants an id; a fixed one keeps equal results equal as files.
    name = f"napari-sam-i2v {__version__} masklets"
    metadata: dict[str, Any] = {
        "axes": "TYX",
        "UUID": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, name)}",
    }
    if masklets.pixel_size is not None:
        unit = "µm" if masklets.unit in _MICRO else masklets.unit
        for axis, size in zip("YX", masklets.pixel_size, strict=True):
            metadata[f"PhysicalSize{axis}"] = size
            if unit in _OME_UNITS:
                metadata[f"PhysicalSize{axis}Unit"] = unit
    return {"metadata": metadata}
