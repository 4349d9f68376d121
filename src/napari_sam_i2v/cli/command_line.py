"""Words in, exit code out: 0 done, 1 our fault, 2 bad input, 130 interrupted."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from napari_sam_i2v import __version__
from napari_sam_i2v.cli import demo, evaluate, models, simulate, track, train
from napari_sam_i2v.cli.streams import interruptible, warnings_on_stderr
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import disk_full, is_disk_full
from napari_sam_i2v.session.run_log import append

DONE, FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

# What users name may be somebody else's, or not what they think it is.
_OUT_OF_REACH = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR),
    *(errno.EISDIR, errno.ENOENT),
)

# Not imported from where they belong: a command line should answer at once.
SESSION_FILE, LOG_FILE = "session.json", "log.txt"


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line like all others."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = _Parser(
        prog="sam-i2v",
        description="Click a cell once, get its masklet through the whole movie.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (demo, track, simulate, train, evaluate, models):
        module.add_parser(commands)
    return parser


def run(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    Parameters
    ----------
    argv
        Words of the command line; by default those of this process.
    """
    arguments = argparse.Namespace()
    try:
        with warnings_on_stderr(), interruptible():
            build_parser().parse_args(argv, namespace=arguments)
            return int(arguments.run(arguments))
    except SystemExit as request:  # --help, --version
        return int(request.code or DONE)
    except InputError as error:
        return _complain(str(error), BAD_INPUT)
    except KeyboardInterrupt as error:
        return _complain(_interruption(arguments, *error.args), INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our table has seen enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if isinstance(error, OSError) and is_disk_full(error):
            return _complain(str(disk_full(_out(arguments) or Path())), BAD_INPUT)
        if isinstance(error, OSError) and error.errno in _OUT_OF_REACH:
            place = f"{error.filename}: " if error.filename else ""
            return _complain(f"{place}{error.strerror}; choose another", BAD_INPUT)
        return _complain(_fault(error, _out(arguments)), FAULT)


def _complain(message: str, code: int) -> int:
    line = " ".join(message.split())
    with contextlib.suppress(OSError):
        print(f"error: {line}", file=sys.stderr)
    return code


def _out(arguments: argparse.Namespace) -> Path | None:
    out = getattr(arguments, "out", None)
    return None if out is None else Path(out)


def _interruption(arguments: argparse.Namespace, *said: str) -> str:
    if said:
        return f"interrupted; {said[0]}"
    out = _out(arguments)
    if out is None or not (out / SESSION_FILE).is_file():
        return "interrupted"
    return f"interrupted; what is done is in {out}: continue with --resume"


def _fault(error: Exception, out: Path | None) -> str:
    """Write the traceback of a fault of ours to a log; returns what to say of it."""
    text = "".join(traceback.format_exception(error))
    home = Path(tempfile.gettempdir())
    with contextlib.suppress(OSError):
        if out is not None and (out / SESSION_FILE).is_file():
            home = out
    log = home / (LOG_FILE if home == out else "sam-i2v-log.txt")
    place = f"; {log} has the traceback" if append(log, text) else ""
    return f"a fault in sam-i2v: {type(error).__name__}: {error}{place}"
