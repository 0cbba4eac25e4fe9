"""Micro-clusters: a few thousand weighted points that stand for many users."""

from __future__ import annotations

import numpy as np
import sklearn.cluster as skc

from fenqun.segmentation.clusterers.base import count_distinct
from fenqun.segmentation.rule import Floats, Ints, euclidean_rule, means


def micro_clusters(X: Floats, n_micro: int, seed: int) -> tuple[Floats, Ints, Ints]:
    """Summarise rows by mini-batch k-means, as BIRCH and its kin do before an expensive clustering.

    Returns
    -------
    centroids (m, d), sizes (m,) and the micro-cluster of each row (n,); m is at most ``n_micro``.
    """
    k = count_distinct(X, n_micro)
    model = skc.MiniBatchKMeans(k, batch_size=4096, n_init=1, max_iter=20, random_state=seed).fit(X)
    zero = np.zeros(len(X), dtype=np.int64)
    nearest = euclidean_rule(X, zero, model.cluster_centers_).labels(X)
    _, member = np.unique(nearest, return_inverse=True)
    member = member.astype(np.int64)
    sizes = np.bincount(member).astype(np.int64)
    return means(X, member, len(sizes)), sizes, member
