"""Writers for napari: labels as a CTC folder, and the session that layers are of."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_sam_i2v.annotator.names import SESSION_KEY
from napari_sam_i2v.contributions.ctc_layers import Layer
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.ctc import write_ctc_labels
from napari_sam_i2v.io.session_folder import (
    MASK_FILE,
    SESSION_FILE,
    read_session,
    save_session,
)
from napari_sam_i2v.session.store import MaskStore

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def _heard() -> Iterator[None]:
    """Turn an `InputError` into an error that napari passes on.

    It takes every ValueError of a writer to mean that no writer was found.
    """
    try:
        yield
    except InputError as error:
        raise RuntimeError(str(error)) from error


@_heard()
def write_ctc_folder(path: str, layers: Sequence[Layer]) -> list[str]:
    """Write a labels layer as a folder of the Cell Tracking Challenge.

    Parameters
    ----------
    path
        The folder, new or empty.
    layers
        One labels layer ``(T, Y, X)``, possibly a tracks layer whose graph names
        parents of labels; others are left out.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    RuntimeError
        The labels are no movie's, or the folder is not empty.
    """
    (labels, about, _), *_ = (layer for layer in layers if layer[2] == "labels")
    finest = labels[0] if about.get("multiscale") else labels
    graphs = [about["graph"] for _, about, kind in layers if kind == "tracks"]
    parents = _parents(graphs[0]) if graphs else {}
    return [str(file) for file in write_ctc_labels(finest, Path(path), parents)]


@_heard()
def write_session_folder(path: str, layers: Sequence[Layer]) -> list[str]:
    """Write the session that layers belong to, as it was last saved.

    Parameters
    ----------
    path
        A new folder, or one that holds an earlier state of the session.
    layers
        Layers of one session, of whose ``metadata`` it is known.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    RuntimeError
        The layers are of no session, or of several.
    """
    known = {about.get("metadata", {}).get(SESSION_KEY) for _, about, _ in layers}
    sources = sorted(str(each) for each in known if each is not None)
    if not sources:
        raise InputError(
            "these layers were not read from a session; use Save as... in Plugins > "
            "SAM-I2V > Segment & track, or save the labels as a CTC folder"
        )
    if len(sources) > 1:
        raise InputError(
            f"these layers are of {len(sources)} sessions; select those of one"
        )
    source, target = Path(sources[0]), Path(path)
    stored = read_session(source)
    if not (source / MASK_FILE).is_file():
        raise InputError(f"{source} is no whole session: {MASK_FILE} is missing")
    if source.resolve() != target.resolve():
        with contextlib.closing(MaskStore(source / MASK_FILE)) as store:
            save_session(target, stored.record, stored.log, store)
    return [str(target / SESSION_FILE), str(target / MASK_FILE)]


def _parents(graph: Mapping[int, Any]) -> dict[int, int]:
    """Read a tracks layer's graph: a track to the tracks it came from."""
    parents = {}
    for child, given in graph.items():
        several = [given] if isinstance(given, int) else list(given)
        if len(several) > 1:
            _log.warning(
                "track %s has %d parents, a CTC folder holds one: %s is kept",
                child,
                len(several),
                several[0],
            )
        if several:
            parents[int(child)] = int(several[0])
    return parents
