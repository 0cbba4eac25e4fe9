"""Vectorised draws that every scenario shares: from many distributions at once, sessions and their times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

START = 1_704_067_200
"""First second of every simulated log: Monday 2024-01-01 00:00, wall clock."""
DAY = 86_400
OPENS, CLOSES = 7.0, 22.5
"""Hours between which sessions start, so that no wall clock that skips an hour at night is ever met."""

_BELOW_ONE = 1 - 1e-9


def popularity(n: int, flatness: float = 5.0) -> Floats:
    """Shares of ranks whose popularity falls off as ``1 / (flatness + rank)``, (n,)."""
    shares = 1.0 / (flatness + np.arange(n))
    return np.asarray(shares / shares.sum())


class Grouped:
    """Draws from one of many distributions over the same columns.

    Parameters
    ----------
    weights
        (rows, n) non-negative.
    segment
        (n,) rising from 0; each row then holds one distribution a segment. None: one segment.

    Attributes
    ----------
    shares
        (rows, n) probabilities, which add up to 1 over each segment of a row.
    """

    def __init__(self, weights: Floats, segment: Ints | None = None) -> None:
        rows, n = weights.shape
        starts = np.flatnonzero(np.diff(np.zeros(n, np.int64) if segment is None else segment, prepend=-1))
        sizes = np.diff(starts, append=n)
        totals = np.add.reduceat(weights, starts, axis=1)
        if not (totals > 0).all():
            raise ValueError("a distribution has no weight")
        self.shares: Floats = weights / np.repeat(totals, sizes, axis=1)
        sums = np.cumsum(self.shares, axis=1)
        before = np.repeat(np.hstack([np.zeros((rows, 1)), sums[:, starts[1:] - 1]]), sizes, axis=1)
        inside = np.minimum(sums - before, 1.0)
        inside[:, np.append(starts[1:], n) - 1] = 1.0
        self._segments = len(starts)
        rank = np.repeat(np.arange(len(starts)), sizes)
        self._flat = (inside + (np.arange(rows)[:, None] * len(starts) + rank)).ravel()
        self._n = n

    def draw(self, random: np.random.Generator, row: Ints, segment: Ints | None = None) -> Ints:
        """Draw one column for each entry of ``row`` (and of ``segment``), (m,)."""
        place = row * self._segments + (0 if segment is None else segment)
        uniform = np.minimum(random.random(len(row)), _BELOW_ONE)
        found = np.searchsorted(self._flat, place + uniform, side="right")
        return np.asarray(np.minimum(found, len(self._flat) - 1) % self._n, dtype=np.int64)


@dataclass(frozen=True)
class Sessions:
    """Visits of some users.

    Attributes
    ----------
    owner
        (s,) rising.
    start
        (s,) seconds from the start of the log.
    elsewhere
        (s,) whether the visit was made on the second device (or channel), where a second interest shows.
    """

    owner: Ints
    start: Ints
    elsewhere: Bools

    @property
    def day(self) -> Ints:
        """(s,) day of the log."""
        return self.start // DAY


def draw_sessions(
    random: np.random.Generator, per_day: Floats, days: int, later: Floats, elsewhere: float, least_days: int
) -> Sessions:
    """Draw visits from Poisson processes whose rate changes once, half-way through the log.

    Parameters
    ----------
    random
        Generator.
    per_day
        (n,) rates.
    days
        How long to draw; the log's halves are those of ``least_days``.
    later
        (n,) factor on the rate from the half on; before it the factor is ``2 - later``.
    elsewhere
        Share of visits on the second device.
    least_days
        Length of the log. Whoever has no visit in it gets one, so that every user has events.
    """
    half = least_days // 2
    before = random.poisson(per_day * (2 - later) * half)
    after = random.poisson(per_day * later * (days - half))
    n = len(per_day)
    owner = np.concatenate([np.repeat(np.arange(n), before), np.repeat(np.arange(n), after)])
    day = np.concatenate([random.integers(0, half, before.sum()), random.integers(half, days, after.sum())])
    silent = np.flatnonzero(np.bincount(owner[day < least_days], minlength=n) == 0)
    owner, day = np.append(owner, silent), np.append(day, random.integers(0, least_days, len(silent)))
    second = (random.uniform(OPENS, CLOSES, len(owner)) * 3600).astype(np.int64)
    order = np.lexsort([second, day, owner])
    return Sessions(owner[order], (day * DAY + second)[order], random.random(len(owner)) < elsewhere)


def pauses(random: np.random.Generator, session: Ints, longest: int = 240) -> Ints:
    """Seconds from a session's start to each of its events, rising by 5 or more; ``session`` rises without gaps."""
    total = np.cumsum(random.integers(5, longest, len(session)))
    first = np.flatnonzero(np.diff(session, prepend=-1))
    return np.asarray(total - np.repeat(total[first], np.diff(first, append=len(session))), dtype=np.int64)


def sums_by(group: Ints, values: Floats, n: int) -> Floats:
    """Add up the rows of ``values`` (m, t) by group, (n, t)."""
    return np.stack([np.bincount(group, column, minlength=n) for column in values.T], axis=1)
