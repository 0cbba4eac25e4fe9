"""How good predictions of users are, with intervals, and how much better than those of something simpler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.calibration import even_bins
from fenqun.evaluation.intervals import (
    Floats,
    Ints,
    Statistic,
    around,
    auc_statistic,
    bootstrap,
    mean_statistic,
    point,
    r2_statistic,
)

_REPEATS = 500

Figures = dict[str, dict[str, float | None]]


def class_statistics(p: Floats, classes: Sequence[str], truth: Sequence[str]) -> dict[str, Statistic]:
    """Return how good probabilities of classes are.

    Parameters
    ----------
    p
        (n, classes).
    classes
        Names of the columns.
    truth
        (n,): name of each user's class; one without a column is a miss.

    Returns
    -------
    dict
        Two classes: ``auc``, ``brier`` (of the second class) and ``ece``; more: ``accuracy`` and ``ece``. The expected
        calibration error (Naeini et al. 2015) is of the second class, or of the foretold one.
    """
    at = {name: code for code, name in enumerate(classes)}
    codes = np.asarray([at.get(name, -1) for name in truth], dtype=np.int64)
    if len(classes) == 2 and (codes >= 0).all():
        y = codes.astype(np.float64)
        return {
            "auc": auc_statistic(y, p[:, 1]),
            "brier": mean_statistic((p[:, 1] - y) ** 2),
            "ece": gap_statistic(p[:, 1], y),
        }
    hit = (p.argmax(axis=1) == codes).astype(np.float64)
    return {"accuracy": mean_statistic(hit), "ece": gap_statistic(p.max(axis=1), hit)}


def value_statistics(told: Floats, truth: Floats) -> dict[str, Statistic]:
    """Return how good predicted values (n,) are: ``r2`` and ``mae``, the mean absolute error."""
    return {"r2": r2_statistic(truth, told), "mae": mean_statistic(np.abs(truth - told))}


def gap_statistic(p: Floats, hit: Floats) -> Statistic:
    """:func:`fenqun.behaviour.calibration.calibration_error` as a statistic; bins stay when users are resampled."""
    place = even_bins(p)
    gaps = np.eye(int(place.max()) + 1)[place] * (p - hit)[:, None]

    def statistic(weights: Floats) -> Floats:
        return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1))

    return statistic


def judge(
    rows: dict[str, dict[str, Statistic]], n: int, against: tuple[str, str], seed: int
) -> tuple[dict[str, Figures], Figures]:
    """Evaluate statistics over n users on shared resamples.

    Parameters
    ----------
    rows
        What is judged, by name, to its statistics by name.
    n
        Users.
    against
        Names of two rows whose difference is of interest.
    seed
        Of the resamples.

    Returns
    -------
    (figures, differences)
        Row to statistic to ``value``, ``low`` and ``high`` (95 %; None where it has no meaning), and the same of the
        first of the two rows less the second, for what both have.
    """
    keys = [(row, name) for row, statistics in rows.items() for name in statistics]
    draws = dict(zip(keys, bootstrap([rows[row][name] for row, name in keys], n, _REPEATS, seed), strict=True))
    points = {(row, name): point(rows[row][name], n) for row, name in keys}
    figures = {row: {name: _told(points[row, name], draws[row, name]) for name in rows[row]} for row in rows}
    one, other = against
    shared = [name for name in rows[one] if name in rows[other]]
    differences = {
        name: _told(points[one, name] - points[other, name], draws[one, name] - draws[other, name])
        for name in shared
    }
    return figures, differences


def _told(value: float, draws: Floats) -> dict[str, float | None]:
    low, high = around(value, draws)
    return {
        name: float(number) if np.isfinite(number) else None
        for name, number in (("value", value), ("low", low), ("high", high))
    }


def losses(told: npt.NDArray[Any], truth: npt.NDArray[Any], codes: Ints | None) -> Floats:
    """Return each user's log loss, where there are codes of classes (-1: none of them), or squared error; (n,)."""
    if codes is None:
        return np.asarray((told - np.asarray(truth, dtype=np.float64)) ** 2, dtype=np.float64)
    found = np.where(codes >= 0, told[np.arange(len(codes)), codes], 0.0)
    return np.asarray(-np.log(np.maximum(found, 1e-12)), dtype=np.float64)
