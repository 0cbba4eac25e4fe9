"""Lists of users who are of several segments, or of whom it is not sure which: the segments' rates, mixed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.evaluation.ranking import group_scores, smoothing_mass

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def segment_rates(counts: sparse.csr_matrix, labels: Ints, k: int, smoothing: float) -> Floats:
    """Return how much a user of each segment takes of each item, on average, (k, n_items).

    The smoothed shares of a segment (:func:`fenqun.evaluation.ranking.group_scores`) times what one of its users takes in
    all. Ranks items within a segment as the shares do; between segments, those whose users take much count more.

    Parameters
    ----------
    counts
        CSR, shape (n_users, n_items), non-negative, weighed as :func:`fenqun.evaluation.ranking.weigh` does.
    labels
        (n_users,) segments below ``k``; negative: of no segment, but of everyone.
    k
        Number of segments.
    smoothing
        Everyone's events added to each segment, as a share of the mean segment's.
    """
    shares = group_scores(counts, labels, k, smoothing_mass(counts, k, smoothing))
    mass = np.asarray(counts.sum(axis=1)).ravel()
    inside = labels >= 0
    users = np.bincount(labels[inside], minlength=k)
    total = np.bincount(labels[inside], weights=mass[inside], minlength=k)
    each = np.divide(total, users, out=np.zeros(k), where=users > 0)
    return np.asarray(shares * each[:, None])


def mixed_scores(weights: Floats, rates: Floats) -> Floats:
    """Return what users take of each item, (n, n_items): the mean of the segments' rates under each user's weights.

    With the probabilities of segments as weights, this is the expected taking: by the shares of the segments it ranks as
    popularity does, and the surer a user's segment is, the more as that segment does.

    Parameters
    ----------
    weights
        (n, k), rows sum to one.
    rates
        (k, n_items) of :func:`segment_rates`.
    """
    # the last bits of a product depend on how many rows are multiplied at once
    return np.asarray((np.asarray(weights, dtype=np.float64) @ rates).round(12))
