"""Figures of groups of users: means with intervals, and paired leads that small groups share with all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.intervals import Floats, resampled_weights

_LEAST = 2


@dataclass(frozen=True)
class GroupLead:
    """By how much one way is ahead of another for each group.

    Attributes
    ----------
    mean, error
        (k,): what is believed of the lead, and its standard error; NaN where no group has a user.
    """

    mean: Floats
    error: Floats

    def established(self, z: float) -> npt.NDArray[np.bool_]:
        """Return for each group whether the lead lies above zero by ``z`` standard errors."""
        return np.asarray((self.mean - z * self.error > 0) & np.isfinite(self.mean))


def group_lead(difference: npt.ArrayLike, groups: npt.ArrayLike, k: int) -> GroupLead:
    """Estimate each group's mean of a paired difference, drawn towards the mean of all as far as groups are alike.

    Empirical Bayes: a group's own mean x with error s and the mean m of all groups give (1 - B) x + B m with
    B = s² / (s² + t²), t² being the variance between groups (Morris 1983, Parametric empirical Bayes inference, JASA 78,
    section 1; t² by DerSimonian and Laird 1986, Controlled Clinical Trials 7). A large group, or one of many unlike groups,
    speaks for itself; a small one among likes goes with all. Errors share one variance within groups.

    Parameters
    ----------
    difference
        Shape (n_users,), NaN where a user cannot be judged.
    groups
        Shape (n_users,): group of each user, below ``k``.
    k
        Number of groups.
    """
    values = np.asarray(difference, dtype=np.float64)
    known = np.isfinite(values)
    values, group = values[known], np.asarray(groups, dtype=np.int64)[known]
    size = np.bincount(group, minlength=k).astype(np.float64)
    if len(values) < _LEAST:
        return GroupLead(np.full(k, np.nan), np.full(k, np.nan))
    own = np.bincount(group, values, minlength=k) / np.maximum(size, 1.0)
    freedom = max(len(values) - int((size > 0).sum()), 1)
    within = float(np.square(values - own[group]).sum()) / freedom
    if within <= 0:  # everybody is level within groups: nothing is left to doubt
        mean = float(values.mean())
        return GroupLead(np.where(size > 0, own, mean), np.zeros(k))
    present = size > 0
    precision = size[present] / within
    centre = float(precision @ own[present]) / precision.sum()
    spread = precision.sum() - np.square(precision).sum() / precision.sum()
    excess = float(precision @ np.square(own[present] - centre)) - (present.sum() - 1)
    between = max(0.0, excess / spread) if spread > 0 else 0.0
    weight = 1.0 / (1.0 / precision + between)
    middle = float(weight @ own[present]) / weight.sum()
    drawn = np.ones(k)
    drawn[present] = weight / precision  # B: s² / (s² + t²)
    kept = np.zeros(k)
    kept[present] = (1.0 - drawn[present]) / precision
    mean = np.where(present, (1.0 - drawn) * own + drawn * middle, middle)
    variance = np.where(present, kept, between) + np.square(drawn) / weight.sum()
    return GroupLead(mean, np.sqrt(variance))


@dataclass(frozen=True)
class GroupMeans:
    """Means of several figures over groups of users, each (m, k).

    Attributes
    ----------
    value, low, high
        NaN where a group has no user with the figure.
    n
        Users that each rests on.
    """

    value: Floats
    low: Floats
    high: Floats
    n: npt.NDArray[np.int64]


def group_means(values: Floats, groups: npt.ArrayLike, k: int, *, repeats: int, seed: int) -> GroupMeans:
    """Average figures over groups, with bootstrap intervals over users on shared resamples.

    Parameters
    ----------
    values
        Shape (m, n_users), NaN where a user has none.
    groups
        Shape (n_users,), below ``k``; a negative one counts nowhere.
    k
        Number of groups.
    repeats, seed
        Resamples of users, and their seed.
    """
    m = len(values)
    group = np.asarray(groups, dtype=np.int64)
    shape = (m, k)
    nothing = np.full(shape, np.nan)
    result = GroupMeans(nothing, nothing.copy(), nothing.copy(), np.zeros(shape, dtype=np.int64))
    draws = np.full((repeats, m), np.nan)
    for g in range(k):
        members = np.flatnonzero(group == g)
        if not len(members):
            continue
        rows = values[:, members]
        known = np.isfinite(rows)
        result.n[:, g] = known.sum(axis=1)
        filled, mass = np.where(known, rows, 0.0).T, known.T.astype(np.float64)
        done = 0
        for weights in resampled_weights(len(members), repeats, seed):
            total = weights @ mass
            draws[done : done + len(weights)] = np.divide(
                weights @ filled, total, out=np.full(total.shape, np.nan), where=total > 0
            )
            done += len(weights)
        some = np.flatnonzero(result.n[:, g])
        value = filled[:, some].sum(axis=0) / mass[:, some].sum(axis=0)
        # As fenqun.evaluation.intervals.around, for all figures at once.
        own = np.where(np.isfinite(draws[:, some]), draws[:, some], value)
        low, high = np.quantile(own, [0.025, 0.975], axis=0) - (own.mean(axis=0) - value)
        result.value[some, g] = value
        result.low[some, g], result.high[some, g] = np.minimum(low, value), np.maximum(high, value)
    return result


def paired_p(differences: Floats, groups: npt.ArrayLike, k: int) -> Floats:
    """Return two-sided p-values of paired differences in groups, shape (m, k): a t-test over users.

    Smucker, Allan and Carterette 2007 (A comparison of statistical significance tests for information retrieval
    evaluation, CIKM) find it to agree with randomisation. NaN below two users; 1 where nobody differs.
    """
    from scipy import stats

    group = np.asarray(groups, dtype=np.int64)
    found = np.full((len(differences), k), np.nan)
    for g in range(k):
        rows = differences[:, group == g]
        known = np.isfinite(rows)
        n = known.sum(axis=1)
        filled = np.where(known, rows, 0.0)
        mean = filled.sum(axis=1) / np.maximum(n, 1)
        squares = np.where(known, np.square(rows - mean[:, None]), 0.0).sum(axis=1)
        error = np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1))
        t = np.divide(mean, error, out=np.where(mean == 0, 0.0, np.inf), where=error > 0)
        p = 2 * stats.t.sf(np.abs(t), np.maximum(n - 1, 1))
        found[:, g] = np.where(n >= _LEAST, p, np.nan)
    return found


def false_discovery(p: Floats) -> Floats:
    """Return q-values of Benjamini and Hochberg (1995, JRSS B 57) over all finite p-values of an array."""
    from scipy.stats import false_discovery_control

    q = np.full(p.shape, np.nan)
    known = np.isfinite(p)
    if known.any():
        q[known] = false_discovery_control(p[known])
    return q
