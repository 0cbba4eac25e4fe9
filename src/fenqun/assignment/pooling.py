"""Several witnesses, one answer: log-probabilities pooled with weights that hidden users advise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_WEIGHT = 0.02
"""A witness that is heard less than this is not heard at all."""
_SURE = 2.0  # standard errors by which a witness must beat the shares of segments


def pool(prior: Floats, told: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """Return (n, k) probabilities: the prior times each witness's ratio to it, raised to its weight.

    A logarithmic opinion pool (Genest and Zidek 1986, Statistical Science 1). With weights of one, witnesses count as
    independent; less, where they repeat each other or are too sure of themselves. A row of NaN says nothing.

    Parameters
    ----------
    prior
        (k,) log-shares of the segments.
    told
        Name of a witness to (n, k) log-probabilities.
    weights
        Name to weight; a witness without one is not heard.
    """
    n = max((len(rows) for rows in told.values()), default=0)
    scores = np.tile(prior, (n, 1))
    for name in sorted(told):
        if weight := weights.get(name, 0.0):
            scores += weight * ratios(prior, told[name])
    return np.asarray(np.exp(scores - logsumexp(scores, axis=1, keepdims=True)))


def likeliest(probabilities: Floats) -> Ints:
    """Return (n,) the likeliest segment of each row; ties go to the first, which is the larger one."""
    # To nine digits, so that the order of summation decides nothing.
    return np.asarray(probabilities.round(9).argmax(axis=1), dtype=np.int64)


def ratios(prior: Floats, told: Floats) -> Floats:
    """Return (n, k) logarithms of what a witness says over the prior, 0 where it says nothing."""
    return np.asarray(np.where(np.isnan(told), 0.0, told - prior))


def fit_weights(prior: Floats, told: Mapping[str, Floats], labels: Ints) -> dict[str, float]:
    """Return the weights, none below zero, under which the users' segments are the most likely.

    Witnesses that are no better alone than the shares of the segments, by two standard errors, are not heard.

    Parameters
    ----------
    prior, told
        As :func:`pool` takes them; what is told must come from models that have not seen the user.
    labels
        (n,) segments.
    """
    from scipy.optimize import minimize

    heard = [name for name in sorted(told) if _is_sure(prior, told[name], labels)]
    if not heard:
        return {}
    rows = np.arange(len(labels))
    evidence = np.stack([ratios(prior, told[name]) for name in heard])

    def cost(weights: Floats) -> tuple[float, Floats]:
        scores = prior + np.tensordot(weights, evidence, axes=1)
        log_p = scores - logsumexp(scores, axis=1, keepdims=True)
        expected = (evidence * np.exp(log_p)).sum(axis=2)
        slope = (expected - evidence[:, rows, labels]).mean(axis=1)
        return float(-log_p[rows, labels].mean()), slope

    found = minimize(cost, np.full(len(heard), 0.5), jac=True, method="L-BFGS-B", bounds=[(0.0, 2.0)] * len(heard))
    weights = {name: round(float(weight), 6) for name, weight in zip(heard, found.x, strict=True)}
    return {name: weight for name, weight in weights.items() if weight >= LEAST_WEIGHT}


def _is_sure(prior: Floats, told: Floats, labels: Ints) -> bool:
    """Say whether half of a witness's word makes the segments of those it speaks of more likely."""
    spoken = np.flatnonzero(~np.isnan(told).any(axis=1))
    if len(spoken) < 2:
        return False
    rows, own = np.arange(len(spoken)), labels[spoken]
    p = pool(prior, {"": told[spoken]}, {"": 0.5})
    gain = np.log(p[rows, own]) - prior[own]
    error = float(gain.std(ddof=1)) / np.sqrt(len(gain))
    return bool(gain.mean() > _SURE * error)


def shares(labels: Ints, k: int) -> Floats:
    """Return (k,) logarithms of the shares of segments, each a user larger than it is."""
    size = np.bincount(labels, minlength=k).astype(np.float64) + 1
    return np.asarray(np.log(size / size.sum()))
