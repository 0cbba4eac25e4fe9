"""``quality.json``: what was read, kept, repaired and rejected."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fenqun.schema.base import SCHEMA_VERSION, Model


class RuleCount(Model):
    """What one quality rule did. ``rows`` counts rows of ``table`` that it touched."""

    rule: str
    table: Literal["events", "items", "users", "links", "impressions"]
    action: Literal["reject", "repair", "keep", "drop", "impute"]
    rows: int
    note: str = ""


class TableCount(Model):
    """Row account of one table: ``read == kept + rejected``."""

    table: Literal["events", "items", "users", "links", "impressions"]
    read: int
    kept: int
    rejected: int


class QualityReport(Model):
    """``quality.json``."""

    schema_version: int = SCHEMA_VERSION
    tables: list[TableCount]
    rules: list[RuleCount]
    users: int
    items: int
    first_event: str
    last_event: str
    notices: list[str] = Field([])
