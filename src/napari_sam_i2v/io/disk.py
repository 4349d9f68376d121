"""Writing files whole or not at all, and saying so when the disk is full."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from napari_sam_i2v.errors import InputError

_LITTLE_ROOM = 2**20


class DiskFullError(InputError):
    """There is no room left for results; what was written before is whole."""


def disk_full(folder: Path) -> DiskFullError:
    """Describe a disk without room."""
    return DiskFullError(
        f"no room left on the disk of {folder}; free some, then continue with --resume"
    )


def is_disk_full(error: OSError) -> bool:
    """Whether the system says that there is no room left."""
    return error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def has_little_room(folder: Path) -> bool:
    """Whether a folder's disk has less than a megabyte left."""
    try:
        return shutil.disk_usage(folder).free < _LITTLE_ROOM
    except OSError:
        return False


@contextlib.contextmanager
def room_on(folder: Path) -> Iterator[None]:
    """Turn the system's error about a full disk into `DiskFullError`."""
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(folder) from error
        raise


@contextlib.contextmanager
def in_reach(folder: Path, advice: str = "choose another folder") -> Iterator[None]:
    """Say in one line that a folder cannot be written, and what to do."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}); {advice}"
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder where there is none, and those that it is in.

    Raises
    ------
    InputError
        If that cannot be done.
    """
    with in_reach(folder), room_on(folder):
        folder.mkdir(parents=True, exist_ok=True)


def part_of(path: Path) -> Path:
    """Name the file that `replacing` writes before it becomes ``path``."""
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file beside another and put it in its place when it is whole.

    Yields
    ------
    Path
        Where to write. If the block fails, this goes away and ``path`` stays as it
        was; a kill leaves it behind.
    """
    part = part_of(path)
    with room_on(path.parent):
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Write a folder beside another and put it in its place when it is whole.

    Yields
    ------
    Path
        Where to write, not there yet. If the block fails, this goes away and ``path``
        stays as it was; a kill may leave it behind.
    """
    part = part_of(path)
    with room_on(path.parent):
        shutil.rmtree(part, ignore_errors=True)
        try:
            yield part
            if path.is_dir():
                shutil.rmtree(path)
            part.rename(path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
