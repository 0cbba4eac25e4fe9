"""Aggregates of each user: how recently, how often, how much, how varied and when.

One row a user in canonical order. Totals (``n_events``, ``first_event``, ``monetary``, ``frequency``,
``tenure_days``) and heat cover all events of the folds: a counter or a decayed sum, which a store of
bounded size can keep. Every other column covers the last ``behaviour.max_events`` events. Columns that
the log cannot fill are left out; a user without an event has ``n_events`` 0 and nulls.

=====================================  ==================================================================
column                                 meaning
=====================================  ==================================================================
first_event, last_event                time (UTC) of the first and last event
n_events, n_items, n_days, n_sessions  counts: events, different items, local days, sessions
recency_days, tenure_days              days from the last and from the first event to now
frequency                              events per week of tenure (at least one week)
monetary, mean_value, value_p25 ...    sum, mean and quantiles of value
gap_mean_days, gap_median_days         days between the starts of consecutive sessions
gap_cv                                 their standard deviation over their mean
heat_7d ...                            events, each halved for every half-life of age
value_heat_7d ...                      the same of value
events_7d, days_7d, value_7d ...       events, local days with any, and sum of value in as long a time before now
trend, value_trend                     log of the rate over the shortest half-life over that of the longest;
                                       0 for a steady user of any tenure
n_categories, category_entropy         number and entropy (nats) of categories
top_category, top_category_share       the most frequent category (ties by name) and its share
hour_entropy, share_night ...          entropy of local hours, shares of six-hour quarters of the day
share_weekend                          share of events on Saturday and Sunday
events_per_session, session_minutes    mean size, median length of a session
duration_mean, duration_total          of the events' durations
repeat_share                           share of events with an item that the user had before
attr_...                               attributes of the user table
=====================================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from fenqun.config import Config
from fenqun.data import profile_queries as queries
from fenqun.data.rhythm import RhythmScaler, rhythm_features
from fenqun.data.sequence_store import SequenceStore
from fenqun.data.sequences import TIMELINE
from fenqun.data.traits import TRAITS, Trait, trait
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.store import Run

__all__ = [
    "TRAITS",
    "RhythmScaler",
    "Trait",
    "build_profiles",
    "category_shares",
    "rhythm_features",
    "trait",
]


def build_profiles(
    engine: DuckDBEngine,
    run: Run,
    store: SequenceStore,
    folds: Collection[int],
    now: int,
    config: Config,
    before: int | None = None,
) -> pa.Table:
    """Aggregate the events of some folds, seen from ``now``.

    Parameters
    ----------
    engine, run
        Where the queries run, and whose ``work/users.parquet`` brings the attributes.
    store
        Sequences of all users.
    folds
        Neighbouring folds that may be learned from (:data:`fenqun.data.splits.LEARNED`).
    now
        Epoch seconds; recency, tenure, heat and trend are taken from here
        (:meth:`fenqun.data.splits.Splits.now`).
    config
        Half-lives and the number of last events.
    before
        Epoch seconds: only events of the folds that lie before count. None: all of them.

    Returns
    -------
    pa.Table
        All users of the store in its order; columns as the module says.
    """
    inside = f"fold IN ({', '.join(str(int(fold)) for fold in sorted(folds))})"
    if before is not None:
        inside += f" AND second < {int(before)}"
    timeline = f"read_parquet({literal(str(store.folder / TIMELINE))})"
    has = store.has
    windows = sorted(set(config.profiles.half_lives))
    totals = queries.totals(f"{timeline} WHERE {inside}", windows, now, has["value"])
    parts = [totals, queries.recent_events(has, windows, now), queries.sessions(has)]
    if has["hours"]:
        parts.append(queries.hours())
    if has["categories"]:
        parts.append(queries.categories(str(store.folder / "items.parquet")))
    recent = f"""recent AS (SELECT t.* FROM {timeline} t JOIN totals USING (user)
        WHERE {inside} AND position > newest - {config.behaviour.max_events})"""
    steps = [f"{part.name} AS ({part.sql})" for part in parts]
    columns = [f"{sql} AS {name}" for part in parts for sql, name in part.columns]
    attributes = _attributes(run)
    columns += [f"attributes.{quote(f'attr_{name}')}" for name in attributes]
    joins = [f"LEFT JOIN {part.name} USING (user)" for part in parts]
    if attributes:
        renamed = ", ".join(f"{quote(name)} AS {quote(f'attr_{name}')}" for name in attributes)
        table = literal(str(run.require("work/users.parquet")))
        steps.append(f"attributes AS (SELECT user_id, {renamed} FROM read_parquet({table}))")
        joins.append("LEFT JOIN attributes ON attributes.user_id = ids.user_id")
    ids = literal(str(store.folder / "users.parquet"))
    return engine.table(
        f"""WITH ids AS (SELECT user_id, file_row_number AS user
            FROM read_parquet({ids}, file_row_number = true)),
        {steps[0]}, {recent}, {", ".join(steps[1:])}
        SELECT ids.user_id, {", ".join(columns)} FROM ids {" ".join(joins)} ORDER BY ids.user"""
    )


def _attributes(run: Run) -> list[str]:
    path = run.artifact("work/users.parquet")
    return [name for name in pq.read_schema(path).names if name != "user_id"] if path.is_file() else []


def category_shares(
    counts: sparse.csr_matrix, codes: npt.NDArray[np.int32], n_categories: int
) -> npt.NDArray[np.float64]:
    """Return the share of each category in each user's counts.

    Parameters
    ----------
    counts
        (n_users, n_items), non-negative.
    codes
        (n_items,) category of each item, -1 for none; such items do not count.
    n_categories
        Number of codes.

    Returns
    -------
    ndarray, float64 (n_users, n_categories)
        Rows sum to 1, or are 0 for users without a categorised item.
    """
    known = np.flatnonzero(codes >= 0)
    to_category = sparse.csr_matrix(
        (np.ones(len(known)), (known, codes[known])), shape=(counts.shape[1], n_categories)
    )
    totals = np.asarray((counts @ to_category).todense(), dtype=np.float64)
    sums = totals.sum(axis=1, keepdims=True)
    shares: npt.NDArray[np.float64] = np.divide(totals, sums, out=np.zeros_like(totals), where=sums > 0)
    return shares
