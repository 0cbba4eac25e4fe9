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
    ``noise`` marks users that the clusterer left out and that went to the nearest segment. ``tier`` is a
    code of ``tiers.json``, ``tier_score`` the prediction that it is cut on; both null where nothing is forecast.
    ``macro_id`` and ``micro_id`` are rows of ``hierarchy.parquet``, null where the segment has no such level.
    """
    return pa.schema(
        [
            pa.field(USER, user_type, False),
            pa.field(SEGMENT, pa.string(), False),
            pa.field("confidence", pa.float32(), False),
            pa.field("runner_up_id", pa.string(), True),
            pa.field("weights", pa.list_(WEIGHT), False),
            pa.field("noise", pa.bool_(), False),
            pa.field("tier", pa.string(), True),
            pa.field("tier_score", pa.float64(), True),
            pa.field("macro_id", pa.string(), True),
            pa.field("micro_id", pa.string(), True),
        ]
    )


def contexts(user_type: pa.DataType) -> pa.Schema:
    """``contexts.parquet``: one row a (user, context, value) with enough events.

    ``segment_id`` and ``weights`` are those of the user with the taste of these events alone. ``p`` and ``q`` (after
    Benjamini-Hochberg over users) are of the user's difference between the values of the context, the same in all its rows,
    null where it was not tested; ``differs`` is whether it is established.
    """
    return pa.schema(
        [
            pa.field(USER, user_type, False),
            pa.field("context", pa.string(), False),
            pa.field("value", pa.string(), False),
            pa.field("events", pa.int32(), False),
            pa.field("visits", pa.int32(), False),
            pa.field(SEGMENT, pa.string(), False),
            pa.field("weights", pa.list_(WEIGHT), False),
            pa.field("p", pa.float64(), True),
            pa.field("q", pa.float64(), True),
            pa.field("differs", pa.bool_(), False),
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
        pa.field("k", pa.int32(), True),
        # gain: over the settings as given at as many segments
        *(
            pa.field(f"{figure}{part}", pa.float64(), True)
            for figure in ("goal", "lift", "value")
            for part in ("", "_se", "_gain", "_gain_se")
        ),
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
        pa.field("naming", pa.string(), False),  # JSON: Naming
    ]
)

HIERARCHY = pa.schema([*SEGMENTS, pa.field("level", pa.string(), False)])  # macro | micro
"""``hierarchy.parquet``: what lies above and below the segments, in their own columns."""


MIGRATION = pa.schema(
    [
        pa.field("from_id", pa.string(), True),  # null: newcomers
        pa.field("to_id", pa.string(), True),  # null: leavers
        pa.field("users", pa.int64(), False),
        pa.field("share_of_from", pa.float64(), True),
        pa.field("share_of_to", pa.float64(), True),
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


class Claim(Model):
    """What a language model said of a segment, and what held-out events say to it.

    ``feature`` is one of those that the model was shown, else the verdict is ``unknown``. ``value`` and ``everyone`` are held-out
    figures as in :class:`Driver` (for an item: the share of users who took it), ``n`` the users
    behind ``value``; a claim with another verdict than ``holds`` is struck.
    """

    kind: Literal["category", "item", "trait", "attribute"]
    feature: str
    direction: Literal["more", "less"]
    times: float | None = None  # how many times everyone's share, as claimed
    verdict: Literal["holds", "fails", "untested", "unknown"]
    value: float | None = None
    everyone: float | None = None
    q: float | None = None
    n: int = 0


class Naming(Model):
    """Where a segment's name comes from.

    ``reason`` is a code: why the name is not the language model's although one was asked, or why
    its description was left out. ``warnings`` are codes of :mod:`fenqun.explanation.lint` and the
    words that they are about, ``code:word``.
    """

    source: Literal["rules", "model", "person"]
    rule_en: str
    rule_zh: str
    reason: str = ""
    detail: str = ""
    description_en: str = ""
    description_zh: str = ""
    claims: list[Claim] = []
    warnings: list[str] = []


class GivenName(Model):
    """A name that a person gave, in both languages."""

    en: str
    zh: str


class GivenNames(Model):
    """``names.json``: names that persons gave, by segment; nothing but ``fenqun rename`` writes them."""

    schema_version: int = SCHEMA_VERSION
    names: dict[str, GivenName] = {}


class RuleCondition(Model):
    """One condition of a rule: a readable feature lies above ``above`` and is at most ``at_most``; null: no bound.

    ``kind`` and ``feature`` are as in :class:`Driver`; an attribute's level is 1 where a user has it, else 0.
    """

    kind: Literal["trait", "category", "attribute"]
    feature: str
    above: float | None = None
    at_most: float | None = None


class SegmentRule(Model):
    """Conditions that together speak for a segment, judged on users held out.

    ``source`` is the tree that tells all segments apart, or one that tells this segment alone from everyone else.
    ``users`` meet the conditions, ``precision`` of these are in the segment, and they are ``recall`` of it.
    """

    segment_id: str
    source: Literal["tree", "alone"]
    conditions: list[RuleCondition]
    users: int
    precision: float | None
    recall: float | None


class Fidelity(Model):
    """How often the segment is told right on users held out; ``balanced`` counts every segment alike."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced: float
    balanced_low: float
    balanced_high: float


