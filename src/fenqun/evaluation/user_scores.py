"""How well groups foretell each user, one figure a user: what paired comparisons of groupings rest on.

What a group foretells of a user is learned from its other users (leave one out), so that small groups gain nothing by holding
the user themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.agreement import dense, encode
from fenqun.evaluation.intervals import Floats


def outcome_scores(labels: npt.ArrayLike, outcome: npt.ArrayLike) -> Floats:
    """Return less the squared error of the mean of the group's other users, in units of the outcome's variance.

    Parameters
    ----------
    labels
        Shape (n,), any values.
    outcome
        Shape (n,); NaN where it is unknown.

    Returns
    -------
    ndarray
        Shape (n,), at most 0; NaN where the outcome is unknown. A user alone in a group is foretold by everyone else.
    """
    values = np.asarray(outcome, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    scores = np.full(len(values), np.nan)
    if len(known) < 2 or np.ptp(values[known]) == 0:
        return scores
    y = values[known] - values[known].mean()
    y = y / y.std()
    groups, k = dense(np.asarray(labels)[known])
    n = np.bincount(groups, minlength=k)[groups]
    others = np.bincount(groups, weights=y, minlength=k)[groups] - y
    foretold = np.where(n > 1, others / np.maximum(n - 1, 1), -y / (len(y) - 1))
    scores[known] = -((y - foretold) ** 2)
    return scores


def class_scores(labels: npt.ArrayLike, classes: Any) -> Floats:
    """Return the logarithm of the share of the user's class among the group's other users.

    Parameters
    ----------
    labels
        Shape (n,), any values.
    classes
        Shape (n,) of any type; None, NaN and empty are unknown.

    Returns
    -------
    ndarray
        Shape (n,), at most 0; NaN where the class is unknown. Shares are smoothed towards everyone's by as many users
        as there are classes.
    """
    codes, names = encode(classes)
    known = np.flatnonzero(codes >= 0)
    scores = np.full(len(codes), np.nan)
    if len(known) < 2:
        return scores
    target = codes[known]
    groups, k = dense(np.asarray(labels)[known])
    counts = np.zeros((k, len(names)))
    np.add.at(counts, (groups, target), 1.0)
    everyone = counts.sum(axis=0) / len(known)
    prior = float(len(names))  # with many classes a group says little of each
    same = counts[groups, target] - 1.0 + prior * everyone[target]
    scores[known] = np.log(same / (counts.sum(axis=1)[groups] - 1.0 + prior))
    return scores
