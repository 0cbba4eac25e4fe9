"""Ward on rows that are almost or exactly equal, where rounding decides what is nearest."""

import numpy as np
from fenqun.segmentation.clusterers.ward import cut_tree, ward_tree


def test_every_cut_has_the_number_of_clusters_asked_for_although_rounding_breaks_ties():
    generator = np.random.default_rng(3)
    rows = np.sqrt(generator.dirichlet(np.full(60, 0.05), size=400))
    rows = np.concatenate([rows, rows[:40], rows[:40] + 1e-9 * generator.normal(size=(40, 60)), np.zeros((5, 60))])
    merges = ward_tree(rows, np.ones(len(rows)))
    for k in (1, 2, 7, 25, 100, len(rows)):
        assert len(np.unique(cut_tree(merges, k))) == k
