"""What the widget says of a run's state, in words."""

from __future__ import annotations

from pathlib import Path

from napari_sam_i2v.fine_tuning import FineTune, Progress
from napari_sam_i2v.fine_tuning.estimates import duration


def bar_text(progress: Progress) -> str:
    """What the progress bar says: steps done, and time left."""
    done = f"{progress.step} of {progress.steps} steps"
    match progress.phase:
        case "measuring":
            return "measuring a few steps …"
        case "training" if progress.step == 0:
            return "preparing …"
        case "training" if progress.seconds_left is not None:
            return f"{done}, {duration(progress.seconds_left)} left"
        case "stopping":
            return f"{done}, saving …"
        case "done":
            return f"{done}, done"
    return done


def state_text(task: FineTune, progress: Progress) -> str:
    """A line or two about the run, with what can be done now; in HTML."""
    name = f"<b>{task.name}</b>"
    match progress.phase:
        case "measuring" | "training":
            return (
                f"{name}: {task.base} learns from {Path(task.data).name} ({task.part}) "
                "in a process of its own. Closing this panel or napari stops it and "
                "keeps its state."
            )
        case "stopping":
            return f"{name} saves its state and stops."
        case "stopped":
            why = f" ({progress.message})" if progress.message else ""
            use = ", or use it as it is" if progress.can_keep else ""
            return f"{name} is stopped{why}. Resume it where it was{use}."
        case "failed":
            return f"{name} failed: {progress.message}"
        case "new":
            return f"{name} has not begun. Resume begins it."
    return ""
