"""The order in which trials win, and why each of them did not.

1. Rejected: a segment below the least size, or more noise than allowed. Nothing else rejects.
2. A number of segments that was not asked for (density clusterers find their own) gives way to any that was.
3. Highest in the first figure of the goal (the lift of lists, say) on validation time. Trials within one standard error
   of it are level, and among them the smallest number of segments wins (the one-standard-error rule of Breiman et
   al., 1984).
4. Then the goal's next figure; level within its standard error, where one is given.
5. Then the mean rank over the internal metrics, then the order of trials.

Where no trial has a figure, the next one takes its place, with the same rule; without any, it starts at 5.
If every trial is rejected, the same order chooses among all of them and the winner is marked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

HIGHER = ("silhouette", "calinski_harabasz", "dunn")
LOWER = ("davies_bouldin",)

Candidate = tuple[int, dict[str, float]]


@dataclass(frozen=True)
class Verdict:
    """Outcome of one trial: ``chosen``, ``lost`` or ``rejected``, why, and whether a winner broke a gate."""

    verdict: str
    why: str
    marked: bool = False


def rank(
    trials: Sequence[Candidate],
    unasked: Sequence[str],
    *,
    least: int,
    max_noise: float,
    order: Sequence[str] = ("lift", "probe"),
) -> list[Verdict]:
    """Judge trials against each other.

    Parameters
    ----------
    trials
        ``(k, metrics)`` of each, with ``noise`` and ``smallest`` among the metrics.
    unasked
        Of each, what is wrong with its number of segments, empty where that was asked for.
    least, max_noise
        Gates: users in the smallest segment, share of noise.
    order
        Figures that rank them, the first first; higher is better.
    """
    faults = [_fault(metrics, least, max_noise) for _, metrics in trials]
    pool, marked = _pool(faults, unasked)
    reasons: dict[int, str] = {}
    winner, praise = _duel(trials, pool, order, reasons)
    verdicts = []
    for i in range(len(trials)):
        if i == winner:
            excuse = "; ".join(filter(None, (faults[i], unasked[i])))
            why = f"{praise}; chosen although {excuse}, as no trial passed" if excuse else praise
            verdicts.append(Verdict("chosen", why, marked))
        elif faults[i]:
            verdicts.append(Verdict("rejected", faults[i]))
        else:
            verdicts.append(Verdict("lost", reasons.get(i) or unasked[i]))
    return verdicts


def _fault(metrics: dict[str, float], least: int, max_noise: float) -> str:
    faults = []
    if metrics["smallest"] < least:
        users = int(metrics["smallest"])
        faults.append(f"smallest segment {users} user{'' if users == 1 else 's'} < {least}")
    if metrics["noise"] > max_noise:
        faults.append(f"noise {100 * metrics['noise']:.0f} % > {100 * max_noise:.0f} %")
    return "; ".join(faults)


def _pool(faults: Sequence[str], unasked: Sequence[str]) -> tuple[list[int], bool]:
    """Return the trials that may win, and whether the winner has to be marked."""
    everyone = range(len(faults))
    passing = [i for i in everyone if not faults[i] and not unasked[i]]
    if passing:
        return passing, False
    asked = [i for i in everyone if not unasked[i]]
    return asked or list(everyone), True


def _duel(
    trials: Sequence[Candidate], pool: list[int], order: Sequence[str], reasons: dict[int, str]
) -> tuple[int, str]:
    """Return the winner of ``pool`` and its praise; say in ``reasons`` why the others lost."""
    praise = ""
    for figure in order:
        values = {i: trials[i][1].get(figure, math.nan) for i in pool}
        known = {i: value for i, value in values.items() if math.isfinite(value)}
        if not known:
            continue
        best = max(known, key=lambda i: (known[i], -trials[i][0]))
        error = trials[best][1].get(f"{figure}_se", math.nan)
        error = error if math.isfinite(error) and error > 0 else 0.0
        level = [i for i in pool if i in known and known[i] >= known[best] - error]
        for i in set(pool) - set(level):
            reasons[i] = _behind(figure, values[i], known[best], error)
        first = not praise
        if first:
            level = _fewest(trials, level, figure, known, reasons)
        pool = level
        praise = praise or _praise(figure, known[pool[0]], known[best], error, trials[pool[0]][0])
        if len(pool) == 1:
            return pool[0], praise
        if not first:
            praise = f"{praise}; {figure} {known[best]:.4g} the highest among them"
    winner = _by_internal(trials, pool, reasons)
    if len(pool) > 1:
        praise = f"{praise}; best mean rank of internal metrics" if praise else "best mean rank of internal metrics"
    return winner, praise


def _behind(figure: str, value: float, best: float, error: float) -> str:
    if not math.isfinite(value):
        return f"no {figure} could be computed"
    by = f" by more than one standard error ({error:.2g})" if error else ""
    return f"{figure} {value:.4g} below the best {best:.4g}{by}"


def _fewest(
    trials: Sequence[Candidate], level: list[int], figure: str, known: dict[int, float], reasons: dict[int, str]
) -> list[int]:
    least = min(trials[i][0] for i in level)
    for i in level:
        if trials[i][0] > least:
            reasons[i] = (
                f"{figure} {known[i]:.4g} is level with the best, but {trials[i][0]} segments against {least}"
            )
    return [i for i in level if trials[i][0] == least]


def _praise(figure: str, value: float, best: float, error: float, k: int) -> str:
    if value == best:
        return f"highest {figure} {best:.4g}"
    near = f"within one standard error ({error:.2g}) of the best {best:.4g}"
    return f"{figure} {value:.4g} {near}, with fewest segments ({k})"


def _by_internal(trials: Sequence[Candidate], pool: list[int], reasons: dict[int, str]) -> int:
    ranks = _mean_ranks([trials[i][1] for i in pool])
    winner = min(range(len(pool)), key=lambda j: (ranks[j], trials[pool[j]][0], pool[j]))
    for j, i in enumerate(pool):
        if j != winner:
            even = ranks[j] == ranks[winner]
            reasons[i] = (
                "level in every figure with the chosen trial, which ran first"
                if even
                else f"mean rank {ranks[j]:.3g} of internal metrics behind {ranks[winner]:.3g}"
            )
    return pool[winner]


def _mean_ranks(metrics: Sequence[dict[str, float]]) -> list[float]:
    """Return the mean rank of each trial over the internal metrics that all of them have; 1 is best."""
    totals = np.zeros(len(metrics))
    used = 0
    for name in HIGHER + LOWER:
        values = np.array([m.get(name, math.nan) for m in metrics])
        if not np.isfinite(values).any():
            continue
        values = np.where(np.isfinite(values), values if name in LOWER else -values, np.inf)
        totals += [1 + float(np.sum(values < value)) + float(np.sum(values == value) - 1) / 2 for value in values]
        used += 1
    return [1.0] * len(metrics) if not used else (totals / used).tolist()
