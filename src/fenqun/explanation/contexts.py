"""Who behaves differently where: the users of each segment with an established difference, and what it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.evaluation.intervals import Z
from fenqun.evaluation.proportions import wilson
from fenqun.explanation.statistics import dirichlet_log_odds
from fenqun.schema import ContextCategory, ContextValue, SegmentContext

LEAST_USERS = 10
"""Users who differ below which nothing is said of where and how: it would speak of single persons."""

_SHOWN = 5
_PRIOR = 10.0  # users like everyone of the segment who differs


@dataclass(frozen=True)
class ContextUsers:
    """Users in one context: one row a (user, value) with enough events.

    Attributes
    ----------
    users, values
        (n,) user, and code of the value.
    there
        (n,) segment that the user's events in this value alone would place the user in.
    shares
        (n, p) shares of topics in these events.
    tested, differs
        (n,) whether the row took part in a test, and whether the user's difference is established.
    """

    users: NDArray[np.int64]
    values: NDArray[np.int64]
    there: NDArray[np.int64]
    shares: sparse.csr_matrix
    tested: NDArray[np.bool_]
    differs: NDArray[np.bool_]


def describe_segments(
    context: str,
    names: Sequence[str],
    rows: ContextUsers,
    labels: NDArray[np.int64],
    segment_ids: Sequence[str],
    topics: Sequence[str],
) -> list[SegmentContext]:
    """Return for each segment how many of its users differ between the values of a context, and in what.

    Categories are told by the log-odds of their share of a user's events in one value against the user's other values
    (each user counts once a value), with everyone who differs as the prior.

    Parameters
    ----------
    context, names
        The context, and the names of its values.
    rows
        Users in it.
    labels, segment_ids
        (n_users,) segment of each user, an index into the ids.
    topics
        Names of the columns of ``rows.shares``.
    """
    own = labels[rows.users]
    found = []
    for g, segment in enumerate(segment_ids):
        mine = own == g
        tested = len(np.unique(rows.users[mine & rows.tested]))
        differ = np.flatnonzero(mine & rows.tested & rows.differs)
        n = len(np.unique(rows.users[differ]))
        low, high = wilson_interval(n, tested)
        values = _values(names, rows, differ, g, segment_ids, topics) if n >= LEAST_USERS else []
        found.append(
            SegmentContext(
                segment_id=segment,
                context=context,
                tested=tested,
                differ=n,
                low=low,
                high=high,
                values=values,
            )
        )
    return found


def _values(
    names: Sequence[str],
    rows: ContextUsers,
    differ: NDArray[np.int64],
    own: int,
    segment_ids: Sequence[str],
    topics: Sequence[str],
) -> list[ContextValue]:
    everyone = np.asarray(rows.shares[differ].sum(axis=0)).ravel()
    told = []
    for v, name in enumerate(names):
        here = differ[rows.values[differ] == v]
        if len(here) < LEAST_USERS:
            continue
        gone = rows.there[here][rows.there[here] != own]
        sizes = np.bincount(gone, minlength=len(segment_ids))
        to = int(sizes.argmax())
        told.append(
            ContextValue(
                value=name,
                users=len(here),
                elsewhere=len(gone),
                to_id=segment_ids[to] if sizes[to] >= LEAST_USERS else None,
                categories=_categories(rows, differ, here, everyone, topics),
            )
        )
    return told


def _categories(
    rows: ContextUsers,
    differ: NDArray[np.int64],
    here: NDArray[np.int64],
    everyone: NDArray[np.float64],
    topics: Sequence[str],
) -> list[ContextCategory]:
    inside = np.asarray(rows.shares[here].sum(axis=0)).ravel()
    if not everyone.any() or len(here) == len(differ):
        return []
    z = dirichlet_log_odds(inside, everyone, _PRIOR)
    users = np.asarray((rows.shares[here] > 0).sum(axis=0)).ravel()
    told = np.flatnonzero((z > Z) & (users >= LEAST_USERS))
    order = sorted(told.tolist(), key=lambda t: (-round(float(z[t]), 9), topics[t]))[:_SHOWN]
    others = len(differ) - len(here)
    return [
        ContextCategory(
            category=topics[t],
            z=round(float(z[t]), 4),
            here=round(float(inside[t] / len(here)), 6),
            elsewhere=round(float(max(everyone[t] - inside[t], 0.0) / others), 6),
        )
        for t in order
    ]


def wilson_interval(hits: int, n: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a share (Wilson, 1927); None where there is nobody.

    >>> wilson_interval(5, 50)
    (0.0435, 0.2136)
    """
    if not n:
        return None, None
    low, high = wilson(hits / n, n, math.inf)
    return round(low, 4), round(high, 4)
