"""What a user has set for the plugin in napari's preferences."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from napari_sam_i2v.checkpoints import CACHE_VARIABLE
from napari_sam_i2v.session.settings import DEFAULT_MODEL

PLUGIN = "napari-sam-i2v"


@dataclass(frozen=True, kw_only=True)
class PluginSettings:
    """Preferences, or what holds where there are none.

    Attributes
    ----------
    model
        Name of the model that the tracking widget begins with.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    cache_folder
        Where downloads and fine-tuned models go; ``None`` for the usual place.
    memory_limit_gb
        Layers that take more memory than this are read frame by frame.
    """

    model: str = DEFAULT_MODEL
    device: str = "auto"
    cache_folder: Path | None = None
    memory_limit_gb: float = 4.0

    def fits_memory(self, n_bytes: int) -> bool:
        """Whether an array may be held in memory as a whole."""
        return n_bytes <= self.memory_limit_gb * 2**30


_followed: dict[str, str] = {}
"""Environment variables that say what a preference says."""


def plugin_settings() -> PluginSettings:
    """Read the preferences.

    Returns
    -------
    PluginSettings
        The defaults where napari keeps no settings of plugins yet (before 0.9), or
        does not know the plugin.
    """
    try:
        from napari.settings import get_plugin_settings

        tracking = get_plugin_settings(PLUGIN).tracking
    except (ImportError, KeyError, AttributeError):
        return PluginSettings()
    folder = tracking.cache_folder.strip()
    return PluginSettings(
        model=tracking.model.strip() or DEFAULT_MODEL,
        device=tracking.device,
        cache_folder=Path(folder).expanduser() if folder else None,
        memory_limit_gb=tracking.memory_limit_gb,
    )


def use_preferred_cache() -> None:
    """Have the whole program, and its children, keep to the cache folder set there.

    A folder that the environment names comes first.
    """
    folder = plugin_settings().cache_folder
    if os.environ.get(CACHE_VARIABLE) != _followed.get(CACHE_VARIABLE):
        return  # it is the user's own
    if folder is not None:
        os.environ[CACHE_VARIABLE] = _followed[CACHE_VARIABLE] = str(folder)
    elif CACHE_VARIABLE in _followed:
        del os.environ[CACHE_VARIABLE], _followed[CACHE_VARIABLE]
