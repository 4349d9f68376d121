"""What tests of the widgets share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scenes import two_crossing as SCENE
from widgets.desk import Desk


@pytest.fixture
def desk(make_napari_viewer: Callable[..., Any]) -> Desk:
    """The first cell is clicked on the first frame."""
    desk = Desk(make_napari_viewer(), SCENE.images, SCENE.truth)
    desk.begin(1)
    return desk
