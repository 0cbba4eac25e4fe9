"""Spans: runs of neighbouring events of one user, of which sequences are made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.data.sequence_store import SequenceStore

Ints = npt.NDArray[np.int64]

LEAST = 2
"""Events that a training sequence needs: one to look at and one to predict."""


@dataclass(frozen=True)
class Spans:
    """Runs of neighbouring events of one user each.

    Attributes
    ----------
    users
        int64 (n,): rows of the store.
    starts, lengths
        int64 (n,): first event and number of events.
    """

    users: Ints
    starts: Ints
    lengths: Ints

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: npt.NDArray[np.int64]) -> Spans:
        """Return some of the spans."""
        return Spans(self.users[rows], self.starts[rows], self.lengths[rows])


def last_spans(store: SequenceStore, folds: Collection[int], length: int) -> Spans:
    """Return the last events of every user that has any within folds, which are a user's first ones in time."""
    known = store.n_events(folds)
    users = np.flatnonzero(known > 0)
    lengths = np.minimum(known[users], length)
    return Spans(users, store.offsets[users] + known[users] - lengths, lengths)


def training_spans(
    store: SequenceStore, folds: Collection[int], length: int, generator: np.random.Generator
) -> Spans:
    """Cut all events of the folds into spans of at most ``length``, at places that change with every call.

    A long history is cut from a random first length on, so that over the calls every event is seen
    at every distance from a span's start. A span of fewer than :data:`LEAST` events teaches nothing and is left out.
    """
    known = store.n_events(folds)
    users = np.flatnonzero(known >= LEAST)
    known = known[users]
    long = known > length
    first = np.where(long, generator.integers(1, length + 1, len(users)), known)
    spans = 1 + -(-(known - first) // length)
    owner = np.repeat(np.arange(len(users)), spans)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(spans) - spans, spans)
    begin = np.where(number == 0, 0, first[owner] + (number - 1) * length)
    end = np.minimum(first[owner] + number * length, known[owner])
    kept = end - begin >= LEAST
    owner, begin, end = owner[kept], begin[kept], end[kept]
    return Spans(users[owner], store.offsets[users[owner]] + begin, end - begin)
