"""``sam-i2v models`` tells the truth and keeps only weights that fit."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from napari_sam_i2v.checkpoints import find_weights, known_weights, sha256_of
from napari_sam_i2v.cli import models
from napari_sam_i2v.errors import InputError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_SAM_I2V_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the released layout, with random weights."""
    torch = pytest.importorskip("torch")
    from napari_sam_i2v.model import build_model

    path = tmp_path_factory.mktemp("released") / "sam-i2v_32gpu.pt"
    torch.save({"model": build_model("sam-i2v").state_dict()}, path)
    return path


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    models.add_parser(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["models", *map(str, words)])
    code: int = arguments.run(arguments)
    return code


def test_list_names_every_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["model", "sam-i2v-cell", "sam-i2v"]
    assert "75.6 MB" in lines[2]
    assert "not known" in lines[2]


def test_info_says_where_released_weights_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("info", "sam-i2v") == 0
    shown = capsys.readouterr().out
    for word in ("showlab/SAM-I2V", "sam-i2v_32gpu.pt", "models import", "licence"):
        assert word in shown


def test_released_weights_cannot_be_downloaded() -> None:
    with pytest.raises(InputError, match="models info sam-i2v"):
        run("download", "sam-i2v")


@pytest.mark.parametrize("command", ["info", "download"])
def test_unknown_model_is_an_error(command: str) -> None:
    with pytest.raises(InputError, match="known: sam-i2v-cell"):
        run(command, "sam-3")


@pytest.mark.slow
def test_imported_weights_are_found_and_unchanged(
    released: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch
    from safetensors.torch import load_file

    assert run("import", released) == 0

    kept = find_weights("sam-i2v")
    assert kept == cache / "sam-i2v.safetensors"
    assert [*cache.iterdir()] == [kept]
    assert sha256_of(kept) in capsys.readouterr().out
    before, after = torch.load(released, weights_only=True)["model"], load_file(kept)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)

    parameters = known_weights("sam-i2v").parameters
    assert parameters is not None
    assert kept.stat().st_size == pytest.approx(4 * parameters, rel=0.01)
    assert run("import", kept) == 0


def test_a_missing_file_is_said() -> None:
    with pytest.raises(InputError, match="not a file"):
        run("import", "nowhere.pt")


@pytest.mark.slow
def test_weights_of_another_architecture_are_not_kept(
    released: Path, tmp_path: Path, cache: Path
) -> None:
    import torch

    other = tmp_path / "other.pt"
    state = torch.load(released, weights_only=True)["model"]
    torch.save({"model": {**state, "surplus.weight": torch.zeros(1)}}, other)
    with pytest.raises(InputError, match=r"surplus\.weight"):
        run("import", other)
    assert not cache.exists()


@pytest.mark.slow
def test_a_cache_that_is_a_file_is_said(released: Path, cache: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(InputError, match="cannot keep weights"):
        run("import", released)


def test_shipped_weights_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "PACKAGE_FOLDER", tmp_path)
    (tmp_path / "sam-i2v-cell.safetensors").touch()
    with pytest.raises(InputError, match="--checkpoint mine.pt"):
        run("import", "mine.pt", "--name", "sam-i2v-cell")
