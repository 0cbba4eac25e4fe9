"""Probabilities that mean what they say: temperature and slope, and how far off they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_HAIR = 1e-6


@dataclass(frozen=True)
class Bin:
    """One row of a reliability table: ``n`` users told ``predicted`` on average, of whom ``observed``."""

    n: int
    predicted: float
    observed: float


def logit(p: npt.ArrayLike) -> Floats:
    """Log-odds of probabilities, kept off 0 and 1 by a millionth."""
    inside = np.clip(np.asarray(p, dtype=np.float64), _HAIR, 1 - _HAIR)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float64)


def sigmoid(z: npt.ArrayLike) -> Floats:
    """Probabilities of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(np.asarray(z, dtype=np.float64), -700, 700))))


def softmax(scores: Floats) -> Floats:
    """Probabilities of scores, by row."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def platt(p: Floats, y: Floats) -> tuple[float, float]:
    """Slope and intercept on the log-odds that make held-out probabilities fit (Platt 1999).

    The slope is kept from turning the order round; with one class only, nothing is changed.
    """
    if len(y) < 2 or np.ptp(y) == 0:
        return 1.0, 0.0
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e4, max_iter=500).fit(logit(p)[:, None], y.astype(np.int64))
    slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return (slope, intercept) if slope > 0 else (1.0, 0.0)


def temperature(scores: Floats, codes: Ints) -> float:
    """Temperature that makes held-out scores (n, classes) fit (Guo et al. 2017, section 4.2)."""
    from scipy.optimize import minimize_scalar

    def cost(log_temperature: float) -> float:
        p = softmax(scores / np.exp(log_temperature))
        return float(-np.log(p[np.arange(len(codes)), codes] + 1e-300).mean())

    if not len(codes):
        return 1.0
    return float(np.exp(minimize_scalar(cost, bounds=(-3.0, 3.0), method="bounded").x))


def even_bins(p: Floats, bins: int = 10) -> Ints:
    """Return the bin of each probability, int64 (n,): bins of about equal size, equal probabilities in one bin."""
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.searchsorted(edges, p, side="right").astype(np.int64)


def reliability(p: Floats, hit: Floats, bins: int = 10) -> list[Bin]:
    """Reliability table in bins of about equal size; equal probabilities stay together."""
    if not len(p):
        return []
    place = even_bins(p, bins)
    found = (np.flatnonzero(place == b) for b in range(int(place.max()) + 1))
    return [Bin(len(m), float(p[m].mean()), float(hit[m].mean())) for m in found if len(m)]


def calibration_error(p: Floats, hit: Floats, bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015): mean gap of the reliability table, weighted by n."""
    table = reliability(p, hit, bins)
    return sum(b.n * abs(b.predicted - b.observed) for b in table) / len(p) if len(p) else float("nan")
