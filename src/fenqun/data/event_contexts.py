"""In which context each event happened: part of the day, weekend, what its visit was for, or a column of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fenqun.data.sequence_store import SequenceStore
from fenqun.data.sequences import TIMELINE
from fenqun.errors import RunError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAYPARTS = ("night", "morning", "afternoon", "evening")
"""Six hours each from midnight, local time."""
WEEK = ("weekday", "weekend")
INTENTS = ("browse", "one_thing", "stock_up")
"""What a visit is for, see :func:`visit_intents`."""
MOST_VALUES = 12
"""Values of a column that are looked at, those with most events; ties by text."""

_STOCK_EVENTS = 3
_STOCK_AGAIN = 0.5


@dataclass(frozen=True)
class Visits:
    """Events of some users that weigh anything, ordered by user, then visit, then time.

    Attributes
    ----------
    users, position, item, kind, visit
        (m,) user, place in the store, item, kind of the item (its category, else the item itself), and number of the
        visit, ascending without gaps.
    weight
        (m,) event weights, positive.
    starts
        (n_visits,) where each visit begins.
    """

    users: Ints
    position: Ints
    item: Ints
    kind: Ints
    visit: Ints
    weight: Floats
    starts: Ints


class EventContexts:
    """Reads contexts of events of a sequence store.

    Parameters
    ----------
    store
        Sequences of all users, as :func:`fenqun.data.sequences.build_sequences` left them.
    """

    def __init__(self, store: SequenceStore) -> None:
        self.store = store
        self._columns: dict[str, tuple[tuple[str, ...], npt.NDArray[np.int8]]] = {}

    @cached_property
    def _session(self) -> Ints:
        return np.asarray(self._read("session"), dtype=np.int64)

    def _read(self, name: str) -> pa.ChunkedArray:
        path = self.store.folder / TIMELINE
        if name not in pq.read_schema(path).names:
            raise RunError(
                f"the kept events carry no column {name}",
                where=str(path),
                mend="delete work/ and run again",
            )
        return pq.read_table(path, columns=[name])[name]

    def visits(self, folds: Collection[int], last: int) -> Iterator[Visits]:
        """Yield the last events of users within folds, some users at a time."""
        categories, names = self.store.categories
        kinds = np.where(categories >= 0, categories, len(names) + np.arange(self.store.n_items)).astype(np.int64)
        for start, stop in self.store.blocks():
            position, users = self.store.selected(start, stop, folds, last)
            counted = self.store.weight[position] > 0
            position, users = position[counted], users[counted]
            visit = number_visits(users, self._session[position])
            order = np.argsort(visit, kind="stable")
            position, users, visit = position[order].astype(np.int64), users[order], visit[order]
            item = self.store.item[position].astype(np.int64)
            yield Visits(
                users=users,
                position=position,
                item=item,
                kind=kinds[item],
                visit=visit,
                weight=self.store.weight[position].astype(np.float64),
                starts=np.flatnonzero(np.diff(visit, prepend=-1)),
            )

    def values(self, context: str) -> tuple[str, ...]:
        """Names of the codes that a context has."""
        built_in = {"daypart": DAYPARTS, "weekend": WEEK, "session": INTENTS}
        return built_in[context] if context in built_in else self._column(context)[0]

    def codes(self, context: str, visits: Visits) -> Ints:
        """Return the code of each event, int64 (m,), -1 where the context is unknown."""
        if context == "daypart":
            return self.store.hour[visits.position].astype(np.int64) // 6
        if context == "weekend":
            return (self.store.weekday[visits.position] >= 5).astype(np.int64)
        if context == "session":
            items = visits.users * self.store.n_items + visits.item
            intents = visit_intents(items[None], visits.kind[None], visits.starts)
            return np.asarray(intents[0, visits.visit], dtype=np.int64)
        return self._column(context)[1][visits.position].astype(np.int64)

    def _column(self, name: str) -> tuple[tuple[str, ...], npt.NDArray[np.int8]]:
        if name not in self._columns:
            column = self._read(f"context_{name}")
            counts = Counter({row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()})
            counts.pop(None, None)
            values = tuple(sorted(sorted(counts, key=lambda value: (-counts[value], value))[:MOST_VALUES]))
            found = pc.fill_null(pc.index_in(column, value_set=pa.array(values, column.type)), -1)
            self._columns[name] = values, np.asarray(found, dtype=np.int8)
        return self._columns[name]


def number_visits(users: Ints, session: Ints) -> Ints:
    """Number visits by their first events; ``users`` ascends, a session may be interrupted by another one.

    >>> number_visits(np.array([0, 0, 0, 1]), np.array([9, 4, 9, 4])).tolist()
    [0, 1, 0, 2]
    """
    if not len(users):
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((session, users))
    new = np.diff(users[order], prepend=users[order[0]] - 1) != 0
    new |= np.diff(session[order], prepend=session[order[0]]) != 0
    first = np.minimum.reduceat(order, np.flatnonzero(new))
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    visit = np.empty(len(users), dtype=np.int64)
    visit[order] = rank[np.cumsum(new) - 1]
    return visit


def visit_intents(items: Ints, kinds: Ints, starts: Ints) -> Ints:
    """Return what each visit is for, an index into :data:`INTENTS`, by a fixed rule on its own events.

    *One thing*: all of its events are of one category (of one item, where items have none). *Stock up*: at least three
    events of several categories, of which at least half are of items that the user had before, in it or earlier.
    *Browse*: everything else.

    Parameters
    ----------
    items, kinds
        (b, m) items, told apart between users, and their categories: ``b`` arrangements of the same events.
    starts
        (n_visits,) where each visit begins.

    Returns
    -------
    ndarray
        int64, (b, n_visits).
    """
    order = np.argsort(items, axis=1, kind="stable")
    ordered = np.take_along_axis(items, order, axis=1)
    same = np.zeros(items.shape, dtype=bool)
    same[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    again = np.empty_like(same)
    np.put_along_axis(again, order, same, axis=1)
    length = np.diff(starts, append=items.shape[1])
    share = np.add.reduceat(again.astype(np.float64), starts, axis=1) / length
    one = np.minimum.reduceat(kinds, starts, axis=1) == np.maximum.reduceat(kinds, starts, axis=1)
    stock = (length >= _STOCK_EVENTS) & (share >= _STOCK_AGAIN)
    return np.where(one, 1, np.where(stock, 2, 0)).astype(np.int64)