class FeatureImportance(Model):
    """What a readable feature tells: the fall of balanced accuracy when it is shuffled among users held out.

    ``shap`` is the mean absolute SHAP value by segment, null unless asked for.
    """

    kind: Literal["trait", "category", "attribute"]
    feature: str
    fall: float
    low: float
    high: float
    shap: dict[str, float] | None = None


class RuleTable(Model):
    """``rules.json``: the segments said in short rules, and how well that works.

    ``tree`` is of the tree's rules, ``forest`` of many trees on the same features, ``majority`` of always naming the
    largest segment; ``unsaid`` are segments that the tree has no rule for.
    """

    schema_version: int = SCHEMA_VERSION
    depth: int
    learned_on: int
    judged_on: int
    tree: Fidelity
    forest: Fidelity
    majority: Fidelity
    rules: list[SegmentRule]
    unsaid: list[str]
    importance: list[FeatureImportance]


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


class SegmentMatch(Model):
    """A segment that lives on: ``score`` is the mean of ``jaccard`` (shared users) and ``nearness`` (centroids)."""

    segment_id: str
    score: float
    jaccard: float
    nearness: float


class SegmentFlow(Model):
    """A segment that fell into others, or was put together from them, with the shares of shared users."""

    segment_id: str
    others: list[str]
    shares: list[float]


class Identity(Model):
    """``identity.json``: what became of the segments of the run before.

    ``way`` says how the published segments were fitted: ``unchanged`` (same users, same vectors), ``continued`` from the
    earlier centroids, or ``fresh``, and ``why`` is the code of the reason. ``spread`` is the mean squared distance to
    the centroid over that of a fit from scratch, ``moved`` the share of shared users whose id changed, ``alignment``
    the share of their variance that the aligned earlier vectors explain. ``used`` holds every id ever given.
    """

    schema_version: int = SCHEMA_VERSION
    previous: str
    way: Literal["unchanged", "continued", "fresh"]
    why: Literal["same", "near", "choice", "shape", "small", "spread"]
    spread: float | None = None
    matches: list[SegmentMatch]
    births: list[str]
    deaths: list[str]
    splits: list[SegmentFlow]
    merges: list[SegmentFlow]
    survived: int
    segments_before: int
    shared_users: int
    ari: float
    moved: float
    alignment: float
    used: list[str]


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


class ReliabilityBin(Model):
    """Some users with predictions near each other: what was expected of them on average, and what was seen."""

    n: int
    predicted: float
    seen: float


class Tier(Model):
    """One tier: ``predicted`` is the mean of the published users, ``judged_*`` are those before the held-out time."""

    tier: str
    name_en: str
    name_zh: str
    size: int
    share: float
    predicted: float | None
    judged_users: int
    judged_predicted: float | None
    judged_seen: float | None


class TierContest(Model):
    """How much of an outcome's variance one way to group users explains; differences are tiers less this one."""

    outcome: Literal["value", "events"]
    grouping: Literal["tiers", "rfm_kmeans", "rfm_cuts"]
    groups: int
    value: float | None
    low: float | None
    high: float | None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    n: int


class Calibration(Model):
    """How far predictions mean what they say on held-out time.

    ``total`` is the sum of predictions over what was seen. ``r2`` is of numbers, ``auc``, ``brier`` and ``ece``
    (expected calibration error) of chances; others are null.
    """

    outcome: str
    n: int
    total: float | None
    r2: float | None = None
    auc: float | None = None
    brier: float | None = None
    ece: float | None = None
    bins: list[ReliabilityBin]


class TierTable(Model):
    """``tiers.json``: the rule that places users, what the tiers hold, and how they were judged.

    A user whose prediction is at or above a cut is above it; one above the lowest cut whose present value is at most
    ``low_present`` is in the tier ``TP``. ``judged_days`` is the held-out time that the horizon reaches into.
    """

    schema_version: int = SCHEMA_VERSION
    of: str
    method: Literal["kmeans", "share", "value", "cost"]
    horizon_days: float
    judged_days: float
    cuts: list[float]
    low_present: float | None
    tiers: list[Tier]
    calibration: list[Calibration]
    contest: list[TierContest]


class ContextCategory(Model):
    """A category that users take more of in one context: ``z`` of the log-odds against their other contexts.

    ``here`` and ``elsewhere`` are mean shares of a user's events.
    """

    category: str
    z: float
    here: float
    elsewhere: float


class ContextValue(Model):
    """What the users of a segment who differ do in one context.

    ``elsewhere`` of the ``users`` would lie in another segment there, most of them in ``to_id``, null where too few do.
    """

    value: str
    users: int
    elsewhere: int
    to_id: str | None
    categories: list[ContextCategory]


class SegmentContext(Model):
    """Users of a segment of whom it could be tested whether they differ between the values of a context, and who do.

    ``low`` and ``high`` bound the share. ``values`` is empty where too few users differ to speak of them.
    """

    segment_id: str
    context: str
    tested: int
    differ: int
    low: float | None
    high: float | None
    values: list[ContextValue]


class ContextTotal(Model):
    """All users in one context: how many have enough events in any value, were tested, and differ."""

    context: str
    users: int
    tested: int
    differ: int


class ContextTable(Model):
    """``contexts.json``: who behaves differently where, by segment.

    Users are said to differ so that a share ``false_discovery`` of them is expected to be wrong.
    """

    schema_version: int = SCHEMA_VERSION
    false_discovery: float
    min_events: int
    min_visits: int
    draws: int
    least_users: int
    totals: list[ContextTotal]
    segments: list[SegmentContext]


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
