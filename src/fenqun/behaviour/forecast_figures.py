"""How good forecasts are on users held out, and whether further features make them better."""

from __future__ import annotations

from typing import Any

import numpy as np

from fenqun.behaviour.boosting import Floats, Grown, Ints, Objective
from fenqun.behaviour.calibration import calibration_error
from fenqun.evaluation.intervals import interval, mean_statistic

_REPEATS = 500


def gain_of(
    plain: Grown, richer: Grown, y: Floats, groups: Ints, objective: Objective, seed: int
) -> dict[str, float]:
    """Say how much smaller a held-out user's loss is with more features: mean, and its 95 % interval."""
    truth = y[plain.rows]
    difference = losses(truth, plain.held_out, objective) - losses(truth, richer.held_out, objective)
    # A user is there once a cut: whole users are resampled.
    users, place = np.unique(groups[plain.rows], return_inverse=True)
    by_user = np.bincount(place, difference) / np.bincount(place)
    found = interval(mean_statistic(by_user), len(users), repeats=_REPEATS, seed=seed)
    return {"gain": found.value, "low": found.low, "high": found.high}


def losses(y: Floats, guess: Floats, objective: Objective) -> Floats:
    """Return each row's loss, up to a constant of ``y``; float64 (n,)."""
    if objective == "active":
        p = np.clip(guess, 1e-9, 1 - 1e-9)
        return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)))
    mean = np.maximum(guess, 1e-9)
    if objective == "events":
        return np.asarray(mean - y * np.log(mean))
    if objective == "value":  # half the unit deviance of a Tweedie law of power 1.1
        return np.asarray(mean**0.9 / 0.9 + y * mean**-0.1 / 0.1)
    return np.asarray((y - guess) ** 2)


def judged(y: Floats, guess: Floats, objective: Objective) -> dict[str, float]:
    """Return the figures of predictions: AUC, Brier score and calibration error, or R2."""
    if objective == "active":
        from sklearn.metrics import roc_auc_score

        auc = float(roc_auc_score(y, guess)) if np.ptp(y) > 0 else float("nan")
        brier = float(np.mean((y - guess) ** 2))
        return _plain({"auc": auc, "brier": brier, "ece": calibration_error(guess, y)})
    total = float(((y - y.mean()) ** 2).sum())
    return _plain({"r2": 1.0 - float(((y - guess) ** 2).sum()) / total if total > 0 else float("nan")})


def _plain(figures: dict[str, float]) -> dict[str, Any]:
    return {name: value if np.isfinite(value) else None for name, value in figures.items()}
