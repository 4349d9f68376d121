"""Models are found by name: bundled ones, and those a person fine-tuned."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_sam_i2v import backends
from napari_sam_i2v.checkpoints import CONFIG_FILE, WEIGHTS_FILE
from napari_sam_i2v.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path))
    return tmp_path


def own(cache: Path, name: str) -> Path:
    """Put the files of a fine-tuned model in place."""
    folder = cache / "models" / name
    folder.mkdir(parents=True)
    (folder / WEIGHTS_FILE).touch()
    (folder / CONFIG_FILE).write_text(f"name: {name}")
    return folder


def test_own_models_come_after_bundled_ones(cache: Path) -> None:
    bundled = backends.model_names()
    assert bundled == ["sam-i2v", "sam-i2v-cell"]
    own(cache, "a-first-one")
    assert backends.model_names() == [*bundled, "a-first-one"]


def test_an_own_model_cannot_pose_as_a_bundled_one(cache: Path) -> None:
    own(cache, "sam-i2v-cell")
    assert backends.model_names() == ["sam-i2v", "sam-i2v-cell"]
    file = backends.model_file("sam-i2v-cell")
    assert file.parent == backends.MODEL_FOLDER


def test_an_engine_is_built_from_the_own_files(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own(cache, "mine")
    asked: dict[str, object] = {}
    monkeypatch.setattr(
        backends, "_sam_i2v", lambda name, video, **rest: asked.update(rest, name=name)
    )
    backends.build("mine", None)
    assert asked["name"] == str(folder / CONFIG_FILE)
    assert asked["checkpoint"] == folder / WEIGHTS_FILE
    backends.build("mine", None, checkpoint="other.pt")
    assert asked["checkpoint"] == Path("other.pt")


def test_every_name_has_a_file_or_an_error(tmp_path: Path) -> None:
    for name in backends.model_names():
        assert backends.model_file(name).is_file()
    with pytest.raises(InputError, match="unknown model"):
        backends.model_file("sam-9")
    given = tmp_path / "given.yaml"
    given.write_text("name: given")
    assert backends.model_file(str(given)) == given
