"""Strict YAML: what fits is taken as it is, everything else is an error that helps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from napari_sam_i2v.config import from_mapping, load_yaml
from napari_sam_i2v.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Part:
    width: int
    rate: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Whole:
    name: str
    part: Part
    kinds: tuple[Literal["a", "b"], ...] = ("a",)
    folder: Path | None = None
    more: tuple[Part, ...] = ()
    flags: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("name is empty; give one")


GOOD: dict[str, Any] = {"name": "n", "part": {"width": 3}}


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_dataclass_survives_yaml(tmp_path: Path) -> None:
    whole = Whole(
        name="n",
        part=Part(width=1, rate=1e-5),
        kinds=("a", "b"),
        folder=Path("x"),
        more=(Part(width=2), Part(width=3, rate=7)),
        flags={"on": True},
    )
    plain = asdict(whole) | {"folder": "x"}
    plain["kinds"], plain["more"] = list(plain["kinds"]), list(plain["more"])
    assert load_yaml(Whole, write(tmp_path, yaml.safe_dump(plain))) == whole


def test_defaults_stay_and_whole_numbers_fit_floats() -> None:
    whole = from_mapping(Whole, GOOD | {"part": {"width": 3, "rate": 2}})
    assert whole == Whole(name="n", part=Part(width=3, rate=2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"naem": "x"}, "unknown key 'naem'; did you mean 'name'"),
        ({"part": {"width": 3, "wdth": 4}}, "'part.wdth'; did you mean 'width'"),
        ({"more": [{"width": 3}, {"wide": 1}]}, "'more.1.wide'"),
        ({"zzzzzz": 1}, "known: name, part"),
        ({"part": {}}, "the key 'part.width' is required"),
        ({"part": {"width": "3"}}, "part.width: Input should be a valid integer"),
        ({"part": {"width": 3.5}}, "part.width"),
        ({"part": {"width": True}}, "part.width"),
        ({"name": 3}, "name: Input should be a valid string"),
        ({"name": ""}, "name is empty; give one"),
        ({"kinds": ["c"]}, "kinds.0: Input should be 'a' or 'b'"),
        ({"kinds": "a"}, "kinds"),
        ({"flags": {"on": 1}}, "flags.on"),
        ({"part": None}, "part"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        from_mapping(Whole, GOOD | change, where="settings.yaml")
    assert str(caught.value).startswith("settings.yaml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "named keys"),
        ("- 1", "named keys"),
        ("name: [", "not valid YAML"),
        ("name: n\nname: m", "'name' stands twice"),
        ("name: ${NO_SUCH_VARIABLE_HERE}", "environment variable"),
        ("name: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_bad_yaml_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_yaml(Whole, write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.yaml"):
        load_yaml(Whole, tmp_path / "nothing.yaml")


def test_environment_variables_and_exponents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "name: ${A_NAME:-other}/x\npart: {width: 3, rate: 1e-3}"
    path = write(tmp_path, text)
    monkeypatch.delenv("A_NAME", raising=False)
    assert load_yaml(Whole, path).name == "other/x"
    monkeypatch.setenv("A_NAME", "given")
    assert load_yaml(Whole, path).name == "given/x"
    assert load_yaml(Whole, path).part.rate == 0.001


def test_overrides_win(tmp_path: Path) -> None:
    path = write(tmp_path, "name: n\npart: {width: 3}")
    overrides = ["part.rate=2e-4", "kinds=[b]", "name=other"]
    whole = load_yaml(Whole, path, overrides=overrides)
    assert whole == Whole(name="other", part=Part(width=3, rate=2e-4), kinds=("b",))
    with pytest.raises(InputError, match="did you mean 'width'"):
        load_yaml(Whole, path, overrides=["part.widht=3"])
    with pytest.raises(InputError, match="key=value"):
        load_yaml(Whole, path, overrides=["part"])
    with pytest.raises(InputError, match="holds no keys"):
        load_yaml(Whole, path, overrides=["name.x=1"])
