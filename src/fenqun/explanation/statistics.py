"""Tests and effect sizes of groups against everyone else, for many features at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]


def benjamini_hochberg(p: Array) -> Array:
    """Adjust p-values for the false discovery rate (Benjamini & Hochberg, 1995).

    NaN stays NaN and is not counted as a test.

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    flat = np.asarray(p, dtype=np.float64).ravel()
    adjusted = np.full(flat.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    m = len(order)
    scaled = flat[order] * m / np.arange(1, m + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted.reshape(np.shape(p))


def welch(n: Array, total: Array, squares: Array) -> tuple[Array, Array]:
    """Compare each group with everyone else by Cohen's d and Welch's t test.

    Parameters
    ----------
    n, total, squares
        ``(k, p)`` number of known values, their sum and their sum of squares, per group and feature.

    Returns
    -------
    d, p
        ``(k, p)`` Cohen's d with the pooled deviation, and two-sided p-values; NaN where a side has
        fewer than two values or nothing varies.
    """
    from scipy import stats

    others, other_total, other_squares = (x.sum(axis=0) - x for x in (n, total, squares))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, other_mean = total / n, other_total / others
        variance = np.maximum(squares - n * mean**2, 0) / (n - 1)
        other_variance = np.maximum(other_squares - others * other_mean**2, 0) / (others - 1)
        pooled = np.sqrt(((n - 1) * variance + (others - 1) * other_variance) / (n + others - 2))
        first, second = variance / n, other_variance / others
        t = (mean - other_mean) / np.sqrt(first + second)
        freedom = (first + second) ** 2 / (first**2 / (n - 1) + second**2 / (others - 1))
        d = (mean - other_mean) / pooled
    # differences of sums that should cancel leave dust: a deviation of nothing is nothing
    scale = np.sqrt(np.maximum(squares.sum(axis=0), 0) / np.maximum(n.sum(axis=0), 1))
    unknown = (n < 2) | (others < 2) | ~(pooled > 1e-7 * np.maximum(scale, 1e-300))
    p = 2 * stats.t.sf(np.abs(t), freedom)
    return np.where(unknown, np.nan, d), np.where(unknown, np.nan, p)


def dense_moments(membership: sparse.csr_matrix, values: Array) -> tuple[Array, Array, Array]:
    """Return count, sum and sum of squares per group of ``(n, p)`` values, NaN left out."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    return membership @ known.astype(np.float64), membership @ filled, membership @ filled**2


def sparse_moments(membership: sparse.csr_matrix, values: sparse.csr_matrix, known: Array) -> tuple[Array, ...]:
    """Return count, sum and sum of squares per group of sparse ``(n, p)`` values over the known users."""
    n = np.repeat((membership @ known)[:, None], values.shape[1], axis=1)
    return n, (membership @ values).toarray(), (membership @ values.power(2)).toarray()


def share_test(hits: Array, n: Array) -> Array:
    """Test the share of a level in a group against everyone else.

    Parameters
    ----------
    hits
        ``(k, p)`` users of the group that have the level.
    n
        ``(k, p)`` users of the group for whom it is known.

    Returns
    -------
    p
        ``(k, p)`` two-sided: chi-squared where every expected count is at least five, the exact
        hypergeometric test (twice the smaller tail) elsewhere; NaN where a side is empty.
    """
    from scipy import stats

    other_hits, others = hits.sum(axis=0) - hits, n.sum(axis=0) - n
    everyone, level = n + others, hits + other_hits
    with np.errstate(divide="ignore", invalid="ignore"):
        share = level / everyone
        least = np.minimum(share, 1 - share) * np.minimum(n, others)
        z = (hits / n - other_hits / others) / np.sqrt(share * (1 - share) * (1 / n + 1 / others))
    p = stats.chi2.sf(z**2, 1)
    exact = ~(least >= 5) & (n > 0) & (others > 0)
    h, e, lv, g = (x[exact].astype(np.int64) for x in (hits, everyone, level, n))
    tails = np.minimum(stats.hypergeom.cdf(h, e, lv, g), stats.hypergeom.sf(h - 1, e, lv, g))
    p[exact] = np.minimum(2 * tails, 1.0)
    return np.where((n > 0) & (others > 0), p, np.nan)


def dirichlet_log_odds(inside: Array, everyone: Array, prior: float) -> Array:
    """Return z-scores of log-odds with an informative Dirichlet prior (Monroe et al., 2008, eq. 22).

    Parameters
    ----------
    inside
        ``(m,)`` counts of each word (here: item) in the group.
    everyone
        ``(m,)`` counts in all groups together; they also shape the prior.
    prior
        Total mass of the prior.
    """
    outside = everyone - inside
    alpha = prior * everyone / max(everyone.sum(), 1e-300)
    alpha = np.maximum(alpha, 1e-12)
    n, n_out, mass = inside.sum(), outside.sum(), alpha.sum()
    a, b = inside + alpha, outside + alpha
    # a catalogue of one item leaves nothing for the odds to be against
    rest_a, rest_b = np.maximum(n + mass - a, 1e-12), np.maximum(n_out + mass - b, 1e-12)
    delta = np.log(a / rest_a) - np.log(b / rest_b)
    z: Array = delta / np.sqrt(1 / a + 1 / b)
    return z
