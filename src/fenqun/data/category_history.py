"""What each user did in each category: the pairs that a forecast of the next category is made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.data.sequence_store import FloatArray, IntArray, SequenceStore, decay

_DAY = 86400.0


@dataclass(frozen=True)
class CategoryHistory:
    """Pairs of users and the categories they took, sorted by user and category.

    Events of items without a category are not here. All figures are counters, decayed sums or a last
    time, which a store of bounded size can keep.

    Attributes
    ----------
    names
        Name of each category code, sorted.
    half_lives
        Seconds, ascending: columns of ``heat``.
    offsets
        int64 (n_users + 1): user ``u`` has pairs ``offsets[u]`` to ``offsets[u + 1]``.
    code
        int32 (n_pairs,): category.
    count
        float64 (n_pairs,): events.
    heat
        float64 (n_pairs, half-lives): events, each halved for every half-life of age.
    age_days
        float64 (n_pairs,): days from the last event to now.
    """

    names: list[str]
    half_lives: tuple[float, ...]
    offsets: IntArray
    code: npt.NDArray[np.int32]
    count: FloatArray
    heat: FloatArray
    age_days: FloatArray

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.offsets) - 1

    def take(self, users: npt.NDArray[np.integer]) -> CategoryHistory:
        """Return the pairs of some users, in the order given."""
        users = np.asarray(users, dtype=np.int64)
        sizes = self.offsets[users + 1] - self.offsets[users]
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        pairs = np.repeat(self.offsets[users] - offsets[:-1], sizes) + np.arange(offsets[-1])
        return CategoryHistory(
            self.names,
            self.half_lives,
            offsets,
            self.code[pairs],
            self.count[pairs],
            self.heat[pairs],
            self.age_days[pairs],
        )

    def dense(self, figure: FloatArray, missing: float = 0.0) -> FloatArray:
        """Lay a figure of the pairs out as (n_users, n_categories)."""
        table = np.full((self.n_users, len(self.names)), missing)
        table[np.repeat(np.arange(self.n_users), np.diff(self.offsets)), self.code] = figure
        return table


def category_history(
    store: SequenceStore,
    folds: Collection[int],
    now: int,
    half_lives: Sequence[float],
    before: int | None = None,
) -> CategoryHistory:
    """Aggregate the events of some folds by user and category, seen from ``now``.

    Parameters
    ----------
    store
        Sequences of all users, with categories.
    folds
        Folds that may be learned from.
    now
        Epoch seconds.
    half_lives
        Seconds; taken once each, ascending.
    before
        Epoch seconds: only events before it count. None: all of the folds.
    """
    codes, names = store.categories
    lives = tuple(sorted({float(life) for life in half_lives}))
    sizes: list[IntArray] = []
    parts: list[tuple[npt.NDArray[np.int32], FloatArray, FloatArray, FloatArray]] = []
    for start, stop in store.blocks():
        positions, users = store.selected(start, stop, folds)
        time, code = store.time[positions], codes[store.item[positions]]
        kept = code >= 0 if before is None else (code >= 0) & (time < before)
        time, key = time[kept], (users[kept] - start) * len(names) + code[kept]
        pairs, place = np.unique(key, return_inverse=True)
        # Events come in canonical order within a pair: each sum is the same every time.
        heat = [np.bincount(place, decay(time, life, now), len(pairs)) for life in lives]
        last = np.full(len(pairs), np.iinfo(np.int64).min)
        np.maximum.at(last, place, time)
        parts.append(
            (
                (pairs % len(names)).astype(np.int32),
                np.bincount(place, minlength=len(pairs)).astype(np.float64),
                np.stack(heat, axis=1),
                np.maximum(now - last.astype(np.float64), 0.0) / _DAY,
            )
        )
        sizes.append(np.bincount(pairs // len(names), minlength=stop - start).astype(np.int64))
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
    code, count, heat_all, age = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return CategoryHistory(names, lives, offsets, code, count, heat_all, age)
