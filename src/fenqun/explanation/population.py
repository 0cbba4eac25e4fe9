"""What explanation reads: users with their segments, profiles and counts, and the items' words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from fenqun.schema import USER


@dataclass(frozen=True)
class Population:
    """Users in canonical order with everything that can tell their segments apart.

    Parameters
    ----------
    labels
        ``(n,)`` segment of each user as an index into ``segment_ids``.
    segment_ids
        Names of the ``k`` segments, such as ``S01``.
    profiles
        ``n`` rows in the same order, with ``user_id``, numeric traits and ``attr_*`` columns.
    counts
        ``(n, n_items)`` positive event weights per user and item.
    item_ids
        ``(n_items,)`` in the order of the columns of ``counts``.
    texts
        Text of each item, None where it has none.
    category_codes, category_names
        Category of each item as an index into the names, -1 for none.
    themes
        Topic that each item's text was matched to where there are no categories, None for none; empty: not asked.

    Raises
    ------
    ValueError
        If lengths disagree or a label lies outside the segments.
    """

    labels: NDArray[np.int64]
    segment_ids: Sequence[str]
    profiles: pa.Table
    counts: sparse.csr_matrix
    item_ids: pa.Array | pa.ChunkedArray
    texts: Sequence[str | None]
    category_codes: NDArray[np.int32]
    category_names: Sequence[str]
    themes: Sequence[str | None] = ()
    membership: sparse.csr_matrix = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n, n_items = self.counts.shape
        rows = {"labels": len(self.labels), "profiles": self.profiles.num_rows}
        columns = {name: len(getattr(self, name)) for name in ("item_ids", "texts", "category_codes")}
        for name, length in rows.items():
            if length != n:
                raise ValueError(f"{name} has {length} rows, counts has {n} users")
        for name, length in columns.items():
            if length != n_items:
                raise ValueError(f"{name} has {length} rows, counts has {n_items} items")
        labels = np.asarray(self.labels, dtype=np.int64)
        if n and (labels.min() < 0 or labels.max() >= self.k):
            raise ValueError(f"labels lie in {labels.min()}..{labels.max()}, there are {self.k} segments")
        one_hot = sparse.csr_matrix((np.ones(n), (labels, np.arange(n))), shape=(self.k, n))
        object.__setattr__(self, "membership", one_hot)

    @property
    def k(self) -> int:
        """Number of segments."""
        return len(self.segment_ids)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """``(k,)`` users of each segment."""
        return np.bincount(self.labels, minlength=self.k).astype(np.int64)

    def regrouped(self, labels: NDArray[np.int64], segment_ids: Sequence[str]) -> Population:
        """Return the same users in other groups."""
        return replace(self, labels=labels, segment_ids=segment_ids)

    def subset(self, rows: NDArray[np.int64]) -> Population:
        """Return some of the users, all else as it is."""
        return replace(
            self,
            labels=np.asarray(self.labels)[rows],
            profiles=self.profiles.take(pa.array(rows, pa.int64())),
            counts=self.counts[rows],
        )

    def user_texts(self, rows: NDArray[np.int64]) -> list[str]:
        """User ids of some rows as text."""
        return [str(user) for user in self.profiles[USER].take(pa.array(rows, pa.int64())).to_pylist()]
