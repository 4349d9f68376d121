"""Numbers that settings hold; one out of range is an error that names its key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Side = Annotated[int, Field(ge=32)]
"""Of a movie, in pixels."""
Share = Annotated[float, Field(ge=0, le=1)]
