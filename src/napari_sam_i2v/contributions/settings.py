"""What a user has set for the plugin in napari's preferences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_sam_i2v.checkpoints import cache_folder
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
        Where downloads go; ``None`` for the usual place.
    memory_limit_gb
        Layers that take more memory than this are read frame by frame.
    """

    model: str = DEFAULT_MODEL
    device: str = "auto"
    cache_folder: Path | None = None
    memory_limit_gb: float = 4.0

    @property
    def downloads(self) -> Path:
        """Folder for downloads; it need not exist yet."""
        return self.cache_folder or cache_folder()

    def fits_memory(self, n_bytes: int) -> bool:
        """Whether an array may be held in memory as a whole."""
        return n_bytes <= self.memory_limit_gb * 2**30


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
