"""On how many days a user took an item."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from scipy import sparse

from fenqun.data.sequence_store import SequenceStore

_DAY = 86_400


def taken_days(store: SequenceStore, folds: Collection[int]) -> sparse.csr_matrix:
    """Return CSR ``(n_users, n_items)``: different days (UTC) with an event of positive weight, within folds."""
    parts = []
    for start, stop in store.blocks():
        positions, users = store.selected(start, stop, folds)
        kept = store.weight[positions] > 0
        positions, users = positions[kept], users[kept] - start
        pair = users * store.n_items + store.item[positions]
        day = np.asarray(store.time[positions]) // _DAY
        order = np.lexsort((day, pair))
        pair, day = pair[order], day[order]
        new_pair = np.r_[True, pair[1:] != pair[:-1]][: len(pair)]
        first = np.flatnonzero(new_pair)
        new_day = new_pair | np.r_[True, day[1:] != day[:-1]][: len(day)]
        days = np.add.reduceat(new_day.astype(np.float64), first) if len(first) else np.empty(0)
        at = (pair[first] // store.n_items, pair[first] % store.n_items)
        parts.append(sparse.csr_matrix((days, at), shape=(stop - start, store.n_items)))
    if not parts:
        return sparse.csr_matrix((0, store.n_items), dtype=np.float64)
    return sparse.csr_matrix(sparse.vstack(parts, format="csr"))
