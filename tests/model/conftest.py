"""Models for the tests of their parts."""

from __future__ import annotations

import pytest

from napari_sam_i2v.model.devices import keep_freed_memory
from napari_sam_i2v.model.sam_i2v import SamI2V
from reference import REFERENCE, recipe_model
from tiny import SWITCHES, tiny_model


@pytest.fixture(scope="session")
def released() -> SamI2V:
    """The released architecture with the weights the vectors were made with."""
    if not REFERENCE.is_dir():
        pytest.skip("needs the reference vectors")
    keep_freed_memory()  # as the engine does: page faults would take half the time
    return recipe_model()


@pytest.fixture(scope="session", params=SWITCHES, ids=str)
def model(request: pytest.FixtureRequest) -> SamI2V:
    """A tiny member of the family, once with either setting of its switches."""
    return tiny_model(request.param)
