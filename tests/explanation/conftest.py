from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from fenqun.explanation.population import Population

N, ITEMS_PER_CATEGORY = 240, 8
CATEGORIES = ("BAKERY", "Frozen Ice", "甜品", "HOME CARE")


@pytest.fixture(scope="session")
def planted() -> Callable[..., Population]:
    """A log whose four segments each take twice as much of one category; S01 also acts three times as often."""

    def build(
        categories: tuple[str, ...] | None = CATEGORIES,
        shuffle: bool = False,
        seed: int = 3,
        texts: bool = True,
    ) -> Population:
        rng = np.random.default_rng(seed)
        labels = np.repeat(np.arange(4), N // 4)
        codes = np.repeat(np.arange(4, dtype=np.int32), ITEMS_PER_CATEGORY)
        n_items = len(codes)
        activity = rng.poisson(np.where(labels == 0, 90, 30)) + 1
        counts = np.zeros((N, n_items))
        for user, (label, events) in enumerate(zip(labels, activity, strict=True)):
            weights = np.where(codes == label, 3.0, 1.0)
            counts[user] = rng.multinomial(events, weights / weights.sum())
        profile = {
            "user_id": [f"u{i:04d}" for i in range(N)],
            "n_events": activity,
            "share_weekend": rng.beta(2, 5, N),
            "attr_region": np.where(
                (labels == 1) & (rng.random(N) < 0.8), "north", rng.choice(["east", "west"], N)
            ),
            "attr_age": rng.integers(18, 80, N).astype(float),
        }
        if shuffle:
            labels = rng.permutation(labels)
        return Population(
            labels=labels,
            segment_ids=["S01", "S02", "S03", "S04"],
            profiles=pa.table(profile),
            counts=sparse.csr_matrix(counts),
            item_ids=pa.array([f"i{i:03d}" for i in range(n_items)]),
            texts=[f"THING NUMBER {i}" for i in range(n_items)] if texts else [None] * n_items,
            category_codes=codes if categories else np.full(n_items, -1, np.int32),
            category_names=list(categories or ()),
        )

    return build
