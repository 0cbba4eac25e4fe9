"""Where the tree of HDBSCAN puts users who did not grow it, all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fenqun.segmentation.rule import Floats, Ints


@dataclass(frozen=True)
class Neighbours:
    """The nearest sampled rows of the rows that were not drawn.

    Attributes
    ----------
    rows, rest
        Positions of the sample, (s,), and of the others, (r,).
    distances, nearest
        (r, m) by rising distance; ``nearest`` counts within the sample.
    """

    rows: Ints
    rest: Ints
    distances: Floats
    nearest: Ints

    @classmethod
    def of(cls, X: Floats, rows: Ints, count: int) -> Neighbours:
        """Measure the ``count`` nearest of the sampled ``rows`` of ``X``."""
        from sklearn.neighbors import NearestNeighbors

        rest = np.setdiff1d(np.arange(len(X)), rows, assume_unique=True)
        if not len(rest):
            return cls(rows, rest, np.empty((0, count)), np.empty((0, count), dtype=np.int64))
        distances, nearest = NearestNeighbors(n_neighbors=count).fit(X[rows]).kneighbors(X[rest])
        return cls(rows, rest, distances, nearest)


def place(model: Any, found: Neighbours) -> Ints:
    """Return the cluster of each row that was not drawn, (r,), -1 for noise.

    The rule of ``hdbscan.approximate_predict``, which walks the tree for one row at a time (half a millisecond each): a row
    joins its nearest neighbour by mutual reachability, and climbs from there to the cluster that is as sparse as itself.

    Parameters
    ----------
    model
        A fitted ``hdbscan.HDBSCAN`` with prediction data.
    found
        At least one neighbour more than the model's ``min_samples``.
    """
    data = model.prediction_data_
    if not len(data.cluster_tree):
        return np.full(len(found.rest), -1, dtype=np.int64)
    tree = model.condensed_tree_.to_numpy()
    parent = np.zeros(int(tree["child"].max()) + 1, dtype=np.int64)
    density = np.zeros(len(parent))  # at which a row or cluster leaves its parent
    parent[tree["child"]], density[tree["child"]] = tree["parent"], tree["lambda_val"]
    label = np.full(len(parent), -1, dtype=np.int64)
    label[list(data.cluster_map)] = list(data.cluster_map.values())

    own = found.distances[:, [model.min_samples]]
    reach = np.maximum(np.maximum(found.distances, own), data.core_distances[found.nearest])
    best = reach.argmin(axis=1)[:, None]
    near = np.take_along_axis(found.nearest, best, axis=1)[:, 0]
    reached = np.take_along_axis(reach, best, axis=1)[:, 0]
    dense = np.divide(1.0, reached, out=np.full(len(reached), np.finfo(np.float64).max), where=reached > 0)
    cluster, root = parent[near], int(tree["parent"].min())
    climbs = density[near] > dense
    while (climbs := climbs & (cluster > root) & (density[cluster] >= dense)).any():
        cluster[climbs] = parent[cluster[climbs]]
    return label[cluster]
