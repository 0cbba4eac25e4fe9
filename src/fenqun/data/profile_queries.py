"""The SQL of a profile, in parts that each say which columns they bring.

Sums are exact (integers and decimals), so no figure depends on the order of rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fenqun.data.traits import half_life_name
from fenqun.engines.duckdb import literal

_DAY = 86400.0
_QUARTERS = (("night", 0), ("morning", 6), ("afternoon", 12), ("evening", 18))


@dataclass(frozen=True)
class Part:
    """One query with a row a user, and the columns (SQL, name) that a profile takes from it."""

    name: str
    sql: str
    columns: tuple[tuple[str, str], ...]


def exact_sum(expression: str, scale: int) -> str:
    """Return the SQL of a sum of doubles that does not depend on the order of rows.

    Each addend is rounded to ``scale`` decimals; beyond ±10^18 it is clipped, far above anything that
    the rules of quality let pass.
    """
    return f"CAST(sum(CAST({clip(expression, '-1e18', '1e18')} AS DECIMAL(38, {scale}))) AS DOUBLE)"


def clip(expression: str, low: str, high: str) -> str:
    """Return the SQL of a value kept within bounds; null stays null, which greatest() and least() ignore."""
    return f"CASE WHEN {expression} < {low} THEN {low} WHEN {expression} > {high} THEN {high} ELSE {expression} END"


def _not_negative(expression: str) -> str:
    return f"CASE WHEN {expression} < 0 THEN 0 ELSE {expression} END"


def totals(source: str, half_lives: Sequence[float], now: int, has_value: bool) -> Part:
    """Counters and decayed sums over all events."""
    age = f"greatest({now} - second, 0)"
    n, tenure = "n_events", f"({_not_negative(f'{now} - epoch_us(first_event) / 1e6')}) / {_DAY}"
    aggregates = [
        "count(*) AS n_events",
        "min(moment) AS first_event",
        "max(moment) AS last_event",
        "max(position) AS newest",
    ]
    columns = [
        ("first_event", "first_event"),
        ("last_event", "last_event"),
        ("coalesce(n_events, 0)", "n_events"),
        (f"({_not_negative(f'{now} - epoch_us(last_event) / 1e6')}) / {_DAY}", "recency_days"),
        (tenure, "tenure_days"),
        (f"{n} / greatest({tenure} / 7, 1)", "frequency"),
    ]
    names = [half_life_name(half_life) for half_life in half_lives]
    for name, half_life in zip(names, half_lives, strict=True):
        decay = f"pow(2, -({age}) / {half_life!r})"
        aggregates.append(f"{exact_sum(decay, 12)} AS heat_{name}")
        columns.append((f"heat_{name}", f"heat_{name}"))
        if has_value:
            aggregates.append(f"{exact_sum(f'value * {decay}', 9)} AS value_heat_{name}")
            columns.append((f"value_heat_{name}", f"value_heat_{name}"))
    if has_value:
        aggregates.append(f"{exact_sum('value', 6)} AS monetary")
        columns.append(("monetary", "monetary"))
    if len(half_lives) > 1:
        columns.append((_trend("heat_", "1", half_lives, tenure), "trend"))
        if has_value:
            worth = f"(monetary / {n})"
            columns.append(
                (
                    f"CASE WHEN monetary > 0 THEN {_trend('value_heat_', worth, half_lives, tenure)} END",
                    "value_trend",
                )
            )
    return Part("totals", f"SELECT user, {', '.join(aggregates)} FROM {source} GROUP BY user", tuple(columns))


def _trend(prefix: str, unit: str, half_lives: Sequence[float], tenure: str) -> str:
    """SQL of the log ratio of the daily rates over the shortest and the longest half-life.

    A steady rate r over a tenure T leaves heat r * H / ln 2 * (1 - 2^(-T/H)); dividing by that makes
    the ratio 1 for a steady user, new or old. A tenth of a unit of the longest heat is added to both
    rates, so that silence gives a finite decline.
    """
    short, long = half_lives[0], half_lives[-1]

    def rate(half_life: float) -> str:
        days = half_life / _DAY
        share = f"(1 - pow(2, -greatest({tenure}, 1) / {days!r}))"
        heat = _not_negative(f"{prefix}{half_life_name(half_life)}")
        return f"({heat}) * {math.log(2) / days!r} / {share}"

    prior = f"{unit} * {0.1 * math.log(2) / (long / _DAY)!r}"
    return f"ln(({rate(short)} + {prior}) / ({rate(long)} + {prior}))"


def recent_events(has: dict[str, bool], windows: Sequence[float], now: int) -> Part:
    """Counts, values, durations and shares over the last events; some also over windows of seconds before now."""
    aggregates = ["count(*) AS n_recent", "count(DISTINCT CAST(local AS DATE)) AS n_days"]
    aggregates.append("count(*) FILTER (isodow(local) >= 6) / count(*) AS share_weekend")
    names = ["n_days", "share_weekend"]
    for window in windows:
        name, inside = half_life_name(window), f"FILTER (second >= {now} - {window!r})"
        aggregates.append(f"count(*) {inside} AS events_{name}")
        aggregates.append(f"count(DISTINCT CAST(local AS DATE)) {inside} AS days_{name}")
        names += [f"events_{name}", f"days_{name}"]
        if has["value"]:
            within = f"CASE WHEN second >= {now} - {window!r} THEN value ELSE 0 END"
            aggregates.append(f"{exact_sum(within, 6)} AS value_{name}")
            names.append(f"value_{name}")
    if has["items"]:
        aggregates.append("count(DISTINCT item) AS n_items")
        aggregates.append("1 - count(DISTINCT item) / count(*) AS repeat_share")
        names += ["n_items", "repeat_share"]
    if has["value"]:
        aggregates.append(f"{exact_sum('value', 6)} / count(value) AS mean_value")
        names.append("mean_value")
        for name, share in (("value_p25", 0.25), ("value_p50", 0.5), ("value_p90", 0.9)):
            aggregates.append(f"quantile_cont(value, {share}) AS {name}")
            names.append(name)
    if has["duration"]:
        aggregates.append(f"{exact_sum('duration', 6)} / count(duration) AS duration_mean")
        aggregates.append(f"{exact_sum('duration', 6)} AS duration_total")
        names += ["duration_mean", "duration_total"]
    if has["hours"]:
        for name, start in _QUARTERS:
            inside = f"hour(local) >= {start} AND hour(local) < {start + 6}"
            aggregates.append(f"count(*) FILTER ({inside}) / count(*) AS share_{name}")
            names.append(f"share_{name}")
    sql = f"SELECT user, {', '.join(aggregates)} FROM recent GROUP BY user"
    return Part("recent_events", sql, tuple((name, name) for name in names))


def sessions(has: dict[str, bool]) -> Part:
    """Sessions and the gaps between their starts; sums of whole seconds are exact."""
    names = ["n_sessions", "gap_mean_days", "gap_median_days", "gap_cv", "events_per_session"]
    length = ""
    if has["hours"]:
        length = ", median(stop - start) / 60 AS session_minutes"
        names.append("session_minutes")
    gap, square = "sum(CAST(gap AS HUGEINT))", "sum(CAST(gap AS HUGEINT) * gap)"
    variance = f"CAST(count(gap) * {square} - {gap} * {gap} AS DOUBLE) / count(gap) / (count(gap) - 1)"
    sql = f"""
        SELECT user, count(*) AS n_sessions, sum(events) / count(*) AS events_per_session{length},
            sum(gap) / count(gap) / {_DAY} AS gap_mean_days, median(gap) / {_DAY} AS gap_median_days,
            CASE WHEN count(gap) > 1 AND {gap} > 0 THEN sqrt({variance}) / ({gap} / count(gap)) END AS gap_cv
        FROM (SELECT *, start - lag(start) OVER (PARTITION BY user ORDER BY start, session) AS gap
            FROM (SELECT user, session, count(*) AS events, min(second) AS start, max(second) AS stop
                FROM recent GROUP BY user, session))
        GROUP BY user"""
    return Part("sessions", sql, tuple((name, name) for name in names))


def hours() -> Part:
    """Entropy of local hours."""
    sql = f"""SELECT user, {entropy()} AS hour_entropy
        FROM (SELECT user, count(*) AS n FROM recent GROUP BY user, hour(local)) GROUP BY user"""
    return Part("hours", sql, (("hour_entropy", "hour_entropy"),))


def categories(items: str) -> Part:
    """Number, entropy and first of the categories; events of items without a category do not count."""
    sql = f"""SELECT user, count(*) AS n_categories, {entropy()} AS category_entropy,
            max(category) FILTER (place = 1) AS top_category,
            max(n) FILTER (place = 1) / sum(n) AS top_category_share
        FROM (SELECT *, row_number() OVER (PARTITION BY user ORDER BY n DESC, category) AS place
            FROM (SELECT user, category, count(*) AS n
                FROM recent JOIN (SELECT category, file_row_number AS item
                    FROM read_parquet({literal(items)}, file_row_number = true)
                    WHERE category IS NOT NULL) USING (item)
                GROUP BY user, category))
        GROUP BY user"""
    names = ("n_categories", "category_entropy", "top_category", "top_category_share")
    return Part("categories", sql, tuple((name, name) for name in names))


def entropy() -> str:
    """SQL of the entropy in nats of groups of size ``n``: ln N - sum(n ln n) / N."""
    return f"greatest(ln(sum(n)) - {exact_sum('n * ln(n)', 9)} / sum(n), 0)"
