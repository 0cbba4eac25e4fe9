"""Lloyd's k-means, whole and in mini-batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
import sklearn.cluster as skc

from fenqun.segmentation.clusterers.base import Clusterer, checked, count_distinct, one_order_of_sums
from fenqun.segmentation.clusterers.density import sample_rows
from fenqun.segmentation.clusterers.sampling import SAMPLED_ABOVE, draw_rows, sampled
from fenqun.segmentation.clusterers.ward import cut_tree, dense_ward_tree
from fenqun.segmentation.rule import Floats, Ints, euclidean_rule, means

TREE_ROWS = 1_500
"""Users on whose Ward tree one start of k-means rests."""


class KMeans(Clusterer):
    """Lloyd's algorithm from k-means++ starts (Arthur and Vassilvitskii, 2007) and from a cut of Ward's tree.

    The best of all by inertia stays. With many clusters, random starts nearly always leave two groups merged and another
    split; a tree of a sample sees all of them at once (Fisher, 1996, AAAI: iterative optimisation of a hierarchical start).

    Above ``sample_above`` users the centroids are found on a seeded sample of so many, and moved by one step of the
    algorithm to the means of all users who are nearest.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: int = 5,
        max_iter: int = 300,
        sample_above: int = SAMPLED_ABOVE,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.sample_above = sample_above
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        self._lloyd(X, *self._start(X))

    def _start(self, X: Floats) -> tuple[Floats, Floats, Ints]:
        """Return the rows to learn from, those of them that the tree is of, and its merges."""
        rows = X[draw_rows(X, self.sample_above, self.seed)] if len(X) > self.sample_above else X
        leaves = rows[sample_rows(len(rows), TREE_ROWS, self.seed)]
        return rows, leaves, dense_ward_tree(leaves)

    def _lloyd(self, X: Floats, rows: Floats, leaves: Floats, merges: Ints) -> None:
        k = count_distinct(rows, self.n_clusters)
        model = skc.KMeans(k, n_init=self.n_init, max_iter=self.max_iter, random_state=self.seed).fit(rows)
        if 1 < k <= len(leaves):
            start = means(leaves, cut_tree(merges, k), k)
            grown = skc.KMeans(k, init=start, n_init=1, max_iter=self.max_iter).fit(rows)
            model = grown if grown.inertia_ < model.inertia_ else model
        self.n_iter_ = int(model.n_iter_)
        centres = model.cluster_centers_
        if len(rows) < len(X):
            nearest = euclidean_rule(rows, model.labels_, centres).labels(X)
            centres = means(X, nearest, k)[np.unique(nearest)]
        settle_centres(self, X, centres, **sampled(X, rows))

    @classmethod
    def fit_many(cls, clusterers: Sequence[Self], X: Any) -> Iterator[Self]:
        """Draw the sample and grow the tree once for all numbers of clusters."""
        grown: dict[tuple[Any, ...], tuple[Floats, Floats, Ints]] = {}
        for clusterer in clusterers:
            rows = checked(clusterer, X, reset=True)
            key = clusterer.shared_settings("n_clusters")
            with one_order_of_sums(clusterer.threads):
                if key not in grown:
                    grown[key] = clusterer._start(rows)
                clusterer._lloyd(rows, *grown[key])
            yield clusterer


class MiniBatchKMeans(Clusterer):
    """Mini-batch k-means (Sculley, 2010): for many users, at a small loss of objective.

    It starts from random rows and from a cut of Ward's tree, as :class:`KMeans` does.
    """

    def __init__(
        self, n_clusters: int = 8, *, batch_size: int = 2048, n_init: int = 3, seed: int = 0, threads: int = 1
    ) -> None:
        self.n_clusters = n_clusters
        self.batch_size = batch_size
        self.n_init = n_init
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        k = count_distinct(X, self.n_clusters)
        settings = {"batch_size": self.batch_size, "random_state": self.seed}
        model = skc.MiniBatchKMeans(k, n_init=self.n_init, **settings).fit(X)
        leaves = X[sample_rows(len(X), TREE_ROWS, self.seed)]
        if 1 < k <= len(leaves):
            start = means(leaves, cut_tree(dense_ward_tree(leaves), k), k)
            grown = skc.MiniBatchKMeans(k, init=start, n_init=1, **settings).fit(X)
            model = grown if grown.inertia_ < model.inertia_ else model
        settle_centres(self, X, model.cluster_centers_)


def settle_centres(clusterer: Clusterer, X: Floats, centres: Floats, **resolved: Any) -> None:
    """Settle on the nearest of ``centres``; a centre that nobody is nearest to is dropped."""
    rule = euclidean_rule(X, np.zeros(len(X), dtype=np.int64), np.asarray(centres, dtype=np.float64))
    rule = rule.reordered(np.unique(rule.labels(X)))
    labels = rule.labels(X)
    clusterer._settle(labels, euclidean_rule(X, labels, rule.centroids), **resolved)
