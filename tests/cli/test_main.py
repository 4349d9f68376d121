"""The command line as such."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys

import pytest

from napari_sam_i2v import __version__
from napari_sam_i2v.cli import main
from napari_sam_i2v.cli.command_line import build_parser

COMMANDS = ("demo", "track", "simulate", "train", "evaluate", "models")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_no_error(command: str, capfd) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capfd.readouterr()
    assert "usage: sam-i2v" in shown.out
    assert shown.err == ""


def test_the_version_is_told(capfd) -> None:
    assert main(["--version"]) == 0
    assert capfd.readouterr().out.strip() == __version__


def test_a_command_leaves_no_handlers_behind() -> None:
    loggers = [logging.getLogger(), logging.getLogger("napari_sam_i2v")]
    before = [list(logger.handlers) for logger in loggers]
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert main(["nonsense"]) == 2
    assert [list(logger.handlers) for logger in loggers] == before
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert after == handlers


def test_the_words_of_track_are_those_of_the_interface() -> None:
    words = (
        "track m.tif --prompts p --out o --model sam-i2v --checkpoint c --device cpu "
        "--seed 3 --prompt-frame 2 --start 1 --stop 9 --direction both --views frame "
        "--cell-size 20 --axes TYX --channel 0,1,2 --contrast 0 255.5 "
        "--format tif,ctc,csv --resume --quiet"
    )
    parsed = build_parser().parse_args(words.split())
    assert parsed.channel == (0, 1, 2)
    assert parsed.contrast == [0, 255.5]
    assert parsed.format == ("tif", "ctc", "csv")
    assert (parsed.start, parsed.stop, parsed.prompt_frame) == (1, 9, 2)


def test_asking_for_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from napari_sam_i2v.cli import main\n"
        "main(['--help'])\n"
        "print(*sorted({'torch', 'pandas', 'tifffile', 'zarr'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == ""
