"""Importance weights: how much an impression of one policy counts for another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.intervals import Floats, Ints

_FLAT = 1e-6  # relative spread of propensities up to which they are one number


@dataclass(frozen=True)
class Rounds:
    """Impressions, and how likely the judged policy would have made each.

    Attributes
    ----------
    outcome
        (n,) clicks, conversions or value.
    logged
        (n,) probability that the logging policy put the item in its position, in (0, 1].
    target
        (n,) the same of the policy that is judged, in [0, 1].
    user
        (n,) code of the user: intervals draw users, as impressions of one user are not independent.
    """

    outcome: Floats
    logged: Floats
    target: Floats
    user: Ints

    def __post_init__(self) -> None:
        """Check shapes and probabilities.

        Raises
        ------
        ValueError
            If lengths differ, or a probability is none.
        """
        if not len(self.outcome) == len(self.logged) == len(self.target) == len(self.user):
            raise ValueError("outcome, logged, target and user differ in length")
        if not np.all((self.logged > 0) & (self.logged <= 1)):
            raise ValueError("logged must lie in (0, 1]: what could not be shown cannot be weighed")
        if not np.all((self.target >= 0) & (self.target <= 1)):
            raise ValueError("target must lie in [0, 1]")

    @property
    def uniform(self) -> bool:
        """Whether every item was equally likely in every position: what replay asks for."""
        return bool(len(self.logged)) and float(np.ptp(self.logged)) <= _FLAT * float(self.logged.max())


def effective_size(weights: npt.ArrayLike) -> float:
    """Return how many equally weighted impressions tell as much: (sum w)² / sum w² (Kish 1965).

    >>> effective_size([1, 1, 1, 1]), effective_size([1, 0, 0, 0])
    (4.0, 1.0)
    """
    w = np.asarray(weights, dtype=np.float64)
    squares = float((w**2).sum())
    return float(w.sum()) ** 2 / squares if squares > 0 else 0.0


def importance_weights(rounds: Rounds, clip: float | None = None) -> tuple[Floats, float]:
    """Return target over logged probability, (n,), none above ``clip``, and the share of mass that this took away."""
    weights = rounds.target / rounds.logged
    if clip is None or not len(weights):
        return weights, 0.0
    clipped = np.minimum(weights, clip)
    total = float(weights.sum())
    return clipped, (1.0 - float(clipped.sum()) / total) if total > 0 else 0.0
