"""Ward's hierarchical clustering: one tree, cut at every k."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from fenqun.segmentation.clusterers.base import Clusterer, checked, count_distinct, one_order_of_sums
from fenqun.segmentation.clusterers.micro import micro_clusters
from fenqun.segmentation.clusterers.sampling import SAMPLED_ABOVE, draw_rows, sampled
from fenqun.segmentation.rule import Floats, Ints, euclidean_rule, means

DENSE_ROWS = 8_000
"""Rows up to which all pairwise distances are held in memory (256 MB)."""


class Ward(Clusterer):
    """Merge the pair that adds least to the within-cluster sum of squares (Ward, 1963).

    Above ``micro_above`` rows the leaves are k-means micro-clusters, each weighing as much as its
    users, so that the merging cost stays the one of the users themselves. Fitted rows keep the cut of
    the tree in ``labels_``; :meth:`predict` goes to the nearest centroid. Above ``sample_above`` rows the tree is of a
    seeded sample of so many, and all others go to the nearest centroid of its cut.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        micro_above: int = 20_000,
        n_micro: int = 2_000,
        sample_above: int = SAMPLED_ABOVE,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.n_clusters = n_clusters
        self.micro_above = micro_above
        self.n_micro = n_micro
        self.sample_above = sample_above
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        self._cut(X, *self._grow(X))

    def _grow(self, X: Floats) -> tuple[Ints, Ints, Ints]:
        """Return the drawn rows, the merges, and the leaf of each drawn row."""
        drawn = draw_rows(X, self.sample_above, self.seed)
        rows = X[drawn] if len(drawn) < len(X) else X
        if len(rows) <= self.micro_above:
            tree = dense_ward_tree(rows) if len(rows) <= DENSE_ROWS else ward_tree(rows, np.ones(len(rows)))
            return drawn, tree, np.arange(len(rows), dtype=np.int64)
        centroids, sizes, leaf = micro_clusters(rows, self.n_micro, self.seed)
        return drawn, ward_tree(centroids, sizes.astype(np.float64)), leaf

    def _cut(self, X: Floats, drawn: Ints, merges: Ints, leaf: Ints) -> None:
        leaves = len(merges) + 1
        k = min(count_distinct(X[drawn], self.n_clusters), leaves)
        labels = cut_tree(merges, k)[leaf]
        if len(drawn) < len(X):
            cut = labels
            labels = euclidean_rule(X[drawn], cut, means(X[drawn], cut, k)).labels(X)
            labels[drawn] = cut
        self._settle(labels, euclidean_rule(X, labels, means(X, labels, k)), leaves=leaves, **sampled(X, drawn))

    @classmethod
    def fit_many(cls, clusterers: Sequence[Self], X: Any) -> Iterator[Self]:
        """Grow the tree once and cut it for each."""
        grown: dict[tuple[Any, ...], tuple[Ints, Ints, Ints]] = {}
        for clusterer in clusterers:
            rows = checked(clusterer, X, reset=True)
            key = clusterer.shared_settings("n_clusters")
            with one_order_of_sums(clusterer.threads):
                if key not in grown:
                    grown[key] = clusterer._grow(rows)
                clusterer._cut(rows, *grown[key])
            yield clusterer


def dense_ward_tree(points: Floats) -> Ints:
    """Return the same tree by SciPy: ten times faster, with all pairwise distances in memory.

    Parameters
    ----------
    points
        (n, d).

    Returns
    -------
    (n - 1, 2) pairs of leaves, one in each of the two clusters merged, from the cheapest merge up.
    """
    from scipy.cluster.hierarchy import linkage

    n = len(points)
    if n < 2:
        return np.empty((0, 2), dtype=np.int64)
    children = linkage(points, method="ward")[:, :2].astype(np.int64)
    leaf = np.arange(2 * n - 1)
    for merge, (a, b) in enumerate(children):
        leaf[n + merge] = min(leaf[a], leaf[b])
    return np.asarray(leaf[children], dtype=np.int64)


def ward_tree(points: Floats, sizes: Floats) -> Ints:
    """Return Ward merges of weighted points by nearest-neighbour chains (Murtagh and Contreras, 2012).

    The cost of a merge is ``n_a n_b / (n_a + n_b) |c_a - c_b|^2``. Clusters are kept as centroids, so
    memory is O(n d) where a matrix of distances would be O(n^2), and starting sizes are free.

    Parameters
    ----------
    points
        (n, d).
    sizes
        (n,) positive.

    Returns
    -------
    (n - 1, 2) pairs of leaves, one in each of the two clusters merged, from the cheapest merge up.
    """
    n = len(points)
    centre = points - points.mean(axis=0)
    size = sizes.astype(np.float64).copy()
    norm = np.einsum("nd,nd->n", centre, centre)
    alive = np.ones(n, dtype=bool)
    name = np.arange(n)
    pairs = np.empty((max(n - 1, 0), 2), dtype=np.int64)
    costs = np.empty(max(n - 1, 0))
    chain: list[int] = []
    links: list[float] = []  # costs along the chain fall strictly, so it ends whatever rounding does
    for merge in range(n - 1):
        while True:
            if not chain:
                chain, links = [int(alive.argmax())], [np.inf]
            top = chain[-1]
            cost = np.maximum(norm + norm[top] - 2.0 * (centre @ centre[top]), 0.0) * (
                size * size[top] / (size + size[top])
            )
            cost[top] = np.inf
            cost[~alive] = np.inf
            near = int(cost.argmin())
            # A cluster that is in the chain already can only look nearer by rounding: as near as the last.
            if len(chain) > 1 and (near in chain or not cost[near] < links[-1]):
                break
            chain.append(near)
            links.append(float(cost[near]))
        a, b = sorted(chain[-2:])
        pairs[merge], costs[merge] = (name[a], name[b]), links[-1]
        del chain[-2:], links[-2:]
        total = size[a] + size[b]
        centre[a] = (size[a] * centre[a] + size[b] * centre[b]) / total
        norm[a] = centre[a] @ centre[a]
        size[a], alive[b] = total, False
    return pairs[np.argsort(costs, kind="stable")]


def cut_tree(merges: Ints, k: int) -> Ints:
    """Return the cluster of each leaf once all but the last ``k - 1`` merges are done, numbered by first leaf."""
    n = len(merges) + 1
    parent = np.arange(n)

    def root(leaf: int) -> int:
        while parent[leaf] != leaf:
            parent[leaf] = parent[parent[leaf]]
            leaf = int(parent[leaf])
        return leaf

    for a, b in merges[: n - k]:
        low, high = sorted((root(int(a)), root(int(b))))
        parent[high] = low
    roots = np.array([root(leaf) for leaf in range(n)])
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)
