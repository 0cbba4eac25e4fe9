"""Column names, Arrow schemas and JSON models of every artifact of the run directory.

The run directory is a public contract: other programs read it. What other programs may rely on is
written here and nowhere else; everything under ``work/`` is private.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1

USER, ITEM, TIME = "user_id", "item_id", "timestamp"
EVENT_TYPE, VALUE, QUANTITY, DURATION, SESSION, CURRENCY = (
    "event_type",
    "value",
    "quantity",
    "duration",
    "session",
    "currency",
)
TEXT, CATEGORY, PRICE, IMAGE, AUDIO = "text", "category", "price", "image", "audio"
SEGMENT = "segment_id"
ONE_ITEM = "event"
"""Item id of every event of a log without a catalogue."""


def vector_type(width: int) -> pa.DataType:
    """Arrow type of a vector of ``width`` float32."""
    return pa.list_(pa.float32(), width)


def item_vectors(item_type: pa.DataType, width: int) -> pa.Schema:
    """``item_vectors.parquet``: one row an item of the catalogue or the log."""
    return pa.schema([pa.field(ITEM, item_type, False), pa.field("vector", vector_type(width), False)])


def user_vectors(user_type: pa.DataType, widths: dict[str, int]) -> pa.Schema:
    """``user_vectors.parquet``: one row a user; ``widths`` maps ``vector`` and each block to its width."""
    fields = [pa.field(USER, user_type, False)]
    fields += [pa.field(name, vector_type(width), False) for name, width in widths.items()]
    return pa.schema(fields)


def forecasts(user_type: pa.DataType, names: Sequence[str]) -> pa.Schema:
    """``forecasts.parquet``: one row a user, one column an outcome."""
    fields = [pa.field(USER, user_type, False)]
    return pa.schema(fields + [pa.field(name, pa.float64(), False) for name in names])


def user_map(user_type: pa.DataType) -> pa.Schema:
    """``map.parquet``: one row a user."""
    return pa.schema(
        [pa.field(USER, user_type, False), pa.field("x", pa.float32(), False), pa.field("y", pa.float32(), False)]
    )


WEIGHT = pa.struct([pa.field(SEGMENT, pa.string(), False), pa.field("weight", pa.float32(), False)])


def memberships(user_type: pa.DataType) -> pa.Schema:
    """``memberships.parquet``: every kept user once.

    ``confidence`` is ``(d2 - d1) / (d2 + d1)`` of the distances to the two nearest centroids;
    ``noise`` marks users that the clusterer left out and that went to the nearest segment.
    """
    return pa.schema(
        [
            pa.field(USER, user_type, False),
            pa.field(SEGMENT, pa.string(), False),
            pa.field("confidence", pa.float32(), False),
            pa.field("runner_up_id", pa.string(), True),
            pa.field("weights", pa.list_(WEIGHT), False),
            pa.field("noise", pa.bool_(), False),
        ]
    )


TRIALS = pa.schema(
    [
        pa.field("strategy", pa.string(), False),
        pa.field("reducer", pa.string(), False),
        pa.field("clusterer", pa.string(), False),
        pa.field("parameters", pa.string(), False),  # JSON
        pa.field("k", pa.int32(), False),
        pa.field("metrics", pa.string(), False),  # JSON: metric -> number, null where it has no meaning
        pa.field("verdict", pa.string(), False),  # chosen | lost | rejected
        pa.field("why", pa.string(), False),
    ]
)

SEARCH = pa.schema(
    [
        pa.field("trial", pa.int32(), False),
        pa.field("settings", pa.string(), False),  # JSON: dotted path -> value
        pa.field("blocks", pa.string(), True),  # those that the gate kept
        pa.field("lift", pa.float64(), True),
        pa.field("lift_se", pa.float64(), True),
        pa.field("value", pa.float64(), True),
        pa.field("value_se", pa.float64(), True),
        pa.field("state", pa.string(), False),  # finished | pruned | failed
        pa.field("verdict", pa.string(), False),  # chosen | lost
        pa.field("why", pa.string(), False),
    ]
)

COMPARISON = pa.schema(
    [
        pa.field("strategy", pa.string(), False),
        pa.field("k", pa.int32(), False),
        pa.field("metric", pa.string(), False),
        pa.field("axis", pa.string(), False),  # lists | value | shape | stability | labels
        pa.field("value", pa.float64(), True),
        pa.field("low", pa.float64(), True),
        pa.field("high", pa.float64(), True),
        pa.field("n", pa.int64(), False),
        pa.field("null", pa.float64(), True),  # the same computation on data whose columns were permuted
        pa.field("difference", pa.float64(), True),  # paired: this strategy less `learned`
        pa.field("difference_low", pa.float64(), True),
        pa.field("difference_high", pa.float64(), True),
        pa.field("better", pa.string(), False),  # higher | lower
    ]
)

SEGMENTS = pa.schema(
    [
        pa.field(SEGMENT, pa.string(), False),
        pa.field("parent_id", pa.string(), True),
        pa.field("name", pa.string(), False),
        pa.field("name_en", pa.string(), False),
        pa.field("name_zh", pa.string(), False),
        pa.field("size", pa.int64(), False),
        pa.field("share", pa.float64(), False),
        pa.field("card", pa.string(), False),  # JSON: Card
        pa.field("drivers", pa.string(), False),  # JSON: list of Driver
    ]
)


def recommendations(item_type: pa.DataType) -> pa.Schema:
    """``recommendations.parquet``: one row a (segment, rank)."""
    return pa.schema(
        [
            pa.field(SEGMENT, pa.string(), False),
            pa.field("rank", pa.int32(), False),
            pa.field(ITEM, item_type, False),
            pa.field("score", pa.float64(), False),
            pa.field("recommender", pa.string(), False),
        ]
    )


def user_recommendations(user_type: pa.DataType, item_type: pa.DataType) -> pa.Schema:
    """``user_recommendations.parquet``: one row a (user, rank)."""
    return pa.schema(
        [
            pa.field(USER, user_type, False),
            pa.field("rank", pa.int32(), False),
            pa.field(ITEM, item_type, False),
            pa.field("score", pa.float64(), False),
        ]
    )


class Model(BaseModel):
    """Base of the JSON models."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Driver(Model):
    """One trait in which a segment differs from everyone.

    ``feature`` is a column of the profile (``kind='trait'``), a category (``'category'``) or an
    attribute value (``'attribute'``, written ``column=value``). ``effect`` is Cohen's d for traits
    and the log2 ratio of shares otherwise; ``q`` is the p-value after Benjamini-Hochberg.
    """

    kind: Literal["trait", "category", "attribute"]
    feature: str
    effect: float
    segment: float
    everyone: float
    q: float


