"""How well hidden users were placed, and whether the probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.assignment.pooling import fit_weights, likeliest, pool
from fenqun.behaviour.calibration import calibration_error, reliability

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SURE = 2.0  # standard errors by which the rule must beat the witnesses


def judge(
    prior: Floats, told: Mapping[str, Floats], labels: Ints, folds: Ints, placed: Ints | None
) -> dict[str, Any]:
    """Place hidden users with weights that others advised, and say how good and how honest that is."""
    k = len(prior)
    p = np.tile(np.exp(prior), (len(labels), 1))
    for fold in np.unique(folds):
        away = folds == fold
        weights = fit_weights(prior, {name: rows[~away] for name, rows in told.items()}, labels[~away])
        if told:
            p[away] = pool(prior, {name: rows[away] for name, rows in told.items()}, weights)
    found = likeliest(p)
    right = (found == labels).astype(np.float64)
    sure = p.max(axis=1)
    figures: dict[str, Any] = {
        "users": len(labels),
        "right": round(float(right.mean()), 4),
        "right_by_prior": round(float((labels == np.argmax(prior)).mean()), 4),
        "log_loss": round(float(-np.log(p[np.arange(len(labels)), labels] + 1e-300).mean()), 4),
        "log_loss_of_prior": round(float(-prior[labels].mean()), 4),
        "calibration_error": round(calibration_error(sure, right), 4) if k > 1 else 0.0,
        "reliability": [
            {"n": b.n, "predicted": round(b.predicted, 4), "seen": round(b.observed, 4)}
            for b in reliability(sure, right)
        ],
    }
    if placed is not None:
        plain = (placed == labels).astype(np.float64)
        figures["right_by_events_alone"] = round(float(plain.mean()), 4)
        figures["gain"] = right - plain
    return figures


def enough_events(figures: Mapping[int, Mapping[str, Any]]) -> int:
    """Return the first number of events at which the rule alone is established to be better, else one more than all tried."""
    for n, found in sorted(figures.items()):
        if n and found["gain"].mean() < -_SURE * found["gain"].std(ddof=1) / np.sqrt(found["users"]):
            return n
    return max(figures) + 1
