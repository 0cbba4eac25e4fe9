"""Density-based clusterers: they find their own number of clusters and leave noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

import numpy as np
import sklearn.cluster as skc

from fenqun.segmentation.clusterers.base import Clusterer, checked, count_distinct, one_order_of_sums
from fenqun.segmentation.clusterers.placing import Neighbours, place
from fenqun.segmentation.clusterers.sampling import sampled
from fenqun.segmentation.rule import Floats, Ints, Rule, means, within_temperature

_MEMBERS_PER_PROTOTYPE = 50
_MOST_PROTOTYPES = 8


class DBSCAN(Clusterer):
    """Clusters are connected regions of at least ``min_samples`` users within ``eps`` (Ester et al., 1996).

    ``eps`` is read off the curve of distances to the ``min_samples``-th neighbour at
    ``eps_quantile``, which is then the share of users in dense places. ``min_samples`` is twice the
    width (Sander et al., 1998), at most one in a hundred users and at least 4. Neighbourhoods are
    quadratic in memory: above ``sample_above`` rows they are those of a seeded sample, and another
    user belongs to the nearest dense place within ``eps``, or is noise.
    """

    def __init__(
        self,
        eps_quantile: float = 0.8,
        *,
        min_samples: int | None = None,
        sample_above: int = 8_000,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.eps_quantile = eps_quantile
        self.min_samples = min_samples
        self.sample_above = sample_above
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        self._connect(X, *self._curve(X))

    def _curve(self, X: Floats) -> tuple[Ints, int, Floats]:
        """Return the sampled rows, ``min_samples``, and each one's distance to that neighbour, itself the first."""
        from sklearn.neighbors import NearestNeighbors

        rows = sample_rows(len(X), self.sample_above, self.seed)
        needed = self.min_samples or max(4, min(2 * X.shape[1], len(rows) // 100))
        needed = min(needed, len(rows))
        distances, _ = NearestNeighbors(n_neighbors=needed).fit(X[rows]).kneighbors(X[rows])
        return rows, needed, distances[:, -1]

    def _connect(self, X: Floats, rows: Ints, needed: int, curve: Floats) -> None:
        eps = float(np.quantile(curve, self.eps_quantile, method="higher"))
        if eps <= 0:  # most rows coincide: any radius below the next distance says the same
            eps = float(curve[curve > 0].min()) / 2 if (curve > 0).any() else 1.0
        model = skc.DBSCAN(eps=eps, min_samples=needed).fit(X[rows])
        labels = np.full(len(X), -1, dtype=np.int64)
        labels[rows] = model.labels_
        if len(rows) < len(X) and len(model.components_):
            from sklearn.neighbors import NearestNeighbors

            rest = np.setdiff1d(np.arange(len(X)), rows, assume_unique=True)
            dense = model.labels_[model.core_sample_indices_]
            distance, near = NearestNeighbors(n_neighbors=1).fit(model.components_).kneighbors(X[rest])
            labels[rest] = np.where(distance[:, 0] <= eps, dense[near[:, 0]], -1)
        settle_density(self, X, labels, eps=float(f"{eps:.6g}"), min_samples=needed, **sampled(X, rows))

    @classmethod
    def fit_many(cls, clusterers: Sequence[Self], X: Any) -> Iterator[Self]:
        """Measure distances to neighbours once for all radii."""
        measured: dict[tuple[Any, ...], tuple[Ints, int, Floats]] = {}
        for clusterer in clusterers:
            checked_rows = checked(clusterer, X, reset=True)
            key = clusterer.shared_settings("eps_quantile")
            with one_order_of_sums(clusterer.threads):
                if key not in measured:
                    measured[key] = clusterer._curve(checked_rows)
                clusterer._connect(checked_rows, *measured[key])
            yield clusterer


class HDBSCAN(Clusterer):
    """The most persistent clusters over all densities (Campello et al., 2013), by the hdbscan package.

    Parameters
    ----------
    min_share
        Least size of a cluster as a share of users.
    selection
        ``eom`` (excess of mass) or ``leaf`` (the finest clusters of the tree).
    min_samples
        Neighbours that make a dense place; more leave more noise.
    sample_above
        Above so many rows the tree is built on a seeded sample of that size, and the rest is placed in
        it by the rule of approximate prediction.
    """

    def __init__(
        self,
        min_share: float = 0.01,
        *,
        selection: Literal["eom", "leaf"] = "eom",
        min_samples: int = 5,
        sample_above: int = 5_000,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.min_share = min_share
        self.selection = selection
        self.min_samples = min_samples
        self.sample_above = sample_above
        self.seed = seed
        self.threads = threads

    def _fit(self, X: Floats) -> None:
        self._grow(X, self._neighbours(X))

    def _neighbours(self, X: Floats) -> Neighbours:
        rows = sample_rows(len(X), self.sample_above, self.seed)
        return Neighbours.of(X, rows, min(2 * self.min_samples, len(rows)))

    def _grow(self, X: Floats, near: Neighbours) -> None:
        import hdbscan

        rows, n = near.rows, len(near.rows)
        least = max(5, round(self.min_share * n))
        if n <= least or count_distinct(X, 2) == 1:
            settle_density(self, X, np.zeros(len(X), dtype=np.int64), min_cluster_size=least)
            return
        model = hdbscan.HDBSCAN(
            min_cluster_size=least,
            min_samples=min(self.min_samples, n - 1),
            cluster_selection_method=self.selection,
            core_dist_n_jobs=1,
            prediction_data=n < len(X),
        ).fit(X[rows])
        labels = np.empty(len(X), dtype=np.int64)
        labels[rows] = model.labels_
        if n < len(X):
            labels[near.rest] = place(model, near)
        settle_density(self, X, labels, min_cluster_size=least, **sampled(X, rows))

    @classmethod
    def fit_many(cls, clusterers: Sequence[Self], X: Any) -> Iterator[Self]:
        """Measure the distances of users outside of the sample once for all trees."""
        measured: dict[tuple[Any, ...], Neighbours] = {}
        for clusterer in clusterers:
            checked_rows = checked(clusterer, X, reset=True)
            key = (clusterer.min_samples, clusterer.sample_above, clusterer.seed)
            with one_order_of_sums(clusterer.threads):
                if key not in measured:
                    measured[key] = clusterer._neighbours(checked_rows)
                clusterer._grow(checked_rows, measured[key])
            yield clusterer


def sample_rows(n: int, most: int, seed: int) -> Ints:
    """Return at most ``most`` of ``n`` rows, ascending."""
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False)).astype(np.int64)


def settle_density(clusterer: Clusterer, X: Floats, labels: Ints, **resolved: Any) -> None:
    """Settle on labels with noise: a segment is known by up to eight local means, so it need not be round.

    Means are kept, not members such as core points, so that a stored segmentation is no list of user
    vectors; a local mean of a single user is still that user's.
    """
    k = int(labels.max()) + 1
    if k == 0:
        everyone = X.mean(axis=0, keepdims=True)
        spread = within_temperature(X, np.zeros(len(X), dtype=np.int64), everyone)
        clusterer._settle(labels, Rule(everyone, np.zeros(1, dtype=np.int64), everyone, spread), **resolved)
        return
    centroids = means(X, labels, k)
    prototypes, owner = [], []
    for segment in range(k):
        members = X[labels == segment]
        wanted = min(_MOST_PROTOTYPES, -(-len(members) // _MEMBERS_PER_PROTOTYPE))
        wanted = count_distinct(members, wanted)
        local = skc.KMeans(wanted, n_init=1, random_state=clusterer.seed).fit(members).cluster_centers_
        prototypes.append(local)
        owner += [segment] * len(local)
    inside = labels >= 0
    spread = within_temperature(X[inside], labels[inside], centroids)
    rule = Rule(np.vstack(prototypes), np.array(owner, dtype=np.int64), centroids, spread)
    clusterer._settle(labels, rule, **resolved)