class CardItem(Model):
    """An item over-represented in a segment: ``lift`` is share here over share everywhere."""

    item_id: str
    text: str
    category: str | None = None
    users: int
    lift: float


class Card(Model):
    """What a segment is: codes and figures, no sentences."""

    items: list[CardItem]
    hours: list[float]  # 24 shares of the segment's events, local time
    weekdays: list[float]  # 7 shares, Monday first
    traits: dict[str, float]  # medians of readable profile columns
    typical_users: list[str]
    confidence: float  # median over members
    kind: Literal["natural", "reproducible", "constructive"]
    jaccard: float | None = None  # bootstrap stability of this segment, None where not computed


class RuleCount(Model):
    """What one quality rule did. ``rows`` counts rows of ``table`` that it touched."""

    rule: str
    table: Literal["events", "items", "users", "links"]
    action: Literal["reject", "repair", "keep", "drop", "impute"]
    rows: int
    note: str = ""


class TableCount(Model):
    """Row account of one table: ``read == kept + rejected``."""

    table: Literal["events", "items", "users", "links"]
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
    notices: list[str] = []


class StageRecord(Model):
    """One finished stage of a run."""

    name: str
    fingerprint: str
    outputs: list[str]
    seconds: float
    peak_mb: float
    figures: dict[str, Any] = {}


class Manifest(Model):
    """``run.json``."""

    schema_version: int = SCHEMA_VERSION
    id: str
    status: Literal["running", "done", "interrupted", "failed"]
    as_of: str | None = None
    seed: int
    fingerprint: str
    versions: dict[str, str]
    stages: list[StageRecord] = []
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
    notes: list[str] = []
