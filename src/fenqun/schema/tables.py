"""Column names and Arrow schemas of the tables of a run directory."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

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


def placements(user_type: pa.DataType) -> pa.Schema:
    """What ``fenqun assign`` writes: ``memberships.parquet``, and what each user was placed by.

    ``placed_by`` is ``events`` where the run's own rule decided, else what was heard, joined by ``+``: ``attributes``,
    ``events`` (few), ``links``; ``prior`` where nothing is known, which is the largest segment. ``probability`` is
    calibrated: how likely the user's whole history would lead to the same segment; null where the run's rule decided.
    """
    return pa.schema(
        [
            *memberships(user_type),
            pa.field("placed_by", pa.string(), False),
            pa.field("probability", pa.float32(), True),
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

CLICK_FIGURES = pa.schema(
    [
        pa.field(SEGMENT, pa.string(), True),  # null: everyone
        pa.field("strategy", pa.string(), True),  # whose segments' lists; null: what was shown
        pa.field("policy", pa.string(), True),  # that made the impressions; null: all of them
        pa.field("position", pa.int32(), True),  # null: all positions
        pa.field("metric", pa.string(), False),  # ctr | conversion | value | examination
        # observed | position_corrected | position_model | replay | ips | snips
        pa.field("estimator", pa.string(), False),
        pa.field("value", pa.float64(), True),  # null: refused, note says why
        pa.field("low", pa.float64(), True),
        pa.field("high", pa.float64(), True),
        pa.field("n", pa.int64(), False),  # impressions
        pa.field("users", pa.int64(), False),
        pa.field("effective_n", pa.float64(), True),
        pa.field("difference", pa.float64(), True),  # less what was shown in the same impressions
        pa.field("difference_low", pa.float64(), True),
        pa.field("difference_high", pa.float64(), True),
        pa.field("q", pa.float64(), True),  # against everyone else, after Benjamini-Hochberg over the segments
        pa.field("note", pa.string(), False),  # codes, apart by blanks
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


RECOMMENDATION_FIGURES = pa.schema(
    [
        pa.field(SEGMENT, pa.string(), True),  # null: all users
        pa.field("scope", pa.string(), False),  # segment: one list for all of it | user: one list each
        pa.field("recommender", pa.string(), False),  # a name, or `chosen`: each segment's own winner
        pa.field("metric", pa.string(), False),
        pa.field("value", pa.float64(), True),
        pa.field("low", pa.float64(), True),
        pa.field("high", pa.float64(), True),
        pa.field("n", pa.int64(), False),
        pa.field("difference", pa.float64(), True),  # paired: less popularity
        pa.field("difference_low", pa.float64(), True),
        pa.field("difference_high", pa.float64(), True),
        pa.field("p", pa.float64(), True),  # paired t-test of the difference
        pa.field("q", pa.float64(), True),  # after Benjamini-Hochberg over segments, recommenders and scopes
        pa.field("better", pa.string(), False),  # higher | lower
        pa.field("chosen", pa.bool_(), False),
    ]
)
