"""Readers for napari: session folders and folders of the Cell Tracking Challenge.

Each answers ``None`` for what is not its own, so that other readers get it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from napari_sam_i2v.contributions.ctc_layers import Layer, ctc_layers
from napari_sam_i2v.contributions.session_layers import session_layers
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.ctc_folder import is_ctc, read_ctc
from napari_sam_i2v.io.session_folder import (
    MASK_FILE,
    SESSION_FILE,
    has_session,
    read_session,
)

Paths = str | Sequence[str]
Reader = Callable[[Paths], list[Layer]]


def session_reader(path: Paths) -> Reader | None:
    """Choose the reader of session folders.

    Parameters
    ----------
    path
        A session folder, or its ``session.json``.

    Returns
    -------
    callable or None
        What reads it.
    """
    return None if _session_folder(path) is None else _read_session


def ctc_reader(path: Paths) -> Reader | None:
    """Choose the reader of Cell Tracking Challenge folders.

    Parameters
    ----------
    path
        A folder that `read_ctc` takes, or its track file.

    Returns
    -------
    callable or None
        What reads it.
    """
    only = _only(path)
    return _read_ctc if only is not None and is_ctc(only) else None


def _read_session(path: Paths) -> list[Layer]:
    folder = _session_folder(path)
    assert folder is not None
    return session_layers(folder)


def _read_ctc(path: Paths) -> list[Layer]:
    only = _only(path)
    assert only is not None
    folder = only if only.is_dir() else only.parent
    layers = ctc_layers(read_ctc(only), name=folder.name)
    if not layers:
        raise InputError(f"{only} holds neither images nor masks")
    return layers


def _only(path: Paths) -> Path | None:
    """Return the one path there is; several are to be stacked, which is not ours."""
    if isinstance(path, str):
        return Path(path)
    return Path(path[0]) if len(path) == 1 else None


def _session_folder(path: Paths) -> Path | None:
    only = _only(path)
    if only is None:
        return None
    folder = only if only.is_dir() else only.parent
    if only.is_file() and only.name != SESSION_FILE or not has_session(folder):
        return None
    if (folder / MASK_FILE).is_file():
        return folder
    try:
        read_session(folder)
    except InputError:
        return None  # another program's session.json
    return folder
