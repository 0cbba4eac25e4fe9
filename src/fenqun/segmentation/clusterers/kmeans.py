"""Lloyd's k-means, whole and in mini-batches."""

from __future__ import annotations

import numpy as np
import sklearn.cluster as skc

from fenqun.segmentation.clusterers.base import Clusterer, count_distinct
from fenqun.segmentation.rule import Floats, euclidean_rule


class KMeans(Clusterer):
    """Lloyd's algorithm from k-means++ starts (Arthur and Vassilvitskii, 2007)."""

    def __init__(
        self, n_clusters: int = 8, *, n_init: int = 5, max_iter: int = 300, seed: int = 0, threads: int = 1
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        k = count_distinct(X, self.n_clusters)
        model = skc.KMeans(k, n_init=self.n_init, max_iter=self.max_iter, random_state=self.seed).fit(X)
        self.n_iter_ = int(model.n_iter_)
        settle_centres(self, X, model.cluster_centers_)


class MiniBatchKMeans(Clusterer):
    """Mini-batch k-means (Sculley, 2010): for many users, at a small loss of objective."""

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
        model = skc.MiniBatchKMeans(k, batch_size=self.batch_size, n_init=self.n_init, random_state=self.seed)
        settle_centres(self, X, model.fit(X).cluster_centers_)


def settle_centres(clusterer: Clusterer, X: Floats, centres: Floats) -> None:
    """Settle on the nearest of ``centres``; a centre that nobody is nearest to is dropped."""
    rule = euclidean_rule(X, np.zeros(len(X), dtype=np.int64), np.asarray(centres, dtype=np.float64))
    rule = rule.reordered(np.unique(rule.labels(X)))
    labels = rule.labels(X)
    clusterer._settle(labels, euclidean_rule(X, labels, rule.centroids))
