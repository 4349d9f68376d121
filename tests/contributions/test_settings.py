"""Preferences of the plugin, with and without napari's part in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from napari import settings as napari_settings

from napari_sam_i2v.checkpoints import CACHE_VARIABLE, cache_folder
from napari_sam_i2v.contributions.settings import (
    PluginSettings,
    plugin_settings,
    use_preferred_cache,
)
from napari_sam_i2v.session.settings import DEFAULT_MODEL

pytest.importorskip("napari.settings._plugin_settings")


def test_the_manifest_and_the_class_agree_on_defaults(preferences: Any) -> None:
    assert plugin_settings() == PluginSettings()
    assert plugin_settings().model == DEFAULT_MODEL == preferences.model


def test_what_is_set_is_read(
    preferences: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    usual = cache_folder()
    preferences.model = " mine "
    preferences.device = "cpu"
    preferences.cache_folder = str(tmp_path)
    preferences.memory_limit_gb = 0.5
    found = plugin_settings()
    assert found == PluginSettings(
        model="mine", device="cpu", cache_folder=tmp_path, memory_limit_gb=0.5
    )
    use_preferred_cache()
    assert cache_folder() == tmp_path
    preferences.cache_folder = ""
    use_preferred_cache()
    assert cache_folder() == usual
    assert found.fits_memory(2**29)
    assert not found.fits_memory(2**29 + 1)


def test_the_environment_comes_before_preferences(
    preferences: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mine"))
    preferences.cache_folder = str(tmp_path / "other")
    use_preferred_cache()
    assert cache_folder() == tmp_path / "mine"


@pytest.mark.parametrize(
    ("name", "value"), [("device", "abacus"), ("memory_limit_gb", 0)]
)
def test_nonsense_is_refused_by_napari(
    preferences: Any, name: str, value: object
) -> None:
    with pytest.raises(ValueError, match=name):
        setattr(preferences, name, value)


def test_without_the_plugin_defaults_hold(npe2pm: Any, request: Any) -> None:
    request.getfixturevalue("plugin_settings")
    assert plugin_settings() == PluginSettings()


def test_an_older_napari_has_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(napari_settings, "get_plugin_settings")
    assert plugin_settings() == PluginSettings()
