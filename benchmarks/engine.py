"""How fast the engine is and how much memory it takes: one table, and the goals.

``python benchmarks/engine.py`` measures everything, each case in a process of its own;
``--only NAME`` one group of cases. Weights are random: times do not depend on them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_sam_i2v import __version__

CASES = {
    "check": "engine and straightforward version compute the same",
    "encoder": "TinyViT and TFI at 1024, overlapping windows",
    "encoder-plain": "the same, straightforward",
    "whole-1": "sam-i2v tracking whole frames, full memory bank",
    "whole-1-plain": "the same, straightforward",
    "whole-4": "4 objects",
    "whole-16": "16 objects",
    "follow-1": "sam-i2v-cell following views, full memory bank",
    "follow-16": "16 cells",
    "follow-100": "100 cells",
    "click": "sam-i2v-cell, second point on a frame, features cached",
    "click-first": "sam-i2v-cell, first point on a frame, nothing cached",
    "track-100": "sam-i2v track with start-up, 100 frames of 256 x 256, 16 objects",
    "track-400": "sam-i2v track, 400 frames",
}
QUIET_LOAD = 0.4
"""One-minute load average above which timings are not to be trusted."""

Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Goal:
    """What is to be reached on a CPU.

    Attributes
    ----------
    text
        What it is about.
    needs
        Cases it is computed from.
    value
        Computes it.
    limit
        The value to reach.
    at_least
        Whether larger is better.
    unit
        Behind the numbers.
    """

    text: str
    needs: tuple[str, ...]
    value: Callable[..., float]
    limit: float
    at_least: bool = False
    unit: str = ""


GOALS = (
    Goal(
        "encoder, CPU-seconds against the straightforward version",
        ("encoder", "encoder-plain"),
        lambda ours, plain: ours["cpu_seconds"] / plain["cpu_seconds"],
        0.60,
    ),
    Goal(
        "one whole-frame object-frame against the straightforward version, seconds",
        ("whole-1", "whole-1-plain"),
        lambda ours, plain: ours["seconds"] / plain["seconds"],
        0.85,
    ),
    Goal(
        "following views cheaper per cell-frame than whole frames, 16 objects",
        ("follow-16", "whole-16"),
        lambda follow, whole: whole["seconds"] / follow["seconds"],
        20,
        at_least=True,
        unit=" x",
    ),
    Goal(
        "click to mask, features cached",
        ("click",),
        lambda click: 1000 * click["seconds"],
        90,
        unit=" ms",
    ),
    Goal(
        "peak memory of sam-i2v track, 400 frames against 100, difference",
        ("track-100", "track-400"),
        lambda short, long: 100 * abs(long["peak_rss_mb"] / short["peak_rss_mb"] - 1),
        5,
        unit=" %",
    ),
)


def main() -> int:
    """Measure, print; 1 if a case failed."""
    options = parse()
    if options.case:
        return work(options)
    names = [name for name in CASES if wanted(name, options.only)]
    if not names:
        print(f"no case {options.only!r}; there are {', '.join(CASES)}")
        return 2
    machine = describe(options)
    failed = False
    results: dict[str, Rows] = {}
    for device in machine["devices"]:
        rows = results.setdefault(device, {})
        for name in names:
            if device != "cpu" and name == "check":
                continue
            print(f"... {name} on {device}", file=sys.stderr, flush=True)
            row = measured(name, device, options)
            failed |= row is None
            if row is not None:
                rows[name] = row
    print_check(results["cpu"].pop("check", None))
    print_table(results)
    goals = reached(results["cpu"])
    if options.json:
        content = {"machine": machine, "rows": results, "goals": goals}
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return int(failed)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="cases: " + "; ".join(f"{name}: {what}" for name, what in CASES.items()),
    )
    add = parser.add_argument
    add("--only", metavar="NAME", help="a case, with those whose names begin like it")
    add("--json", type=Path, metavar="FILE", help="write all figures there too")
    add("--threads", type=int, default=torch.get_num_threads(), metavar="N")
    add("--quick", action="store_true", help="once each: does it run? no timings")
    # What a process of its own is told.
    add("--case", help=argparse.SUPPRESS)
    add("--device", default="cpu", help=argparse.SUPPRESS)
    add("--result", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def wanted(name: str, only: str | None) -> bool:
    """Whether a case belongs to a group: ``whole`` has ``whole-1-plain``."""
    return only is None or name == only or name.startswith(f"{only}-")


def describe(options: argparse.Namespace) -> dict[str, Any]:
    """Print what we run on, and whether it is busy."""
    has_gpu = torch.cuda.is_available()
    machine = {
        "version": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": options.threads,
        "gpu": torch.cuda.get_device_name() if has_gpu else None,
        "devices": ["cpu", "cuda"] if has_gpu else ["cpu"],
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "quick": options.quick,
    }
    print(
        "napari-sam-i2v {version}, torch {torch}, Python {python}, {cpu}, "
        "{cores} cores, {threads} threads, GPU: {gpu}".format(**machine)
    )
    load = machine["load"]
    if load is not None and load > QUIET_LOAD:
        print(
            f"WARNING: the machine is busy (load {load:.1f} on {machine['cores']} "
            "cores): seconds are too long; measure again when it is quiet"
        )
    if options.quick:
        print("quick: one run each; timings mean nothing")
    return machine


def cpu_name() -> str:
    """Name of the processor, as well as the system knows."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def measured(
    name: str, device: str, options: argparse.Namespace
) -> dict[str, Any] | None:
    """Measure a case in a process of its own; ``None`` if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, __file__, "--case", name, "--device", device]
        command += ["--threads", str(options.threads), "--result", str(result)]
        command += ["--quick"] * options.quick
        threads = {"OMP_NUM_THREADS": str(options.threads)}
        done = subprocess.run(
            command, env=os.environ | threads, capture_output=True, text=True
        )
        if done.returncode:
            print(f"{name} failed on {device}:\n{done.stderr[-2000:]}")
            return None
        return dict(json.loads(result.read_text()))


def work(options: argparse.Namespace) -> int:
    """Measure the one case that this process is for."""
    from cases import Setting, measure

    torch.set_num_threads(options.threads)
    setting = Setting(options.device, options.quick, options.result.parent)
    options.result.write_text(json.dumps(measure(options.case, setting)))
    return 0


def print_check(check: dict[str, Any] | None) -> None:
    """Say whether both versions compute the same numbers."""
    for what, found in (check or {}).items():
        equal = "same numbers" if found["equal"] else "OTHER NUMBERS"
        print(
            f"{equal}: {what}: largest difference {found['difference']:.1e}, "
            f"values spread by {found['spread']:.1e} (1e-3 of which is allowed)"
        )


def print_table(results: dict[str, Rows]) -> None:
    """Print medians, a line for each case."""
    head = ("case", "device", "runs", "s/frame", "s/object-frame", "CPU-s/frame")
    lines = [(*head, "peak RSS MB", "peak GPU MB", "what")]
    for device, rows in results.items():
        for name, row in rows.items():
            count = row.get("objects")
            figures = (
                f"{row['seconds']:.4g}",
                f"{row['seconds'] / count:.4g}" if count else "-",
                f"{row['cpu_seconds']:.4g}",
                *(
                    "-" if row[key] is None else f"{row[key]:.0f}"
                    for key in ("peak_rss_mb", "peak_gpu_mb")
                ),
            )
            runs = f"{row['runs']} (+{row['warm_ups']})"
            lines.append((name, device, runs, *figures, CASES[name]))
    if len(lines) == 1:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print("\nMedians; in brackets the warm-ups before the runs.\n")
    for line in lines:
        cells = zip(line, widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells).rstrip())


def reached(rows: Rows) -> list[dict[str, Any]]:
    """Print goals whose cases were measured."""
    goals = []
    for goal in GOALS:
        if any(name not in rows for name in goal.needs):
            continue
        value = goal.value(*(rows[name] for name in goal.needs))
        met = value >= goal.limit if goal.at_least else value <= goal.limit
        sign, word = "><"[not goal.at_least], "ok" if met else "missed"
        print(
            ("" if goals else "\n") + f"{word:6}  {goal.text}: {value:.3g}{goal.unit} "
            f"(goal {sign}= {goal.limit:g}{goal.unit})"
        )
        goals.append(
            {"goal": goal.text, "value": value, "limit": goal.limit, "met": met}
        )
    return goals


if __name__ == "__main__":
    sys.exit(main())
