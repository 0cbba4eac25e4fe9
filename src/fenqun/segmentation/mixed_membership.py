"""Weights of a user over segments: the mixture of segments that the user's vector is nearest to."""

from __future__ import annotations

import numpy as np

from fenqun.segmentation.rule import Floats, Ints

_NEARNESS = 0.01
"""How much nearness counts beside the fit: enough that the answer is unique where segments lie on a line."""
_TOTAL = 100.0
"""Weight of the condition that weights sum to one, beside the longest distance to a segment."""


def mixed_membership(X: Floats, centroids: Floats, labels: Ints) -> Floats:
    """Return weights over segments, (n, k), not negative, rows sum to one.

    A user vector is close to linear in what the user did, so someone who does seven tenths as one segment and three
    tenths as another lies that far between their centroids. The weights ``w`` minimise
    ``|x - sum_s w_s c_s|^2 + 0.01 sum_s (w_s |x - c_s|)^2`` on the simplex. A posterior would say something else: how sure
    it is that the user belongs to one segment alone, which is nearly certain after a few dozen events whatever they are.

    Parameters
    ----------
    X
        (n, d) features of users.
    centroids
        (k, d).
    labels
        (n,) segment of each user. Where another one would weigh more, which can happen at a border, the user's own is
        made to weigh as much.

    Notes
    -----
    Non-negative least squares (Lawson and Hanson, 1974, chapter 23) on the local reconstruction of Roweis and Saul (2000).
    Each row is solved by itself: a user gets the same alone as in a batch.
    """
    from scipy.optimize import nnls

    n, k = len(X), len(centroids)
    found = np.zeros((n, k))
    d = X.shape[1]
    system, wanted = np.zeros((d + k + 1, k)), np.zeros(d + k + 1)
    diagonal = np.arange(k)
    for row in range(n):
        away = X[row] - centroids
        length = np.sqrt(np.square(away).sum(axis=1))
        if length[labels[row]] == 0 or k == 1:
            found[row, labels[row]] = 1.0
            continue
        system[:d] = away.T
        system[d + diagonal, diagonal] = np.sqrt(_NEARNESS) * length
        system[-1] = wanted[-1] = _TOTAL * length.max()
        found[row] = nnls(system, wanted)[0]
    users = np.arange(n)
    found[users, labels] = found.max(axis=1)
    shares: Floats = found / found.sum(axis=1, keepdims=True)
    return shares
