"""What napari's preferences say is what the widgets begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from napari_sam_i2v.widgets.track import TrackWidget

pytest.importorskip("napari.settings._plugin_settings")
pytestmark = pytest.mark.qt


def test_a_new_widget_begins_with_what_is_preferred(
    preferences: Any, make_napari_viewer: Callable[..., Any]
) -> None:
    viewer = make_napari_viewer()
    before = TrackWidget(viewer)
    assert before.movie.model.currentText() == "sam-i2v-cell"
    assert before.movie.device.currentText() == "auto"
    preferences.model = "threshold"
    preferences.device = "cpu"
    after = TrackWidget(viewer)
    assert after.movie.model.currentText() == "threshold"
    assert after.movie.device.currentText() == "cpu"
    before.close()
    after.close()
