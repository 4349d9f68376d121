"""Strict configuration: YAML files fill frozen dataclasses.

Types are checked, not converted; an unknown or missing key is an error that names it.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
import types
import typing
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from napari_sam_i2v.errors import InputError

Config = TypeVar("Config")

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
_FLOAT = re.compile(
    r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\.(inf|Inf)|\.(nan|NaN)"
)


def load_yaml(
    cls: type[Config], path: str | Path, *, overrides: Iterable[str] = ()
) -> Config:
    """Read a configuration file.

    ``${NAME}`` and ``${NAME:-default}`` in its strings are replaced by environment
    variables.

    Parameters
    ----------
    cls
        Dataclass to fill; its fields may be dataclasses too.
    path
        YAML file.
    overrides
        ``key=value`` strings that win over the file; a dotted key reaches into nested
        dataclasses, the value is YAML.

    Returns
    -------
    Config
        An instance of ``cls``.
    """
    mapping = read_yaml(path)
    for override in overrides:
        _override(mapping, override)
    return from_mapping(cls, mapping, where=Path(path).name)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read the mapping a YAML file holds, with environment variables filled in."""
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise InputError(f"no such configuration file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not valid YAML: {reason}") from None
    if not isinstance(content, dict) or not all(isinstance(k, str) for k in content):
        raise InputError(f"{path} must hold named keys (key: value), one per line")
    return {key: _fill_variables(value, path.name) for key, value in content.items()}


def from_mapping(
    cls: type[Config], mapping: Mapping[str, Any], *, where: str = "configuration"
) -> Config:
    """Fill a dataclass from plain values.

    Parameters
    ----------
    cls
        Dataclass to fill; its fields may be dataclasses, tuples, literals or paths.
    mapping
        Values as YAML or JSON hold them: lists stand for tuples, text for paths.
    where
        What to call the mapping in errors.

    Returns
    -------
    Config
        An instance of ``cls``.
    """
    from pydantic import TypeAdapter, ValidationError

    for key_path, known in _unknown_keys(cls, mapping, ()):
        raise InputError(f"{where}: {_unknown_key(key_path, known)}")
    # pydantic's strict mode takes lists for tuples and text for paths from JSON only.
    try:
        content = json.dumps(dict(mapping), default=str)
        return TypeAdapter(cls).validate_json(content, strict=True)
    except TypeError as error:
        raise InputError(f"{where}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"].startswith("missing"):
            raise InputError(f"{where}: the key '{key}' is required") from None
        message = first["msg"].removeprefix("Value error, ")
        prefix = f"{key}: " if key else ""
        raise InputError(f"{where}: {prefix}{message}") from None


def _unknown_keys(
    annotation: Any, value: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Walk values beside their types; yield each unknown key and the known ones."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        found = [list(_unknown_keys(a, value, path)) for a in arguments]
        # A value fits a union if it fits one of its dataclasses.
        is_config = [dataclasses.is_dataclass(argument) for argument in arguments]
        candidates = [f for f, config in zip(found, is_config, strict=True) if config]
        yield from min(candidates or found, key=len)
    elif dataclasses.is_dataclass(annotation) and isinstance(value, Mapping):
        hints = typing.get_type_hints(annotation)
        known = [field.name for field in dataclasses.fields(annotation) if field.init]
        for key, item in value.items():
            if key not in known:
                yield (*path, str(key)), known
            else:
                yield from _unknown_keys(hints[key], item, (*path, str(key)))
    elif isinstance(value, Mapping) and len(arguments) == 2:
        for key, item in value.items():
            yield from _unknown_keys(arguments[1], item, (*path, str(key)))
    elif isinstance(value, list | tuple) and arguments:
        for index, item in enumerate(value):
            yield from _unknown_keys(arguments[0], item, (*path, str(index)))


def _unknown_key(path: tuple[str, ...], known: list[str]) -> str:
    near = difflib.get_close_matches(path[-1], known, n=1, cutoff=0.5)
    advice = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
    return f"unknown key '{'.'.join(path)}'; {advice}"


def _override(mapping: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise InputError(f"'{override}' is not of the form key=value")
    *parents, last = key.strip().split(".")
    for parent in parents:
        mapping = mapping.setdefault(parent, {})
        if not isinstance(mapping, dict):
            raise InputError(f"'{override}': '{parent}' holds no keys")
    try:
        mapping[last] = yaml.load(text, _Loader)
    except yaml.YAMLError:
        raise InputError(f"'{override}': the value is not valid YAML") from None


def _fill_variables(value: Any, where: str) -> Any:
    """Replace ``${NAME:-default}`` in every string of nested lists and mappings."""
    if isinstance(value, dict):
        return {key: _fill_variables(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill_variables(item, where) for item in value]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        filled = os.environ.get(match["name"]) or match["default"]
        if filled is None:
            raise InputError(f"{where}: set the environment variable {match['name']}")
        return filled

    return _VARIABLE.sub(replacement, value)


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a repeated key is an error and ``1e-3`` is a number."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # the base class says what is wrong with it
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(f"^(?:{_FLOAT.pattern})$"),
    list("-+0123456789."),
)
