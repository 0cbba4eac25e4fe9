"""``run.json`` and ``metrics.json``: what was done, and its headline figures."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from fenqun.schema.base import SCHEMA_VERSION, Model


class StageRecord(Model):
    """One finished stage of a run."""

    name: str
    fingerprint: str
    outputs: list[str]
    seconds: float
    peak_mb: float
    figures: dict[str, Any] = Field({})


class Manifest(Model):
    """``run.json``."""

    schema_version: int = SCHEMA_VERSION
    id: str
    status: Literal["running", "done", "interrupted", "failed"]
    as_of: str | None = None
    seed: int
    fingerprint: str
    versions: dict[str, str]
    stages: list[StageRecord] = Field([])
    error: str | None = None


class Metric(Model):
    """One headline figure with how it was obtained."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    protocol: str


class Metrics(Model):
    """``metrics.json``."""

    schema_version: int = SCHEMA_VERSION
    metrics: list[Metric]
    notes: list[str] = Field([])
