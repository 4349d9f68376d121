"""Run the project from a checkout, doing all set-up on the way.

``python dev.py demo`` simulates a movie and tracks its cells; ``python dev.py test``
passes the tests; ``python dev.py lint`` formats and checks the code. Further arguments
go to the demo and to pytest. Needs nothing but Python: the rest goes into ``.venv``.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
SCRIPTS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
STAMP = ENVIRONMENT / "set-up-for"
"""Written last; says which pyproject.toml and friends the environment was made for."""

# Files of tests are shared among processes, in the order that tests/conftest.py gives.
IN_PARALLEL = (
    *("-n", "auto", "--maxprocesses", "4"),
    *("--dist", "loadfile", "--no-loadscope-reorder"),
)

INPUTS = ("pyproject.toml", "constraints.txt", "src/napari_sam_i2v/napari.yaml")

# What Qt and a software OpenGL need on a Debian or Ubuntu without a desktop.
DEBIAN_PACKAGES = (
    *("xvfb", "xauth", "libegl1", "libgl1", "libopengl0", "libgl1-mesa-dri"),
    *("libglx-mesa0", "libdbus-1-3", "libfontconfig1", "libglib2.0-0"),
    *("libxkbcommon-x11-0", "libxcb-cursor0", "libxcb-icccm4", "libxcb-image0"),
    *("libxcb-keysyms1", "libxcb-randr0", "libxcb-render-util0", "libxcb-shape0"),
    *("libxcb-xkb1", "libxcb-xinerama0"),
)
QT_LIBRARIES = (
    *("libEGL.so.1", "libGL.so.1", "libOpenGL.so.0", "libxkbcommon-x11.so.0"),
    *("libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-image.so.0"),
    *("libxcb-keysyms.so.1", "libxcb-render-util.so.0", "libxcb-xinerama.so.0"),
)


def main() -> int:
    """Set up, then do what was asked; the exit code is that of the command run."""
    if sys.version_info < (3, 11):  # noqa: UP036 - said before anything else fails
        print(f"error: Python 3.11 or newer is needed, this is {sys.version}")
        return 2
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["demo", "test", "lint"])
    command, arguments = parser.parse_known_args()
    set_up()
    if command.command == "demo":
        demo = [str(SCRIPTS / "sam-i2v"), "demo", *arguments]
        return run(with_display(demo) if "--viewer" in arguments else demo)
    if command.command == "test":
        # Processes share the cores; threads that spin while they wait would not.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        pytest = with_display([str(PYTHON), "-m", "pytest", *IN_PARALLEL, *arguments])
        return run(pytest, folder=ROOT)
    return lint()


def set_up() -> None:
    """Make ``.venv`` and install the package into it, unless that was done before."""
    wanted = fingerprint()
    found = STAMP.read_text() if STAMP.exists() else None
    if found == wanted and PYTHON.exists():
        return
    say("setting up .venv (about 6.5 GB, most of it PyTorch)")
    make_environment()
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "uv"]
    subprocess.run(install, check=True)
    install = [str(PYTHON), "-m", "uv", "pip", "install", "--python", str(PYTHON)]
    # Where Python may not keep bytecode, every process would compile PyTorch anew.
    install += ["--compile-bytecode"]
    install += ["--constraint", "constraints.txt", "--editable", ".[all]"]
    install += ["--group", "pyproject.toml:dev"]
    subprocess.run(install, check=True, cwd=ROOT)
    STAMP.write_text(wanted)


def make_environment() -> None:
    """Make ``.venv``, or mend one that lacks pip or lost its Python."""
    if run([str(PYTHON), "-m", "pip", "--version"], quiet=True) == 0:
        return
    if importlib.util.find_spec("ensurepip") is None:
        install_debian_packages("pip for virtual environments", ["python3-venv"])
    if PYTHON.exists():
        make = [str(PYTHON), "-m", "ensurepip"]
    else:
        make = [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)


def fingerprint() -> str:
    """Digest of everything that decides what is installed."""
    digest = hashlib.sha256(sys.version.encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def lint() -> int:
    """Format, then run the checks that the tests run too."""
    steps = (["ruff", "format"], ["ruff", "check", "--fix"], ["mypy"])
    return max(run([str(PYTHON), "-m", *step], folder=ROOT) for step in steps)


def with_display(command: Sequence[str]) -> list[str]:
    """Wrap a command that opens windows, so that it runs without a screen too."""
    if not sys.platform.startswith("linux"):
        return list(command)
    has_screen = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if not qt_can_start(has_screen):
        install_debian_packages("Xvfb and the libraries Qt needs", DEBIAN_PACKAGES)
    if has_screen:
        return list(command)
    return ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24", *command]


def qt_can_start(has_screen: bool) -> bool:
    """Whether the system libraries are there, and Xvfb where there is no screen."""
    if not has_screen and shutil.which("xvfb-run") is None:
        return False
    search = os.pathsep.join([os.environ.get("PATH", ""), "/sbin", "/usr/sbin"])
    ldconfig = shutil.which("ldconfig", path=search)
    if ldconfig is None:
        return True
    known = subprocess.run([ldconfig, "-p"], capture_output=True, text=True).stdout
    return all(name in known for name in QT_LIBRARIES)


def install_debian_packages(purpose: str, packages: Sequence[str]) -> None:
    """Install system packages where we may; else say what is missing."""
    as_root = ["sudo", "-n"] if os.geteuid() != 0 else []
    allowed = not as_root or run([*as_root, "true"], quiet=True) == 0
    if shutil.which("apt-get") is None or not allowed:
        raise SystemExit(
            f"error: {purpose}: missing on this system; on Debian or Ubuntu run: "
            f"sudo apt-get install {' '.join(packages)}"
        )
    say(f"installing {purpose} with apt-get")
    quietly = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*quietly, "update"], check=True)
    install = [*quietly, "install", "--yes", "--no-install-recommends", *packages]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)


def run(
    command: Sequence[str], *, folder: Path | None = None, quiet: bool = False
) -> int:
    """Run a command to its end and hand back its exit code."""
    stream = subprocess.DEVNULL if quiet else None
    try:
        done = subprocess.run(command, cwd=folder, stdout=stream, stderr=stream)
    except FileNotFoundError:
        if not quiet:
            say(f"there is no {command[0]}")
        return 127
    except KeyboardInterrupt:
        return 130
    return done.returncode


def say(text: str) -> None:
    """Tell what takes so long."""
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as failed:
        sys.exit(f"error: set-up stopped: {' '.join(map(str, failed.cmd))}")
