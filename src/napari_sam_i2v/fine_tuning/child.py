"""``sam-i2v train`` as a child process that outlives whoever started it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

from napari_sam_i2v.errors import InputError
from napari_sam_i2v.io.disk import replacing

_WINDOWS = sys.platform == "win32"
_NICE = 10
_CLOCK = 2.0  # seconds by which the system's idea of a start may drift


class Child:
    """The process of a run: the one started here, or one found running.

    Its output goes to a file, never to a pipe that could break, and it has a process
    group of its own: neither the viewer's end nor its Ctrl-C reach it.

    Parameters
    ----------
    folder
        Of the run; ``child.json`` says which process, ``child.log`` what it said.

    Attributes
    ----------
    peak_memory
        Largest number of bytes seen in use by it and its workers.
    stop_asked
        Whether it was asked to stop.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._popen: subprocess.Popen[bytes] | None = None
        self._waiter: threading.Thread | None = None
        self._process, self.stop_asked = _found(folder / "child.json")
        self.peak_memory = 0

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        if self._waiter is not None:
            return self._waiter.is_alive()
        if self._process is None:
            return False
        try:
            return bool(self._process.status() != psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return False

    @property
    def exit_code(self) -> int | None:
        """What it ended with, if it was started here and has ended."""
        return None if self._popen is None else self._popen.returncode

    def start(self, *words: str) -> None:
        """Run ``sam-i2v`` with some words, with low priority."""
        command = [sys.executable, "-m", "napari_sam_i2v", *words]
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        with (self._folder / "child.log").open("wb") as said:
            self._popen = subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=not _WINDOWS,
                creationflags=flags,
            )
        self.stop_asked = False
        # Somebody has to wait for it, or it stays as a zombie when it ends.
        self._waiter = threading.Thread(target=self._popen.wait, daemon=True)
        self._waiter.start()
        with _gone_is_fine():
            self._process = psutil.Process(self._popen.pid)
            low = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", _NICE)
            self._process.nice(low)
            self._note()

    def stop(self) -> None:
        """Ask it, once, to save its state and end."""
        if self.stop_asked or not self.running or self._process is None:
            return
        self.stop_asked = True
        # A second signal would end it without saving, whoever sends it.
        with _gone_is_fine(), contextlib.suppress(OSError, InputError):
            self._note()
        with contextlib.suppress(OSError):
            number = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)
            os.kill(self._process.pid, number)

    def _note(self) -> None:
        """Write down which process it is, for who opens the run again."""
        assert self._process is not None
        known = {
            "pid": self._process.pid,
            "started": self._process.create_time(),
            "stop_asked": self.stop_asked,
        }
        with replacing(self._folder / "child.json") as part:
            part.write_text(json.dumps(known), encoding="utf-8")

    def kill(self) -> None:
        """End it at once; the last saved state stays."""
        with _gone_is_fine():
            if self._process is not None and self.running:
                for process in [self._process, *self._process.children(recursive=True)]:
                    process.kill()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; tells whether it came."""
        if self._waiter is not None:  # it alone may ask for the exit code
            self._waiter.join(seconds)
            return not self._waiter.is_alive()
        if self._process is None:
            return True
        with _gone_is_fine():
            psutil.wait_procs([self._process], timeout=seconds)
        return not self.running

    def look(self) -> None:
        """Note how much memory it uses."""
        with _gone_is_fine():
            if self._process is not None and self.running:
                family = [self._process, *self._process.children(recursive=True)]
                used = sum(process.memory_info().rss for process in family)
                self.peak_memory = max(self.peak_memory, used)

    @property
    def error(self) -> str | None:
        """The one line in which it said what is wrong, but for an interruption."""
        try:
            text = (self._folder / "child.log").read_text("utf-8", errors="replace")
        except OSError:
            return None
        lines = [line for line in text.splitlines() if line.startswith("error: ")]
        line = lines[-1].removeprefix("error: ") if lines else None
        return None if line is None or line.startswith("interrupted") else line


def _found(path: Path) -> tuple[psutil.Process | None, bool]:
    """Find the process that a file names, unless another has its number by now.

    Tells too whether it was asked to stop.
    """
    with _gone_is_fine(), contextlib.suppress(OSError, ValueError, KeyError):
        known = json.loads(path.read_text(encoding="utf-8"))
        process = psutil.Process(known["pid"])
        if abs(process.create_time() - known["started"]) < _CLOCK:
            return process, bool(known.get("stop_asked"))
    return None, False


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    """Go on where a process ended meanwhile, or is not ours to look at."""
    with contextlib.suppress(psutil.Error):
        yield
