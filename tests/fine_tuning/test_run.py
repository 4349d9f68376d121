"""Runs with a real child: to the end, stopped, killed, resumed, and refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import tifffile
from safetensors.numpy import load_file, save_file

import napari_sam_i2v as si
from napari_sam_i2v.checkpoints import WEIGHTS_FILE, find_weights
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning import (
    FineTune,
    Progress,
    TrainingRun,
    estimate,
    read_card,
    unfinished_runs,
)
from napari_sam_i2v.fine_tuning.run import TASK_FILE, runs_folder

pytestmark = pytest.mark.slow

Ask = Callable[..., FineTune]


def follow(run: TrainingRun, until: Callable[[Progress], bool]) -> Progress:
    """Poll until something is so; five minutes at most."""
    for _ in range(3000):
        progress = run.poll()
        if until(progress):
            return progress
        assert progress.is_running, progress
        time.sleep(0.1)
    raise AssertionError(run.poll())


def over(progress: Progress) -> bool:
    return not progress.is_running


def weights(name: str) -> dict[str, np.ndarray]:
    path = find_weights(name)
    assert path is not None
    return load_file(path)


def test_a_run_becomes_a_model(small: Ask, movie: Path) -> None:
    run = TrainingRun.create(small(scored=True))
    run.start()
    with pytest.raises(InputError, match="stop it first"):
        run.delete()
    progress = follow(run, over)
    assert progress.phase == "done", progress.message
    assert [step for step, _ in progress.losses] == [1, 2, 3, 4]
    assert [score.step for score in progress.scores] == [0, 4]
    assert progress.picture is not None and progress.picture.is_file()

    assert run.keep() == "mine"

    card = read_card("mine")
    assert (card.base, card.steps, card.data) == ("blink", 4, str(movie))
    assert card.scores["mask/J"] == progress.scores[-1].mask
    assert card.scores_before["mask/J"] == progress.scores[0].mask
    before, after = weights("blink"), weights("mine")
    changed = {key for key in before if (before[key] != after[key]).any()}
    assert any(key.startswith("sam_mask_decoder.") for key in changed)
    assert unfinished_runs() == [] and not run.folder.exists()
    assert estimate(small(name="other", scored=True)).measured_here
    result = si.track(
        movie / "images.tif", movie / "labels.tif", model="mine", stop=2, progress=False
    )
    assert result.labels.shape[0] == 8


def test_minutes_are_turned_into_steps(small: Ask) -> None:
    run = TrainingRun.create(small(minutes=0.01))
    run.start()
    assert run.poll().phase == "measuring"
    progress = follow(run, over)
    assert progress.phase == "done", progress.message
    assert progress.step == progress.steps == 2


def test_a_killed_run_resumes_to_the_same_weights(small: Ask) -> None:
    saving = ("save_minutes=0.0",)
    straight = TrainingRun.create(small(name="straight", more=saving))
    straight.start()
    assert follow(straight, over).phase == "done"
    straight.keep()

    # With workers of its own, which have to end with it.
    run = TrainingRun.create(small(more=(*saving, "workers=1")))
    run.start()
    follow(run, lambda progress: progress.step >= 2 and progress.can_keep)
    run.kill()
    assert run.wait(20)
    assert run.poll().phase == "stopped"
    again = TrainingRun(run.folder)
    again.start()
    progress = follow(again, over)
    assert progress.phase == "done", progress.message
    assert [step for step, _ in progress.losses] == [1, 2, 3, 4]
    again.keep()
    ours, theirs = weights("mine"), weights("straight")
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key])


def test_a_stopped_run_can_be_used_as_it_is(small: Ask) -> None:
    run = TrainingRun.create(small(steps=500))
    run.start()
    follow(run, lambda progress: progress.step >= 1)
    run.stop()
    assert run.poll().phase in ("stopping", "stopped")
    progress = follow(run, over)
    assert progress.phase == "stopped" and progress.message is None
    assert progress.can_keep and 0 < progress.step < 500
    found = unfinished_runs()
    assert [each.task for each in found] == [run.task]
    assert found[0].poll().phase == "stopped"
    with pytest.raises(InputError, match="not finished; resume it"):
        TrainingRun.create(small())
    found[0].keep()
    assert read_card("mine").steps == progress.step


def test_what_is_wrong_is_one_line(small: Ask, movie: Path) -> None:
    tifffile.imwrite(movie / "labels.tif", np.zeros((5, 80, 100), np.uint16))
    run = TrainingRun.create(small())
    run.start()
    progress = follow(run, over)
    assert progress.phase == "failed"
    assert progress.message is not None and "\n" not in progress.message
    assert "labels have shape (5, 80, 100)" in progress.message
    with pytest.raises(InputError, match="train for a while first"):
        run.keep()
    run.delete()
    assert unfinished_runs() == []


def test_a_run_outlives_who_started_it(small: Ask) -> None:
    """The viewer is killed; another one finds the run and watches on."""
    run = TrainingRun.create(small(steps=500))
    script = (
        "import os, sys; from pathlib import Path; "
        "from napari_sam_i2v.fine_tuning import TrainingRun; "
        f"TrainingRun(Path({str(run.folder)!r})).start(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    found = unfinished_runs()[0]
    assert found.poll().is_running
    follow(found, lambda progress: progress.step >= 1)
    found.stop()
    assert follow(found, over).phase == "stopped"
    assert found.wait(20)


def test_what_was_logged_but_not_saved_is_not_done(small: Ask) -> None:
    """The machine goes down after the last step, before its weights are written."""
    run = TrainingRun.create(small())
    run.start()
    assert follow(run, over).phase == "done"
    weights = run.folder / WEIGHTS_FILE
    state = load_file(weights)
    save_file(state, weights, metadata={"step": "2"})
    assert TrainingRun(run.folder).poll().phase == "stopped"


def test_damaged_runs_are_in_nobodys_way(small: Ask) -> None:
    kept = TrainingRun.create(small(name="whole"))
    torn = runs_folder() / "torn"
    torn.mkdir()
    (torn / TASK_FILE).write_text("{")
    (runs_folder() / "mine").mkdir()  # killed while it was made
    assert [run.task.name for run in unfinished_runs()] == ["whole"]
    assert TrainingRun.create(small()).task.name == "mine"
    kept.delete()


def test_what_cannot_begin_after_measuring_is_told(small: Ask, movie: Path) -> None:
    run = TrainingRun.create(small(minutes=0.01))
    run.start()
    follow(
        run, lambda progress: (run.folder / "trial" / "weights.safetensors").exists()
    )
    shutil.move(movie, movie.with_name("elsewhere"))
    progress = follow(run, over)
    assert progress.phase == "failed"
    assert progress.message is not None and "no such folder" in progress.message


def test_a_run_is_asked_to_stop_once(small: Ask) -> None:
    """A second signal would end it before it has saved, also from another viewer."""
    run = TrainingRun.create(small(steps=500))
    run.start()
    follow(run, lambda progress: progress.step >= 1)
    run.stop()
    again = TrainingRun(run.folder)
    again.stop()
    assert again.poll().phase in ("stopping", "stopped")
    assert follow(run, over).phase == "stopped"
    assert again.poll().can_keep


def test_a_session_is_learned_from_while_it_changes(small: Ask, session: Path) -> None:
    run = TrainingRun.create(small(data=str(session), steps=2))
    for path in session.iterdir():
        path.unlink()
    run.start()
    progress = follow(run, over)
    assert progress.phase == "done", progress.message


@pytest.mark.skipif(sys.platform == "win32", reason="priorities have other names")
def test_a_run_gives_way(small: Ask) -> None:
    run = TrainingRun.create(small(steps=500))
    run.start()
    child = psutil.Process(run._child._process.pid)
    assert child.nice() > psutil.Process().nice()
    assert child.pid != psutil.Process().pid
    run.kill()
    assert run.wait(20)
