"""A session as a folder: ``session.json`` and ``masks.sqlite``.

The first says what was done, the second holds what came of it. ``session.json`` is
replaced as a whole after every action, one action a line.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_sam_i2v import __version__
from napari_sam_i2v.config import from_mapping
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.action_json import action_from_json, action_to_json
from napari_sam_i2v.io.disk import make_folder, part_of, replacing
from napari_sam_i2v.io.geff import GEFF_FOLDER
from napari_sam_i2v.prompts import Prompt
from napari_sam_i2v.session.actions import Action, AddPrompts
from napari_sam_i2v.session.document import Document
from napari_sam_i2v.session.settings import TrackSettings, Views
from napari_sam_i2v.session.store import MaskStore
from napari_sam_i2v.video import VideoSource

SESSION_FILE = "session.json"
MASK_FILE = "masks.sqlite"
LOG_FILE = "log.txt"
OWN_FILES = (MASK_FILE, f"{MASK_FILE}-journal", LOG_FILE)
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class MovieRecord:
    """Which movie it was.

    Attributes
    ----------
    path
        Where it was, if it was a file or folder.
    shape
        ``(T, Y, X)``.
    dtype
        Type of its pixels.
    fingerprint
        What `VideoSource.fingerprint` answered.
    """

    path: str | None
    shape: tuple[int, int, int]
    dtype: str
    fingerprint: str

    @classmethod
    def of(cls, video: VideoSource) -> MovieRecord:
        """Describe a movie."""
        return cls(
            path=None if video.path is None else str(video.path.resolve()),
            shape=video.shape,
            dtype=video.dtype.name,
            fingerprint=video.fingerprint(),
        )


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """All that ``session.json`` holds but the log.

    Attributes
    ----------
    movie
        The movie.
    model, seed
        As asked for.
    checkpoint_sha256
        Hash of the weights used.
    contrast, gamma
        Limits used, a pair for each channel, and the exponents after them; ``None``
        where all are 1.
    views, device
        Those used.
    options
        What was asked for.
    files
        Names of the files written, or about to be; only these may be deleted.
    finished
        Whether the results are whole.
    demo
        Whether the demo made it.
    """

    format: int = FORMAT
    version: str = __version__
    finished: bool = False
    demo: bool = False
    model: str
    seed: int
    checkpoint_sha256: str | None
    views: Views
    device: str
    contrast: tuple[tuple[float, float], ...]
    gamma: tuple[float, ...] | None = None
    movie: MovieRecord
    options: TrackSettings
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StoredSession:
    """What ``session.json`` holds."""

    record: SessionRecord
    log: tuple[Action, ...]


def describe(
    video: VideoSource,
    engine: object,
    options: TrackSettings,
    movie: MovieRecord | None = None,
) -> SessionRecord:
    """Put a session on record.

    Parameters
    ----------
    video
        The movie.
    engine
        What `backends.build` gave; its ``checkpoint_sha256``, ``views_name`` and
        ``device_name`` are noted where it has them.
    options
        What was asked for.
    movie
        The movie's record, where it is known already.
    """
    return SessionRecord(
        movie=MovieRecord.of(video) if movie is None else movie,
        model=options.model,
        seed=options.seed,
        checkpoint_sha256=getattr(engine, "checkpoint_sha256", None),
        contrast=tuple(video.contrast),
        gamma=None if set(video.gamma) == {1.0} else video.gamma,
        views=getattr(engine, "views_name", None) or options.views,
        device=getattr(engine, "device_name", None) or options.device,
        options=options,
    )


class SessionWriter:
    """Writes ``session.json`` again and again as its log grows.

    Parameters
    ----------
    folder
        Where it is; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / SESSION_FILE
        # Actions never change, and turning masks into text takes its time.
        self._lines: list[tuple[Action, str]] = []

    def write(self, record: SessionRecord, log: Sequence[Action]) -> None:
        """Write it, whole or not at all."""
        del self._lines[len(log) :]
        for index, action in enumerate(log):
            known = self._lines[index][0] if index < len(self._lines) else None
            if known is not action:
                line = action, _as_json(action_to_json(action))
                self._lines[index : index + 1] = [line]
        fields = dataclasses.asdict(record).items()
        head = "".join(f'"{name}": {_as_json(value)},\n' for name, value in fields)
        actions = ",\n".join(text for _, text in self._lines)
        text = f'{{\n{head}"log": [\n{actions}\n]\n}}\n'
        with replacing(self._path) as part:
            part.write_text(text, encoding="utf-8")


def write_session(folder: Path, record: SessionRecord, log: Sequence[Action]) -> None:
    """Write ``session.json``, whole or not at all."""
    SessionWriter(folder).write(record, log)


