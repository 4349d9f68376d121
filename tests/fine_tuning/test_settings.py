"""A form becomes a YAML file that training takes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml

from napari_sam_i2v.config import from_mapping, load_yaml
from napari_sam_i2v.errors import InputError
from napari_sam_i2v.fine_tuning import PARTS, FineTune
from napari_sam_i2v.training.optimizer import build_optimizer
from napari_sam_i2v.training.settings import TrainingSettings
from napari_sam_i2v.training.train import first_weights


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("base", ["sam-i2v-cell", "blink"])
def test_training_takes_the_recipe(
    base: str, part: str, movie: Path, blink: str, tmp_path: Path
) -> None:
    task = FineTune(name="mine", data=str(movie), base=base, part=part, steps=40)
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(task.recipe(tmp_path / "run", 40)))
    settings = load_yaml(TrainingSettings, path)
    assert settings.steps == 40
    assert settings.out == str(tmp_path / "run")
    model = first_weights(settings)
    build_optimizer(model, settings.optimizer)
    encoder = [
        parameter.requires_grad
        for name, parameter in model.named_parameters()
        if name.startswith("image_encoder.trunk_image.")
    ]
    assert any(encoder) == all(encoder) == (part == "everything")
    assert settings.movies.sources[0].movie == str(movie)


def test_a_large_model_takes_few_clips_at_a_time(movie: Path, tmp_path: Path) -> None:
    task = FineTune(name="mine", data=str(movie), base="sam-i2v")
    assert task.is_large
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(task.recipe(tmp_path / "run", 5)))
    assert load_yaml(TrainingSettings, path).stages[0].batch == 1


def test_a_task_survives_json(movie: Path) -> None:
    task = FineTune(name="a", data=str(movie), minutes=2.5, overrides=("seed=1",))
    text = json.dumps(dataclasses.asdict(task))
    assert from_mapping(FineTune, json.loads(text)) == task


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"part": "nothing"}, "decoder and memory, everything"),
        ({"device": "gpu"}, "choose auto, cpu"),
        ({"steps": 3, "minutes": 1.0}, "not both"),
        ({"steps": 0}, "too few"),
        ({"minutes": 0.0}, "more than 0"),
        ({"simulated": -1.0}, "share of simulated"),
    ],
)
def test_what_makes_no_sense_is_refused(
    changes: dict[str, object], advice: str
) -> None:
    with pytest.raises(InputError, match=advice):
        FineTune(**{"name": "a", "data": "b", **changes})


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"name": "sam-i2v"}, "comes with the package"),
        ({"base": "sam-9"}, "known: sam-i2v, sam-i2v-cell"),
        ({"base": "sam-i2v"}, "models info sam-i2v"),
        ({"data": "nowhere"}, "no such folder"),
        ({"data": ""}, "no folder"),
    ],
)
def test_what_cannot_begin_is_refused(
    changes: dict[str, str], advice: str, movie: Path
) -> None:
    task = FineTune(**{"name": "mine", "data": str(movie), **changes})
    with pytest.raises(InputError, match=advice):
        task.check()
