"""How well segments give away what they should not stand in for: an attribute that is declared sensitive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.agreement import dense, encode
from fenqun.evaluation.intervals import Floats, Ints

Verdict = Literal["stands_in", "gives_away", "chance", "too_few"]

STRONG_AUC, STRONG_V = 0.7, 0.3
"""AUC and Cramér's V from which segments stand in for an attribute.

.3 is a medium association (Cohen 1988, ch. 7: w, which is V for two levels); an AUC of .7 is called acceptable
discrimination (Hosmer and Lemeshow 2000, sec. 5.2.4): more than nobody should learn of a person from a segment.
"""
LEAST_USERS = 50
"""Users with a known level below which nothing is said."""
LEAST_OF_LEVEL = 10
"""Users of a level below which the level is left out."""
_MANY = 12  # distinct numbers above which a number is read by its quartiles
_BINS = 4


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval over users, and what chance gives: mean and 95 % of the permutations.

    The interval is that of resampled users, shifted by its bias.
    """

    value: float
    low: float
    high: float
    chance: float
    chance_low: float
    chance_high: float


@dataclass(frozen=True)
class GiveAway:
    """What the segments alone tell of an attribute.

    Attributes
    ----------
    macro_f1
        Of predicting the level of half of the users by what the segment says in the other half: the level
        most over-represented there.
    auc
        Macro average over levels, of the level's share in the user's segment in the other half.
    cramers_v
        Corrected for chance (Bergsma 2013, J. Korean Stat. Soc. 42).
    base_rate, base_f1
        Share of the largest level, and macro-F1 of always saying it.
    n, levels
        Users with a known level, and users of each level.
    verdict
        ``stands_in`` (above chance and strong), ``gives_away`` (above chance), ``chance``, ``too_few``.
    """

    macro_f1: Figure
    auc: Figure
    cramers_v: Figure
    base_rate: float
    base_f1: float
    n: int
    levels: dict[str, int]
    verdict: Verdict


def give_away(labels: npt.ArrayLike, truth: Any, seed: int = 0, permutations: int = 200) -> GiveAway | None:
    """Measure how well segments tell an attribute.

    Parameters
    ----------
    labels
        Shape (n_users,): segments.
    truth
        Shape (n_users,): levels of any type; None, NaN and empty are unknown. A number with more than twelve
        values is read by its quartiles.
    seed
        Of the halves, the permutations of the attribute and the resamples of users.
    permutations
        How often the attribute is shuffled, and users are resampled.

    Returns
    -------
    GiveAway or None
        None where fewer than two levels are left.
    """
    classes, names = encode(_levels(truth))
    counts = np.bincount(classes[classes >= 0], minlength=len(names))
    kept = np.flatnonzero(counts >= LEAST_OF_LEVEL)
    if len(kept) < 2:
        return None
    code = np.full(len(names) + 1, -1, dtype=np.int64)
    code[kept] = np.arange(len(kept))
    classes = code[classes]
    known = np.flatnonzero(classes >= 0)
    groups, k = dense(np.asarray(labels)[known])
    classes, c = classes[known], len(kept)
    rng = np.random.default_rng(seed)
    half = rng.permutation(np.arange(len(known)) % 2)
    cell = half * k + groups
    table = _table(cell, classes, k, c)
    seen = _figures(table)
    chance = np.array([_figures(_table(cell, rng.permutation(classes), k, c)) for _ in range(permutations)])
    share = table.ravel() / table.sum()
    again = np.array(
        [_figures(rng.multinomial(len(known), share).reshape(table.shape)) for _ in range(permutations)]
    )
    macro_f1, auc, v = (_figure(float(seen[i]), again[:, i], chance[:, i]) for i in range(3))
    base = float(counts[kept].max() / len(known))
    return GiveAway(
        macro_f1=macro_f1,
        auc=auc,
        cramers_v=v,
        base_rate=base,
        base_f1=2 * base / (1 + base) / c,
        n=len(known),
        levels={str(names[int(i)]): int(counts[i]) for i in kept},
        verdict=_verdict(auc, v, len(known)),
    )