def save_session(
    folder: Path, record: SessionRecord, log: Sequence[Action], store: MaskStore
) -> None:
    """Write a whole session into a folder.

    Parameters
    ----------
    folder
        Made where it does not exist. A session there is replaced if it is an earlier
        state of this one.
    record, log, store
        The session.
    """
    files = [MASK_FILE]
    if has_session(folder):
        there = read_session(folder)
        if _deeds(there.log) != _deeds(log[: len(there.log)]):
            raise InputError(
                f"{folder} holds another session; save to a folder of its own"
            )
        files += there.record.files
    make_folder(folder)
    store.copy_to(folder / MASK_FILE)
    write_session(folder, replace(record, files=tuple(dict.fromkeys(files))), log)


def has_session(folder: Path) -> bool:
    """Whether a folder is a session folder."""
    return (folder / SESSION_FILE).is_file()


def read_session(folder: Path) -> StoredSession:
    """Read ``session.json``.

    Raises
    ------
    InputError
        If it is not there or not ours.
    """
    path = folder / SESSION_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder} is no session: it has no {SESSION_FILE}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(
            f"{path} is not of format {FORMAT}, which this version reads; open it with "
            "the version that wrote it"
        )
    entries = content.pop("log", [])
    try:
        log = tuple(action_from_json(entry) for entry in entries)
        Document(log)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged: its log makes no sense") from error
    record = from_mapping(SessionRecord, content, where=str(path))
    return StoredSession(record=record, log=log)


def read_prompts_of_session(folder: Path) -> list[Prompt]:
    """List the prompts in force at the end of a session, by object and frame."""
    state = Document(read_session(folder).log).state
    return [
        prompt
        for object_id in state.object_ids
        for _, prompts in sorted(state.prompts[object_id].items())
        for prompt in prompts
    ]


def first_difference(
    then: StoredSession, record: SessionRecord, prompts: Sequence[Prompt]
) -> str | None:
    """Name what would make a run end otherwise than the one a folder holds.

    Parameters
    ----------
    then
        What the folder holds.
    record
        The run asked for now.
    prompts
        Its prompts.

    Returns
    -------
    str or None
        A few words, or ``None`` where the run may be continued.
    """
    old, new = then.record, record
    pairs: list[tuple[str, Any, Any]] = [
        ("movie", old.movie.fingerprint[:12], new.movie.fingerprint[:12]),
        ("contrast", old.contrast, new.contrast),
        ("gamma", old.gamma, new.gamma),
        ("model", old.model, new.model),
        ("checkpoint", old.checkpoint_sha256, new.checkpoint_sha256),
        ("seed", old.seed, new.seed),
        ("start", old.options.start, new.options.start),
        ("stop", old.options.stop, new.options.stop),
        ("direction", old.options.direction, new.options.direction),
        ("views", old.options.views, new.options.views),
        ("cell size", old.options.cell_size, new.options.cell_size),
        ("divisions", old.options.divisions, new.options.divisions),
        ("neighbours", old.options.neighbours, new.options.neighbours),
    ]
    for name, before, now in pairs:
        if before != now:
            return f"another {name} ({_word(before)} then, {_word(now)} now)"
    begun = then.log[0] if then.log else None
    now_given = action_to_json(AddPrompts(prompts=tuple(prompts)))
    if begun is not None and action_to_json(begun) != now_given:
        return "other prompts"
    return None


def delete_session(folder: Path) -> None:
    """Delete the files that a session's ``session.json`` names, and it."""
    for name in read_session(folder).record.files:
        path = folder / name
        # A session.json from elsewhere must not reach beyond its folder.
        if Path(name).is_absolute() or ".." in Path(name).parts:
            continue
        _delete(path)
        if path.parent != folder and path.parent.is_dir():
            _remove_if_empty(path.parent)
    _delete(folder / SESSION_FILE)


def clashes(folder: Path, files: Iterable[str]) -> list[str]:
    """List those of some file names that a folder has already."""
    return [name for name in files if (folder / name).exists()]


def _deeds(log: Sequence[Action]) -> list[dict[str, Any]]:
    """Describe actions by what was asked for, however far they came."""
    return [action_to_json(action) | {"steps": None} for action in log]


def _delete(path: Path) -> None:
    for file in (path, part_of(path)):
        if file.is_file() or file.is_symlink():
            file.unlink()
        # The one folder that counts as a file; others may hold what is not ours.
        elif file.is_dir() and path.name == GEFF_FOLDER:
            shutil.rmtree(file)


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()


def _as_json(value: object) -> str:
    # numpy's numbers come out of arrays and tables.
    return json.dumps(value, default=lambda number: number.item())


def _word(value: object) -> str:
    return "none" if value is None else str(value)
