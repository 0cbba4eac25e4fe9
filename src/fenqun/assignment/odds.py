"""What features say about a user's segment: linear discriminant analysis, as log-probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHRINKAGES = (0.05, 0.3, 0.8)
"""Shares of a round covariance in the pooled one; the one that suits users who were left out is taken."""
_STRENGTH = 5.0  # users of the overall mean that each segment's mean is made of


@dataclass(frozen=True)
class SegmentOdds:
    """Log-probabilities of segments, linear in the features.

    Segments are taken for Gaussians of one covariance (Fisher 1936; Hastie, Tibshirani and Friedman 2009, section 4.3).
    The covariance is drawn towards a round one (Friedman 1989, JASA 84) and the means of small segments towards the mean
    of everyone, so that few users and many columns do no harm.

    Attributes
    ----------
    coefficients
        (d, k).
    intercepts
        (k,).
    """

    coefficients: Floats
    intercepts: Floats

    @classmethod
    def fit(cls, X: Floats, labels: Ints, k: int, shrinkage: float) -> Self:
        """Learn from (n, d) features and (n,) segments below ``k``."""
        n, d = X.shape
        size = np.bincount(labels, minlength=k).astype(np.float64)
        middle = X.mean(axis=0)
        total = np.zeros((k, d))
        np.add.at(total, labels, X)
        means = (total + _STRENGTH * middle) / (size + _STRENGTH)[:, None]
        rest = X - means[labels]
        spread = rest.T @ rest / max(n, 1)
        level = max(float(np.trace(spread)) / max(d, 1), 1e-12)
        covariance = (1 - shrinkage) * spread + shrinkage * level * np.eye(d)
        coefficients = np.linalg.solve(covariance, means.T)
        constant = np.log((size + 1) / (n + k)) - 0.5 * (means.T * coefficients).sum(axis=0)
        return cls(coefficients, constant)

    @classmethod
    def of_table(cls, X: Floats, labels: Ints, k: int, strength: float) -> Self:
        """Learn from (n, c) indicators of c classes how often each class is of which segment.

        ``strength`` users of everyone's shares are added to each class.
        """
        found = np.zeros((X.shape[1], k))
        np.add.at(found, (X.argmax(axis=1), labels), 1.0)
        share = (found.sum(axis=0) + 1) / (len(X) + k)
        table = (found + strength * share) / (found.sum(axis=1, keepdims=True) + strength)
        return cls(np.log(table), np.zeros(k))

    def log_probabilities(self, X: Floats) -> Floats:
        """Return (n, k) log-probabilities; a row alone gets what it gets in a batch."""
        # The last bits of a product depend on how many rows are multiplied at once.
        scores = (X @ self.coefficients).round(9) + self.intercepts
        return np.asarray(scores - logsumexp(scores, axis=1, keepdims=True))

    def tensors(self) -> dict[str, Floats]:
        """Return what is stored."""
        return {"coefficients": self.coefficients, "intercepts": self.intercepts}


Fit = Callable[[Floats, Ints, int, float], SegmentOdds]


def fit_left_out(
    X: Floats,
    labels: Ints,
    k: int,
    folds: Ints,
    fit: Fit = SegmentOdds.fit,
    strengths: tuple[float, ...] = SHRINKAGES,
) -> tuple[SegmentOdds, Floats]:
    """Fit on everyone, and say what each user would be told had they been left out.

    Parameters
    ----------
    X
        (n, d) features.
    labels, k
        (n,) segments, and their number.
    folds
        (n,) fold of each user: one is told by the users of the other folds.
    fit, strengths
        How to fit, and the strengths of its prior to choose from.

    Returns
    -------
    odds
        Of all users, with the strength that makes the second answer the most likely.
    log_probabilities
        (n, k).
    """
    best: tuple[float, float, Floats] | None = None
    rows = np.arange(len(X))
    for strength in strengths:
        told = np.empty((len(X), k))
        for fold in np.unique(folds):
            away = folds == fold
            told[away] = fit(X[~away], labels[~away], k, strength).log_probabilities(X[away])
        likelihood = float(told[rows, labels].mean().round(9))
        if best is None or likelihood > best[0]:
            best = likelihood, strength, told
    assert best is not None
    return fit(X, labels, k, best[1]), best[2]
