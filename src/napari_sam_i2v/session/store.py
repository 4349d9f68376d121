"""Masks on disk: one SQLite file that survives a kill at any moment.

A transaction holds all a frame leaves behind: its masks, how far the propagation came
and, now and then, a snapshot of the engine. What is in the file is therefore always
the work up to some frame, whole. Masks are never changed: an action writes under its
own version, and `napari_sam_i2v.session.document` says which versions count.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import disk_full, has_little_room, replacing
from napari_sam_i2v.masklets import ObjectMask

_INDEX = """
CREATE INDEX IF NOT EXISTS places
ON masks (object_id, frame, version, height, predicted_iou);
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS masks (
    frame INTEGER, object_id INTEGER, version INTEGER,
    top INTEGER, left INTEGER, height INTEGER, width INTEGER,
    predicted_iou REAL, object_score REAL, logits BLOB,
    PRIMARY KEY (frame, object_id, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (version INTEGER PRIMARY KEY, steps INTEGER);
CREATE TABLE IF NOT EXISTS snapshot (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    version INTEGER, steps INTEGER, engine BLOB, lost TEXT
);
"""

# Logits are kept to three digits: enough to settle overlaps, half the room.
_STORED = np.dtype("<f2")
_SMALLEST = np.finfo(_STORED).smallest_subnormal
_LARGEST = np.finfo(_STORED).max
_FAST = 1


def _plain(number: Any) -> int:
    return int(number)


for _kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32):
    # Ids and frames often come out of arrays; SQLite would keep their bytes.
    sqlite3.register_adapter(_kind, _plain)

Place = tuple[int, int, int, float]
"""Object id, frame, version, predicted IoU; -1 minus that where the mask is empty."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The engine's state after some visits of a propagation.

    Attributes
    ----------
    version
        The propagation's place in the log.
    steps
        Visits done when it was taken.
    engine
        What the engine's ``snapshot`` answered.
    without_conditioning, without_tracks
        Objects of which it does not remember all that it should.
    """

    version: int
    steps: int
    engine: bytes
    without_conditioning: tuple[int, ...] = ()
    without_tracks: tuple[int, ...] = ()


def as_stored(mask: ObjectMask) -> ObjectMask:
    """Round a mask's logits to what the store keeps; its pixels stay the same."""
    logits = np.where(mask.logits > 0, mask.logits, 0).astype(np.float32)
    rounded = np.clip(logits, 0, _LARGEST).astype(_STORED)
    rounded[(logits > 0) & (rounded == 0)] = _SMALLEST
    return ObjectMask(
        frame=mask.frame,
        object_id=mask.object_id,
        offset=mask.offset,
        logits=rounded,
        predicted_iou=float(mask.predicted_iou),
        object_score=float(mask.object_score),
    )


class MaskStore:
    """Masks of all versions in one file.

    Parameters
    ----------
    path
        The file; made where it does not exist. Its folder must exist.
    lasting
        Whether it must survive a power cut.
    """

    def __init__(self, path: Path, *, lasting: bool = True) -> None:
        self.path = path
        self.lasting = lasting
        self._lock = threading.RLock()
        with _explained(path):
            # One connection serves the worker that tracks and the viewer that shows;
            # the lock keeps them apart.
            self._database = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
            self._finalizer = weakref.finalize(self, _let_go, self._database, None)
            if not lasting:
                self._database.execute("PRAGMA synchronous = OFF")
            if self._database.execute("PRAGMA page_count").fetchone() == (0,):
                self._database.execute("PRAGMA auto_vacuum = INCREMENTAL")
                self._database.executescript(_SCHEMA + _INDEX)
            self._database.executescript(_SCHEMA)

    @classmethod
    def temporary(cls) -> MaskStore:
        """Make a store that goes away with its last user."""
        folder = Path(tempfile.mkdtemp(prefix="sam-i2v-"))
        store = cls(folder / "masks.sqlite", lasting=False)
        store._finalizer.detach()
        store._finalizer = weakref.finalize(store, _let_go, store._database, folder)
        return store

    @classmethod
    def copy_of(cls, path: Path) -> MaskStore:
        """Make a temporary store that begins with what a file holds."""
        store = cls.temporary()
        with contextlib.closing(MaskStore(path)) as original:
            original.back_up(store)
        return store

    def switch_to(self, path: Path) -> None:
        """Go on in a file that `copy_to` wrote; a temporary one left is deleted."""
        self._take_over(MaskStore(path), None)

    def switch_to_copy(self) -> None:
        """Go on in a temporary file; the one left stays as it is."""
        copy = MaskStore.temporary()
        self.back_up(copy)
        self._take_over(copy, copy.path.parent)

    def _take_over(self, other: MaskStore, folder: Path | None) -> None:
        with self._lock:
            let_go = self._finalizer
            other._finalizer.detach()
            self.path, self.lasting = other.path, other.lasting
            self._database = other._database
            self._finalizer = weakref.finalize(self, _let_go, self._database, folder)
            let_go()

    def close(self) -> None:
        """Let go of the file; a temporary one is deleted."""
        self._finalizer()

    def write(
        self,
        version: int,
        masks: Iterable[ObjectMask],
        *,
        steps: int | None = None,
        snapshot: Snapshot | None = None,
    ) -> None:
        """Write masks in one transaction: all of this is kept, or nothing.

        Parameters
        ----------
        version
            Place in the log of the action that made the masks.
        masks
            Masks, as `as_stored` gives them.
        steps
            Visits of the propagation done, these masks included.
        snapshot
            The engine's state after them; it replaces the last one.
        """
        rows = [_row(version, mask) for mask in masks]
        with self._transaction() as database:
            database.executemany(
                "INSERT OR REPLACE INTO masks VALUES (?,?,?,?,?,?,?,?,?,?)", rows
            )
            if steps is not None:
                database.execute(
                    "INSERT OR REPLACE INTO progress VALUES (?,?)", (version, steps)
                )
            if snapshot is not None:
                lost = [snapshot.without_conditioning, snapshot.without_tracks]
                database.execute(
                    "INSERT OR REPLACE INTO snapshot VALUES (0,?,?,?,?)",
                    (
                        snapshot.version,
                        snapshot.steps,
                        snapshot.engine,
                        json.dumps(lost),
                    ),
                )

    def versions(self, frame: int) -> list[tuple[int, int]]:
        """List the masks of a frame as (object id, version), sorted."""
        query = "SELECT object_id, version FROM masks WHERE frame = ? ORDER BY 1, 2"
        with self._lock, _explained(self.path):
            return self._database.execute(query, (frame,)).fetchall()

    def versions_of(self, frame: int, object_id: int) -> list[int]:
        """List the versions of an object's mask on a frame, sorted."""
        query = "SELECT version FROM masks WHERE frame = ? AND object_id = ? ORDER BY 1"
        with self._lock, _explained(self.path):
            rows = self._database.execute(query, (frame, object_id)).fetchall()
        return [version for (version,) in rows]

    def places(self, object_id: int | None = None) -> list[Place]:
        """List masks without their pixels, by object, frame, then version.

        Parameters
        ----------
        object_id
            Whose; by default all.
        """
        score = "CASE WHEN height > 0 THEN predicted_iou ELSE -1 - predicted_iou END"
        query = f"SELECT object_id, frame, version, {score} FROM masks"
        chosen: tuple[int, ...] = ()
        if object_id is not None:
            query, chosen = f"{query} WHERE object_id = ?", (object_id,)
        with self._lock, _explained(self.path):
            return self._database.execute(
                f"{query} ORDER BY 1, 2, 3", chosen
            ).fetchall()

    def read(self, frame: int, object_id: int, version: int) -> ObjectMask:
        """Read one mask that `versions` lists."""
        query = (
            "SELECT top, left, height, width, predicted_iou, object_score, logits "
            "FROM masks WHERE frame = ? AND object_id = ? AND version = ?"
        )
        key = (frame, object_id, version)
        with self._lock, _explained(self.path):
            row = self._database.execute(query, key).fetchone()
        top, left, height, width, predicted_iou, object_score, packed = row
        logits = np.frombuffer(zlib.decompress(packed), _STORED)
        return ObjectMask(
            frame=frame,
            object_id=object_id,
            offset=(top, left),
            logits=logits.reshape(height, width),
            predicted_iou=predicted_iou,
            object_score=object_score,
        )

    def steps(self, version: int) -> int:
        """Return how many visits of a propagation are in the store."""
        query = "SELECT steps FROM progress WHERE version = ?"
        with self._lock, _explained(self.path):
            row = self._database.execute(query, (version,)).fetchone()
        return int(row[0]) if row else 0

    def snapshot(self) -> Snapshot | None:
        """Return the last snapshot of the engine."""
        query = "SELECT version, steps, engine, lost FROM snapshot"
        with self._lock, _explained(self.path):
            row = self._database.execute(query).fetchone()
        if row is None:
            return None
        conditioning, tracks = json.loads(row[3])
        return Snapshot(
            version=row[0],
            steps=row[1],
            engine=row[2],
            without_conditioning=tuple(conditioning),
            without_tracks=tuple(tracks),
        )

    def drop_snapshot(self) -> None:
        """Delete the snapshot, whose propagation is done, and give its room back."""
        with self._transaction() as database:
            database.execute("DELETE FROM snapshot")
        with self._lock, _explained(self.path):
            # A script, because a pragma of one statement frees but one page.
            self._database.executescript("PRAGMA incremental_vacuum")

    def cut(self, version: int) -> None:
        """Delete what actions from a version on have written."""
        with self._transaction() as database:
            for table in ("masks", "progress", "snapshot"):
                database.execute(f"DELETE FROM {table} WHERE version >= ?", (version,))

    def copy_to(self, path: Path) -> None:
        """Copy everything into another file, which is replaced."""
        with replacing(path) as part:
            part.unlink(missing_ok=True)
            with contextlib.closing(MaskStore(part)) as copy:
                self.back_up(copy)

    def back_up(self, copy: MaskStore) -> None:
        """Copy everything into another store, which loses what it had."""
        with self._lock, _explained(copy.path):
            self._database.backup(copy._database)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _explained(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise


def _row(version: int, mask: ObjectMask) -> tuple[int | float | bytes, ...]:
    packed = zlib.compress(np.ascontiguousarray(mask.logits, _STORED).tobytes(), _FAST)
    return (
        *(mask.frame, mask.object_id, version),
        *(mask.offset[0], mask.offset[1], *mask.logits.shape),
        *(mask.predicted_iou, mask.object_score, packed),
    )


def _let_go(database: sqlite3.Connection, folder: Path | None) -> None:
    database.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about a file into ones that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        base = code & 0xFF
        failed_write = base in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
        if base == sqlite3.SQLITE_FULL or (
            failed_write and has_little_room(path.parent)
        ):
            raise disk_full(path.parent) from error
        if base in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise InputError(
                f"{path} is damaged; start anew with --overwrite or another folder"
            ) from error
        if base in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise InputError(
                f"{path} is in use by another program; wait for it or choose another "
                "folder"
            ) from error
        if base in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise InputError(
                f"{path} cannot be written; choose a folder that you may write to"
            ) from error
        raise
