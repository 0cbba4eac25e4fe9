"""Which recommender serves which segment: what is clearly ahead on held-out users, else the simpler one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fenqun.evaluation.group_leads import group_lead

Floats = NDArray[np.float64]

ALPHA = 0.05


@dataclass(frozen=True)
class Choice:
    """The recommender of one segment.

    Attributes
    ----------
    recommender
        Its name.
    lead, error
        What is believed of its lead over the baseline, in NDCG, and the standard error; 0 for the baseline itself.
    users
        Users of the segment that it was judged on.
    """

    recommender: str
    lead: float
    error: float
    users: int


def choose(scores: Mapping[str, Floats], groups: NDArray[np.int64], k: int) -> list[Choice]:
    """Choose for each segment.

    A recommender must be ahead of the baseline beyond doubt: its lead over the segment's own users, paired by user and drawn towards that of
    all users as far as segments are alike (:func:`fenqun.evaluation.group_leads.group_lead`), lies above zero at the level
    .05 shared among all candidates. Of those that are, the simplest is taken that the best is not clearly ahead of. Without one
    the baseline stays.

    Parameters
    ----------
    scores
        By name, simplest first, the first being the baseline: ``(n_users,)`` NDCG of each user's list, NaN where unknown.
    groups
        ``(n_users,)`` segment of each user, below ``k``.
    k
        Number of segments.
    """
    names = list(scores)
    baseline = names[0]
    judged = np.isfinite(scores[baseline])
    users = np.bincount(groups[judged], minlength=k)
    leads = {name: group_lead(scores[name] - scores[baseline], groups, k) for name in names[1:]}
    strict = _z(ALPHA / max(len(leads), 1))
    ahead = {name: lead.established(strict) for name, lead in leads.items()}
    chosen = []
    for g in range(k):
        able = [name for name in leads if ahead[name][g]]
        if not able:
            chosen.append(Choice(baseline, 0.0, 0.0, int(users[g])))
            continue
        best = max(able, key=lambda name: leads[name].mean[g])
        name = next(
            name
            for name in able
            if name == best or not group_lead(scores[best] - scores[name], groups, k).established(strict)[g]
        )
        chosen.append(Choice(name, float(leads[name].mean[g]), float(leads[name].error[g]), int(users[g])))
    return chosen


def choose_weights(
    scores: Mapping[float, Floats], groups: NDArray[np.int64], k: int, half: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Choose the share of the person in a blend for each segment, and judge it without the users that chose it.

    Parameters
    ----------
    scores
        By weight: ``(n_users,)`` NDCG of each user's list, NaN where unknown.
    groups, k
        As of :func:`choose`.
    half
        ``(n_users,)`` two halves of the users.

    Returns
    -------
    weights
        ``(k,)``, by all users.
    fair
        ``(n_users,)`` NDCG of each user's list with the weight that the other half chooses for the segment.
    """
    grid = np.array(sorted(scores))
    table = np.stack([scores[weight] for weight in grid])

    def best(users: NDArray[np.bool_]) -> NDArray[np.int64]:
        middle = table[len(grid) // 2, users]
        leads = [group_lead(row[users] - middle, groups[users], k).mean for row in table]
        return np.asarray(np.nan_to_num(np.stack(leads)).argmax(axis=0), dtype=np.int64)

    fair = np.full(table.shape[1], np.nan)
    for own in (half, ~half):
        fair[own] = table[best(~own)[groups[own]], np.flatnonzero(own)]
    return grid[best(np.ones(len(half), dtype=bool))], fair


def _z(alpha: float) -> float:
    from scipy.stats import norm

    return float(norm.isf(alpha / 2))
