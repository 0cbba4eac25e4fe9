"""Ward on rows of which many are equal, where rounding decides what is nearest."""

import numpy as np
import pytest

from fenqun.segmentation.clusterers.ward import cut_tree, dense_ward_tree, ward_tree


@pytest.mark.parametrize("seed", [1, 8, 12, 16, 19])
def test_every_cut_has_the_number_of_clusters_asked_for(seed):
    generator = np.random.default_rng(seed)
    d, n = int(generator.integers(2, 60)), int(generator.integers(60, 200))
    weights = generator.lognormal(0, 1.5, d)
    # Shares of a few events are often equal; their square roots are not exact.
    draws = [int(generator.integers(1, 4)) if generator.random() < 0.5 else 300 for _ in range(n)]
    counts = np.array([generator.multinomial(total, weights / weights.sum()) for total in draws], dtype=float)
    rows = np.sqrt(counts / counts.sum(axis=1, keepdims=True))
    merges = ward_tree(rows, np.ones(n))
    for k in (1, 2, 7, 25, n):
        assert len(np.unique(cut_tree(merges, k))) == k


@pytest.mark.parametrize("seed", range(4))
def test_both_ways_to_grow_the_tree_give_the_same_partitions(seed):
    rows = np.random.default_rng(seed).normal(size=(150, 5))
    sparing, dense = ward_tree(rows, np.ones(150)), dense_ward_tree(rows)
    for k in (2, 5, 30):
        assert (cut_tree(sparing, k) == cut_tree(dense, k)).all()
