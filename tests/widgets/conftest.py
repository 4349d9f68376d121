"""What tests of the widgets share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from napari.utils.notifications import notification_manager


@pytest.fixture
def notes() -> Iterator[list[str]]:
    """What the user was told, as ``severity: message``."""
    said: list[str] = []

    def listen(note: Any) -> None:
        said.append(f"{note.severity.value}: {note.message}")

    notification_manager.notification_ready.connect(listen)
    yield said
    notification_manager.notification_ready.disconnect(listen)