def _verdict(auc: Figure, v: Figure, n: int) -> Verdict:
    if n < LEAST_USERS:
        return "too_few"
    if auc.value <= auc.chance_high and v.value <= v.chance_high:
        return "chance"
    return "stands_in" if auc.value >= STRONG_AUC or v.value >= STRONG_V else "gives_away"


def _figure(value: float, again: Floats, chance: Floats) -> Figure:
    # resampling a table adds association of its own: the interval is the resamples' around the figure itself
    low, high = np.clip(value + np.quantile(again, [0.025, 0.975]) - again.mean(), 0.0, 1.0)
    chance_low, chance_high = np.quantile(chance, [0.025, 0.975])
    return Figure(value, float(low), float(high), float(chance.mean()), float(chance_low), float(chance_high))


def _table(cell: Ints, classes: Ints, k: int, c: int) -> Ints:
    """Return ``(2, k, c)`` users by half, segment and level."""
    return np.bincount(cell * c + classes, minlength=2 * k * c).reshape(2, k, c)


def _figures(table: Ints) -> tuple[float, float, float]:
    """Return macro-F1, macro AUC and Cramér's V of a ``(2, k, c)`` table; each half is read by the other."""
    other = table[::-1].astype(np.float64)
    prior = other.sum(axis=1, keepdims=True) / np.maximum(other.sum(axis=(1, 2), keepdims=True), 1.0)
    shares = (other + prior) / (other.sum(axis=2, keepdims=True) + 1.0)  # one more user like everyone
    lift = np.divide(shares, prior, out=np.zeros_like(shares), where=prior > 0)
    said = lift.argmax(axis=2)
    return _macro_f1(table, said), _macro_auc(table, shares), _cramers_v(table.sum(axis=0))


def _macro_f1(table: Ints, said: Ints) -> float:
    c = table.shape[2]
    confusion = np.zeros((c, c))
    np.add.at(confusion, said.ravel(), table.reshape(-1, c))
    right, told, true = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    total = told + true
    f1: Floats = np.divide(2 * right, total, out=np.zeros(c), where=total > 0)
    return float(f1[true > 0].mean())


def _macro_auc(table: Ints, shares: Floats) -> float:
    """Average over levels and halves of the chance that a user with the level is in the likelier segment."""
    found = []
    for counts, scores in zip(table, shares, strict=True):
        for level in range(counts.shape[1]):
            yes = counts[:, level].astype(np.float64)
            no = counts.sum(axis=1) - yes
            if not yes.sum() or not no.sum():
                continue
            distinct, place = np.unique(scores[:, level].round(12), return_inverse=True)
            above, below = (np.bincount(place, weights=w, minlength=len(distinct)) for w in (yes, no))
            less = np.cumsum(below) - below
            found.append(float((above * (less + below / 2)).sum() / (yes.sum() * no.sum())))
    return float(np.mean(found)) if found else 0.5


def _cramers_v(table: Ints) -> float:
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    table = table[rows > 0][:, columns > 0]
    n = int(table.sum())
    r, c = table.shape
    if min(r, c) < 2 or n < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    r_, c_ = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi / max(min(r_, c_) - 1, 1e-12)))


def _levels(truth: Any) -> list[Any]:
    """Return levels as they are; a number with many values by its quartiles, lowest first."""
    values = list(truth)
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool) and v == v]
    if len(numbers) < sum(v is not None and v == v and v != "" for v in values) or len(set(numbers)) <= _MANY:
        return values
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1)))
    bins = [
        min(int(np.searchsorted(edges, v, side="right")) - 1, len(edges) - 2) if v is not None and v == v else None
        for v in values
    ]
    return [None if b is None else f"{edges[b]:.6g}–{edges[b + 1]:.6g}" for b in bins]
