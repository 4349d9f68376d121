"""Fine-tuned models are models like others, under names that make sense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import napari_sam_i2v as si
from napari_sam_i2v.backends import check_model, model_file, model_names
from napari_sam_i2v.checkpoints import find_weights, models_folder
from napari_sam_i2v.cli.command_line import run as command
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning import (
    ModelCard,
    check_name,
    delete_model,
    describe_model,
    read_card,
)
from napari_sam_i2v.fine_tuning.models import keep_model

CARD = ModelCard(
    base="sam-i2v-cell",
    data="somewhere",
    part="everything",
    steps=7,
    seed=0,
    date="2026-01-31",
    scores={"mask/J": 0.9, "click/J": None},
    scores_before={"mask/J": 0.8, "click/J": 0.7},
)


def keep(name: str) -> Path:
    """Make the shipped weights a model of another name."""
    shipped = find_weights("sam-i2v-cell")
    assert shipped is not None
    return keep_model(name, shipped, CARD)


def test_a_kept_model_is_known_at_once() -> None:
    assert "mine" not in model_names()
    keep("mine")
    assert "mine" in model_names()
    check_model("mine")
    assert read_card("mine") == CARD
    assert model_file("mine").parent == find_weights("mine").parent


def test_a_kept_model_tracks_as_its_weights_do(movie: Path) -> None:
    keep("mine")
    prompts = movie / "labels.tif"
    options = {"stop": 2, "progress": False}
    ours = si.track(movie / "images.tif", prompts, model="mine", **options)
    theirs = si.track(movie / "images.tif", prompts, **options)
    np.testing.assert_array_equal(np.asarray(ours.labels), np.asarray(theirs.labels))
    assert np.asarray(ours.labels).any()


def test_a_deleted_model_is_gone() -> None:
    folder = keep("mine")
    delete_model("mine")
    assert not folder.exists()
    assert "mine" not in model_names()
    with pytest.raises(InputError, match="unknown model"):
        check_model("mine")
    with pytest.raises(InputError, match="known: none yet"):
        delete_model("mine")


def test_a_model_may_be_tuned_further() -> None:
    keep("mine")
    second = ModelCard(**{**vars(CARD), "base": "mine"})
    keep_model("mine-2", find_weights("mine"), second)
    assert "name: mine-2" in model_file("mine-2").read_text()


@pytest.mark.parametrize(
    "name",
    ["", "a b", "a/b", "../a", ".hidden", "-a", "ä", "a" * 65, "con", "nul.x", "a."],
)
def test_odd_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="is no name for a model"):
        check_name(name)


@pytest.mark.parametrize("name", ["sam-i2v", "SAM-I2V-Cell"])
def test_bundled_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="comes with the package"):
        check_name(name)
    with pytest.raises(InputError, match="comes with the package"):
        delete_model(name)


def test_a_taken_name_and_a_file_name_are_refused() -> None:
    keep("mine")
    with pytest.raises(InputError, match="there is a model Mine"):
        check_name("Mine")
    with pytest.raises(InputError, match="looks like a file"):
        check_name("mine.yaml")


def test_names_reach_no_other_folder(tmp_path: Path, cache: Path) -> None:
    keep("mine")
    (cache / "weights.safetensors").touch()
    assert find_weights("..") is None
    assert find_weights("../models/mine") is None


def test_half_a_model_is_none(cache: Path) -> None:
    (cache / "models" / "half").mkdir(parents=True)
    (cache / "models" / "half" / "model.yaml").write_text("name: half")
    assert "half" not in model_names()


def test_a_card_compares() -> None:
    assert CARD.verdict == "J 0.800 → 0.900"
    swapped = {"scores": CARD.scores_before, "scores_before": CARD.scores}
    worse = ModelCard(**{**vars(CARD), **swapped})
    assert "worse than sam-i2v-cell" in worse.verdict


def test_the_command_line_lists_and_deletes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    keep("mine")
    assert command(["models", "list"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("mine ") and "J 0.800 → 0.900" in line
    assert command(["models", "info", "mine"]) == 0
    assert "trained: everything" in capsys.readouterr().out
    assert command(["models", "delete", "mine"]) == 0
    assert command(["models", "info", "mine"]) == 2


def test_a_model_is_described_in_a_line() -> None:
    keep("mine")
    assert describe_model("mine") == (
        "sam-i2v-cell tuned on somewhere: J 0.800 → 0.900"
    )
    assert "comes with the plugin" in describe_model("sam-i2v-cell")
    assert "models info sam-i2v" in describe_model("sam-i2v")
    (models_folder() / "mine" / "card.json").write_text("{")
    assert "\n" not in describe_model("mine")
