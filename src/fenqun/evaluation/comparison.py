"""The comparison: every strategy on every axis, with intervals and paired differences, and who won."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fenqun import schema
from fenqun.evaluation.internal import LOWER_IS_BETTER
from fenqun.evaluation.intervals import (
    Floats,
    Statistic,
    around,
    bootstrap,
    mean_statistic,
    point,
)
from fenqun.evaluation.stability import Stability

LEARNED = "learned"
AXES = ("lists", "value", "shape", "stability", "labels")


@dataclass(frozen=True)
class Judged:
    """One segmentation and what is known about it. Users are the same, in the same order, in all.

    Attributes
    ----------
    strategy, k
        Which strategy, at how many groups.
    users
        Number of users.
    lists
        Metric to values per user, shape (users,), NaN where a user has none.
    coverage
        Share of items that its lists show; None where there are no lists.
    value, labels
        Metric to a statistic over users, and ``n`` users that each rests on.
    shape, null
        Internal metrics in the common space, and those of the null.
    shape_n
        Users that the internal metrics rest on.
    """

    strategy: str
    k: int
    users: int
    lists: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    coverage: float | None = None
    value: Mapping[str, tuple[Statistic, int]] = field(default_factory=dict)
    labels: Mapping[str, tuple[Statistic, int]] = field(default_factory=dict)
    shape: Mapping[str, float] = field(default_factory=dict)
    null: Mapping[str, float] = field(default_factory=dict)
    shape_n: int | None = None
    stability: Stability | None = None


@dataclass(frozen=True)
class Verdict:
    """Who won a metric.

    Attributes
    ----------
    metric, axis, k
        Of the row.
    winner
        Strategy with the best value.
    value
        Its value.
    established
        Whether the paired intervals exclude zero: of the winner against ``learned``, or, where
        ``learned`` won, of each rival against it.
    """

    metric: str
    axis: str
    k: int
    winner: str
    value: float
    established: bool


def compare(judged: Sequence[Judged], *, repeats: int = 1000, seed: int = 0) -> pa.Table:
    """Put segmentations side by side.

    Parameters
    ----------
    judged
        At most one a (strategy, k), all over the same users. Baselines, such as ``popularity`` with
        k = 1, are strategies too.
    repeats
        Resamples of users for intervals.
    seed
        Of the resamples.

    Returns
    -------
    pyarrow.Table
        Schema :data:`fenqun.schema.COMPARISON`. ``difference`` is the strategy less ``learned`` at
        the same k (else at the nearest), on the same resamples; empty for ``learned`` itself and
        for metrics that no resampling of users gives.
    """
    sampled = [row for one in judged for row in _sampled(one)]
    rows = [row for one in judged for row in _plain(one)]
    if sampled:
        draws = bootstrap([row.statistic for row in sampled], judged[0].users, repeats, seed)
        rows += [_interval_row(i, sampled, draws) for i in range(len(sampled))]
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    place = {(one.strategy, one.k): position for position, one in enumerate(judged)}
    rows.sort(
        key=lambda row: (
            AXES.index(row["axis"]),
            metrics.index(row["metric"]),
            place[row["strategy"], row["k"]],
        )
    )
    return pa.Table.from_pylist(rows, schema=schema.COMPARISON)


def verdicts(table: pa.Table) -> list[Verdict]:
    """Say who won each row of a comparison.

    Parameters
    ----------
    table
        Schema :data:`fenqun.schema.COMPARISON`.

    Returns
    -------
    list of Verdict
        One a metric and a k at which ``learned`` was judged (every k, where it was not), in the
        order of the table. A strategy without a row at that k competes with its nearest k. Level
        values go to the strategy that comes first in the table.
    """
    rows = [row for row in table.to_pylist() if row["value"] is not None]
    found = []
    for axis, metric in dict.fromkeys((row["axis"], row["metric"]) for row in rows):
        entries = [row for row in rows if (row["axis"], row["metric"]) == (axis, metric)]
        ks = sorted({row["k"] for row in entries if row["strategy"] == LEARNED} or {row["k"] for row in entries})
        for k in ks:
            rivals = [
                min((row for row in entries if row["strategy"] == strategy), key=lambda row: _distance(row["k"], k))
                for strategy in dict.fromkeys(row["strategy"] for row in entries)
            ]
            sign = 1.0 if entries[0]["better"] == "higher" else -1.0
            winner = max(rivals, key=lambda row: sign * row["value"])
            others = [row for row in rivals if row is not winner]
            against = others if winner["strategy"] == LEARNED else [winner]
            established = bool(others) and all(_excludes_zero(row) for row in against)
            found.append(Verdict(metric, axis, k, winner["strategy"], winner["value"], established))
    return found


@dataclass(frozen=True)
class _Sampled:
    """One figure that resampling users gives an interval."""

    strategy: str
    k: int
    axis: str
    metric: str
    statistic: Statistic
    n: int
    users: int


def _sampled(one: Judged) -> Iterator[_Sampled]:
    for metric, values in one.lists.items():
        known = int(np.isfinite(np.asarray(values, dtype=np.float64)).sum())
        yield _Sampled(one.strategy, one.k, "lists", metric, mean_statistic(values), known, one.users)
    for axis, figures in (("value", one.value), ("labels", one.labels)):
        for metric, (statistic, known) in figures.items():
            yield _Sampled(one.strategy, one.k, axis, metric, statistic, known, one.users)


def _plain(one: Judged) -> Iterator[dict[str, Any]]:
    """Rows of figures that no resampling of users gives an interval."""

    def row(axis: str, metric: str, value: float, n: int, **more: Any) -> dict[str, Any]:
        better = "lower" if metric in LOWER_IS_BETTER else "higher"
        return _row(one.strategy, one.k, metric, axis, value, n) | {"better": better} | more

    if one.coverage is not None:
        yield row("lists", "coverage", one.coverage, one.users)
    for metric, value in one.shape.items():
        null = _number(one.null.get(metric, math.nan))
        yield row("shape", metric, value, one.shape_n or one.users, null=null)
    if one.stability is not None:
        found = one.stability
        ends = {"low": _number(found.low), "high": _number(found.high)}
        yield row("stability", "bootstrap_ari", found.ari, found.n, **ends)
        least = min(found.jaccard.values(), default=math.nan)
        yield row("stability", "least_jaccard", least, found.n)


def _interval_row(i: int, sampled: Sequence[_Sampled], draws: Floats) -> dict[str, Any]:
    one = sampled[i]
    value = point(one.statistic, one.users)
    low, high = around(value, draws[i])
    row = _row(one.strategy, one.k, one.metric, one.axis, value, one.n)
    row |= {"low": _number(low), "high": _number(high), "better": "higher"}
    j = _reference(one, sampled)
    if j is not None:
        difference = value - point(sampled[j].statistic, one.users)
        low, high = around(difference, draws[i] - draws[j])
        row |= {
            "difference": _number(difference),
            "difference_low": _number(low),
            "difference_high": _number(high),
        }
    return row


def _reference(one: _Sampled, sampled: Sequence[_Sampled]) -> int | None:
    """Position of the same metric of ``learned`` at the same or the nearest k."""
    if one.strategy == LEARNED:
        return None
    at = [
        i
        for i, other in enumerate(sampled)
        if (other.strategy, other.axis, other.metric) == (LEARNED, one.axis, one.metric)
    ]
    return min(at, key=lambda i: _distance(sampled[i].k, one.k)) if at else None


def _row(strategy: str, k: int, metric: str, axis: str, value: float, n: int) -> dict[str, Any]:
    empty = dict.fromkeys(("low", "high", "null", "difference", "difference_low", "difference_high"))
    return {"strategy": strategy, "k": k, "metric": metric, "axis": axis, "value": _number(value), "n": n, **empty}


def _distance(k: int, wanted: int) -> tuple[int, int]:
    return abs(k - wanted), k


def _excludes_zero(row: Mapping[str, Any]) -> bool:
    low, high = row["difference_low"], row["difference_high"]
    return low is not None and high is not None and (low > 0 or high < 0)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
