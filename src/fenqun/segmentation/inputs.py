"""What strategies may look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy import sparse

from fenqun.segmentation.rule import Floats, Ints


@dataclass(frozen=True)
class Inputs:
    """What strategies may look at, one row a user, all in the same order.

    Attributes
    ----------
    profiles
        Profile table, n rows.
    counts
        (n, n_items) weights of events.
    category_codes
        (n_items,) index into ``category_names``, -1 for none.
    category_names
        Categories of the catalogue.
    attributes
        Columns ``attr_*`` of ``profiles``.
    learned
        (n, d) reduced fused vectors, None where nothing was learned.
    external
        n segments that a company already has, None for users missing in its file; None without a file.
    """

    profiles: pa.Table
    counts: sparse.csr_matrix
    category_codes: Ints
    category_names: list[str]
    attributes: list[str]
    learned: Floats | None = None
    external: Sequence[str | None] | None = None

    @property
    def n_users(self) -> int:
        """Number of users."""
        return int(self.profiles.num_rows)

    def rows(self, index: Ints) -> Inputs:
        """Return the same for some users."""
        return replace(
            self,
            profiles=self.profiles.take(pa.array(index)),
            counts=self.counts[index],
            learned=None if self.learned is None else self.learned[index],
            external=None if self.external is None else [self.external[i] for i in index],
        )


def numbers(column: pa.ChunkedArray) -> Floats:
    """Return a numeric column as float64, nulls and infinities as NaN."""
    values = np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)
