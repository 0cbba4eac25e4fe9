"""Users in each context alone: which contexts have enough of them, and whether they differ between these."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.config import Contexts
from fenqun.data.event_contexts import Visits, visit_intents
from fenqun.evaluation.permutation import Draw, permutation_p, shuffled_labels, welch_statistic
from fenqun.segmentation.rule import Floats, Ints


@dataclass(frozen=True)
class ContextParts:
    """Parts of users' events: one row a (user, value) with enough events, by user, then value.

    Attributes
    ----------
    users, values, events, visits
        (n,) user, code of the value, events, and visits with any.
    counts
        (n, n_items) weights of the events.
    p
        (n,) of the user's test, the same in all of a user's rows; NaN where the user was not tested.
    tested
        (n,) whether the row took part in it.
    """

    users: Ints
    values: Ints
    events: Ints
    visits: Ints
    counts: sparse.csr_matrix
    p: Floats
    tested: NDArray[np.bool_]


def split_by_context(
    visits: Visits,
    codes: Ints,
    n_values: int,
    item_vectors: Floats,
    settings: Contexts,
    *,
    by_content: bool,
    seed: int,
) -> ContextParts:
    """Split users' events by context, and test each user for a difference of taste between contexts.

    The test compares what a user takes in one visit on average, between the values that have enough events and visits,
    by :func:`~fenqun.evaluation.permutation.welch_statistic`. The null leaves the user's visits whole (events of one visit go
    together) and shuffles which of them lie in which context. Where the context is read off the content of a visit, as its
    intent is, that would find what was put in: there the user's events are shuffled between all places in their visits, and
    the intents read off again.

    Parameters
    ----------
    visits
        Events of some users.
    codes
        (m,) context of each event, -1 where it is unknown.
    n_values
        Number of codes.
    item_vectors
        (n_items, d) what one event of each item adds to a user.
    settings
        Least numbers, draws.
    by_content
        Whether the context is what :func:`~fenqun.data.event_contexts.visit_intents` says.
    seed
        Draws depend on it and on what the user did, not on who else there is.
    """
    known = np.flatnonzero(codes >= 0)
    pair = visits.users[known] * n_values + codes[known]
    rows, row_of = np.unique(pair, return_inverse=True)
    events = np.bincount(row_of, minlength=len(rows))
    in_visit = np.unique(np.stack([row_of, visits.visit[known]]), axis=1)[0]
    n_visits = np.bincount(in_visit, minlength=len(rows))
    enough = np.flatnonzero(events >= settings.min_events)
    place = np.full(len(rows), -1, dtype=np.int64)
    place[enough] = np.arange(len(enough))
    inside = place[row_of] >= 0
    counts = sparse.csr_matrix(
        (visits.weight[known][inside], (place[row_of[inside]], visits.item[known][inside])),
        shape=(len(enough), len(item_vectors)),
    )
    counts.sum_duplicates()
    users, values = rows[enough] // n_values, rows[enough] % n_values
    events, n_visits = events[enough], n_visits[enough]
    p, tested = np.full(len(users), np.nan), n_visits >= settings.min_visits
    for first, stop in _runs(users):
        eligible = values[first:stop][tested[first:stop]]
        if len(eligible) < 2:
            tested[first:stop] = False
            continue
        low, high = np.searchsorted(visits.users, [users[first], users[first] + 1])
        own = _Own.of(visits, codes, int(low), int(high))
        p[first:stop] = own.p_value(item_vectors, eligible, settings.draws, by_content, seed)
    return ContextParts(users, values, events, n_visits, counts, p, tested)


def joined(parts: Sequence[ContextParts]) -> ContextParts:
    """Put together what was found of some users and of others."""
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(ContextParts)
        if field.name != "counts"
    }
    return ContextParts(**columns, counts=sparse.vstack([part.counts for part in parts], format="csr"))


def _runs(users: Ints) -> Iterator[tuple[int, int]]:
    bounds = np.append(np.flatnonzero(np.diff(users, prepend=-1)), len(users))
    yield from pairwise(bounds.tolist())


@dataclass(frozen=True)
class _Own:
    """Events of one user, ordered by visit."""

    item: Ints
    kind: Ints
    weight: Floats
    codes: Ints
    visit: Ints

    @classmethod
    def of(cls, visits: Visits, codes: Ints, low: int, high: int) -> _Own:
        own = slice(low, high)
        return cls(
            visits.item[own],
            visits.kind[own],
            visits.weight[own],
            codes[own],
            visits.visit[own] - visits.visit[low],
        )

    def p_value(self, item_vectors: Floats, eligible: Ints, draws: int, by_content: bool, seed: int) -> float:
        vectors = item_vectors[self.item] * self.weight[:, None]
        told = eligible.tolist()
        if by_content:
            starts = np.flatnonzero(np.diff(self.visit, prepend=-1))
            X, labels = self._visits(vectors[None], self.weight[None], starts)[0], self.codes[starts]
            draw, cells = self._shuffled_events(vectors, starts, told), vectors.size
        else:
            X, labels = self._pieces(vectors)
            kept = np.isin(labels, eligible)
            X, labels = X[kept], labels[kept]
            draw, cells = shuffled_labels(X, labels, told), len(labels) * len(told)
        observed = float(welch_statistic(X, labels[None], told)[0])
        random = np.random.default_rng([seed, zlib.crc32(self.item.tobytes()), zlib.crc32(self.codes.tobytes())])
        return permutation_p(observed, draw, draws, random, cells)

    def _pieces(self, vectors: Floats) -> tuple[Floats, Ints]:
        """Return means of the events of one visit in one context, and that context."""
        width = int(self.codes.max()) + 2
        key = self.visit * width + self.codes + 1
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        X = self._visits(vectors[order][None], self.weight[order][None], starts)[0]
        return X, key[order][starts] % width - 1

    @staticmethod
    def _visits(vectors: Floats, weight: Floats, starts: Ints) -> Floats:
        """Return the mean of the events of each visit, (b, n_visits, d)."""
        totals = np.add.reduceat(weight, starts, axis=1)[:, :, None]
        return np.asarray(np.add.reduceat(vectors, starts, axis=1) / totals)

    def _shuffled_events(self, vectors: Floats, starts: Ints, eligible: list[int]) -> Draw:
        def draw(random: np.random.Generator, b: int) -> Floats:
            order = random.permuted(np.tile(np.arange(len(self.item)), (b, 1)), axis=1)
            labels = visit_intents(self.item[order], self.kind[order], starts)
            return welch_statistic(self._visits(vectors[order], self.weight[order], starts), labels, eligible)

        return draw
