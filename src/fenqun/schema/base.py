"""Version of the run directory, and the base of its JSON models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1


class Model(BaseModel):
    """Base of the JSON models."""

    model_config = ConfigDict(frozen=True, extra="forbid")
