"""The sequence store: every event once, sorted by user and time, in memory-mapped arrays with offsets."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse

from fenqun.errors import RunError

COLUMNS: dict[str, type[np.generic]] = {
    "item": np.int32,
    "time": np.int64,
    "hour": np.int8,
    "weekday": np.int8,
    "event_type": np.int16,
    "weight": np.float32,
    "value": np.float32,
    "duration": np.float32,
    "fold": np.int8,
}
"""Arrays with one entry an event, and their types."""

_BLOCK = 1 << 22

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class SequenceStore:
    """Sequences of all users, in canonical order, mapped from disk.

    Attributes
    ----------
    users
        Arrow array (n_users,) of user ids, in canonical order.
    items
        Arrow array (n_items,) of item ids.
    event_types
        Names of the codes in ``event_type``.
    offsets
        int64 (n_users + 1): user ``u`` has events ``offsets[u]`` to ``offsets[u + 1]``.
    item, time, hour, weekday, event_type, weight, value, duration, fold
        One entry an event, sorted by user, then time, then content. ``time`` is in epoch seconds (UTC);
        ``hour`` (0-23) and ``weekday`` (0 = Monday) are local; ``value`` and ``duration``
        (seconds) are NaN where missing.
    """

    item: npt.NDArray[np.int32]
    time: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int8]
    weekday: npt.NDArray[np.int8]
    event_type: npt.NDArray[np.int16]
    weight: npt.NDArray[np.float32]
    value: npt.NDArray[np.float32]
    duration: npt.NDArray[np.float32]
    fold: npt.NDArray[np.int8]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        self.event_types: list[str] = self.meta["event_types"]
        self.users: pa.Array = _single(pq.read_table(folder / "users.parquet", columns=["user_id"])["user_id"])
        self._items = pq.read_table(folder / "items.parquet")
        self.items: pa.Array = _single(self._items["item_id"])
        self.offsets: IntArray = np.load(folder / "offsets.npy")
        for name in COLUMNS:
            setattr(self, name, np.load(folder / f"{name}.npy", mmap_mode="r"))

    @classmethod
    def open(cls, folder: str | Path) -> SequenceStore:
        """Map a folder that :func:`fenqun.data.sequences.build_sequences` wrote.

        Raises
        ------
        RunError
            If the folder is not complete.
        """
        try:
            return cls(Path(folder))
        except (OSError, ValueError, KeyError, pa.ArrowInvalid) as error:
            raise RunError(
                "holds no complete sequences", where=str(folder), mend="delete it and run again"
            ) from error

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.offsets) - 1

    @property
    def n_items(self) -> int:
        """Number of items, of the catalogue or the log."""
        return len(self.items)

    @property
    def has(self) -> dict[str, bool]:
        """What the log carries: ``value``, ``duration``, ``sessions``, ``hours``, ``items``, ``categories``."""
        return dict(self.meta["has"])

    @cached_property
    def texts(self) -> list[str | None]:
        """Text of each item, None where there is none."""
        texts: list[str | None] = self._items["text"].to_pylist()
        return texts

    def files(self, medium: Literal["image", "audio"]) -> list[str | None]:
        """File of each item's picture or sound, as the item table names it; None where there is none."""
        files: list[str | None] = self._items[medium].to_pylist()
        return files

    @cached_property
    def categories(self) -> tuple[npt.NDArray[np.int32], list[str]]:
        """Code of each item's category (-1: none), and the names of the codes, sorted."""
        return category_codes(self._items["category"])

    # -- events of users -----------------------------------------------------------------------

    def before(self, time: int) -> SequenceStore:
        """Return the same users and items with the events before a moment alone.

        Parameters
        ----------
        time
            Epoch seconds; an event at it is left out.

        Returns
        -------
        SequenceStore
            Its arrays are copies in memory; ``folder`` still holds all events.
        """
        kept = np.asarray(self.time) < time
        view = copy.copy(self)
        view.offsets = np.concatenate([[0], np.cumsum(kept)])[self.offsets].astype(np.int64)
        for name in COLUMNS:
            setattr(view, name, np.asarray(getattr(self, name))[kept])
        return view

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yield ranges of users whose events together fit in memory comfortably."""
        start = 0
        while start < self.n_users:
            stop = int(np.searchsorted(self.offsets, self.offsets[start] + _BLOCK, side="right")) - 1
            stop = min(max(stop, start + 1), self.n_users)
            yield start, stop
            start = stop

    def selected(
        self, start: int, stop: int, folds: Collection[int], last: int | None = None
    ) -> tuple[npt.NDArray[np.intp], IntArray]:
        """Return positions of the events of users [start, stop) within folds, and the user of each."""
        low, high = int(self.offsets[start]), int(self.offsets[stop])
        inside = np.isin(self.fold[low:high], np.asarray(sorted(folds), dtype=np.int8))
        offsets = self.offsets[start : stop + 1] - low
        seen = np.concatenate([[0], np.cumsum(inside)])
        per_user = np.diff(seen[offsets])
        users = np.repeat(np.arange(start, stop, dtype=np.int64), per_user)
        positions = np.flatnonzero(inside)
        if last is not None and len(per_user) and per_user.max() > last:
            later = np.repeat(np.cumsum(per_user), per_user) - np.arange(len(positions)) - 1
            positions, users = positions[later < last], users[later < last]
        return positions + low, users

    def n_events(self, folds: Collection[int]) -> IntArray:
        """Return the number of events of each user within folds, int64 (n_users,)."""
        total = np.zeros(self.n_users, dtype=np.int64)
        for start, stop in self.blocks():
            _, users = self.selected(start, stop, folds)
            total[start:stop] = np.bincount(users - start, minlength=stop - start)
        return total

    def counts(self, folds: Collection[int], max_events: int = 2000) -> sparse.csr_matrix:
        """Return weighted counts of users by items.

        Parameters
        ----------
        folds
            Folds whose events count.
        max_events
            Only a user's last events within the folds count, so that a bounded store can say the same.

        Returns
        -------
        csr_matrix, float64 (n_users, n_items)
            Sums of positive event weights; no explicit zeros.
        """
        return self._matrix(folds, max_events, None, 0)

    def decayed_counts(self, folds: Collection[int], half_life: float, now: int) -> sparse.csr_matrix:
        """Return counts as :meth:`counts`, of all events, each halved for every ``half_life`` seconds of age."""
        return self._matrix(folds, None, half_life, now)

    def _matrix(
        self, folds: Collection[int], last: int | None, half_life: float | None, now: int
    ) -> sparse.csr_matrix:
        parts = []
        for start, stop in self.blocks():
            positions, users = self.selected(start, stop, folds, last)
            weights = np.maximum(self.weight[positions].astype(np.float64), 0.0)
            if half_life is not None:
                weights *= decay(self.time[positions], half_life, now)
            # Sorting by (user, item) keeps each pair's events in canonical order: sums are the same every time.
            part = sparse.csr_matrix(
                (weights, (users - start, self.item[positions])), shape=(stop - start, self.n_items)
            )
            part.sum_duplicates()
            part.eliminate_zeros()
            parts.append(part)
        if not parts:
            return sparse.csr_matrix((0, self.n_items), dtype=np.float64)
        matrix = sparse.vstack(parts, format="csr")
        matrix.sort_indices()
        return sparse.csr_matrix(matrix)

    def user_index(self, ids: pa.Array) -> IntArray:
        """Return the canonical position of each id, -1 where unknown, int64 (len(ids),)."""
        try:
            ids = _single(ids).cast(self.users.type)
        except pa.ArrowInvalid:
            # Another type: compare what is written, never guess a number.
            ids, users = _single(ids).cast(pa.string()), self.users.cast(pa.string())
        else:
            users = self.users
        found = pc.fill_null(pc.index_in(ids, value_set=users, skip_nulls=True), -1)
        return np.asarray(found, dtype=np.int64)


def decay(time: npt.NDArray[np.int64], half_life: float, now: int) -> FloatArray:
    """Return ``2 ** (-age / half_life)`` of each time; a time after ``now`` has age 0."""
    age = np.maximum(now - np.asarray(time, dtype=np.float64), 0.0)
    return np.asarray(np.exp2(-age / half_life), dtype=np.float64)


def category_codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int32], list[str]]:
    """Return a code for each category (-1 for null), and the names of the codes in sorted order."""
    names = sorted(name for name in pc.unique(column).to_pylist() if name is not None)
    codes = pc.fill_null(pc.index_in(_single(column), value_set=pa.array(names, column.type), skip_nulls=True), -1)
    return np.asarray(codes, dtype=np.int32), names


def item_heat(store: SequenceStore, folds: Collection[int], half_life: float, now: int) -> FloatArray:
    """Return each item's decayed sum of positive event weights, float64 (n_items,)."""
    heat = np.zeros(store.n_items)
    for start, stop in store.blocks():
        positions, _ = store.selected(start, stop, folds)
        weights = np.maximum(store.weight[positions].astype(np.float64), 0.0)
        weights *= decay(store.time[positions], half_life, now)
        heat += np.bincount(store.item[positions], weights=weights, minlength=store.n_items)
    return heat


def future_outcomes(store: SequenceStore, folds: Collection[int]) -> dict[str, FloatArray]:
    """Return what each user did in held-out folds, float64 (n_users,) each.

    Returns
    -------
    dict
        ``future_events`` (count), ``retained`` (1 if any event, else 0) and, where the log carries
        values, ``future_value`` (sum; missing values add nothing).
    """
    events = store.n_events(folds).astype(np.float64)
    outcomes = {"future_events": events, "retained": (events > 0).astype(np.float64)}
    if store.has["value"]:
        total = np.zeros(store.n_users)
        for start, stop in store.blocks():
            positions, users = store.selected(start, stop, folds)
            values = np.nan_to_num(store.value[positions].astype(np.float64), nan=0.0)
            total[start:stop] = np.bincount(users - start, weights=values, minlength=stop - start)
        outcomes["future_value"] = total
    return outcomes


def _single(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
