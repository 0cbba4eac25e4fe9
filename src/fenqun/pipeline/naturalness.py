"""Whether segments are natural, reproducible or constructive, and the figures that the word rests on."""

from __future__ import annotations

import math
from collections.abc import Callable

from fenqun.evaluation.intervals import Floats
from fenqun.evaluation.prediction_strength import PredictionStrength, prediction_strength
from fenqun.evaluation.stability import Kind, Predict, word
from fenqun.schema import Metric

_PROTOCOL = "halves of the users foretell each other's groups: pairs kept together in the weakest, mean over splits"
_NULL = "the same where the columns of the vectors are shuffled one by one"


def naturalness(
    X: Floats, fit: Callable[[Floats, int], Predict], agreement: float, *, repeats: int, seed: int
) -> tuple[Kind, list[Metric]]:
    """Return the word for published segments, and its figures beside the bootstrap.

    Parameters
    ----------
    X, fit
        Features (n, d) of the users, and (rows, seed) to a function from rows to labels: the published clusterer.
    agreement
        Bootstrap adjusted Rand index of the segments.
    repeats, seed
        Splits of the users, for the data and for the null, and their seed.
    """
    found = prediction_strength(X, fit, repeats=repeats, seed=seed)
    null = prediction_strength(X, fit, repeats=repeats, seed=seed, null=True)
    metrics = [
        _metric("published.prediction_strength", found, _PROTOCOL),
        _metric("published.prediction_strength_null", null, _NULL),
    ]
    return word(agreement, found.value, null.high), metrics


def _metric(name: str, found: PredictionStrength, protocol: str) -> Metric:
    value, low, high = (
        round(number, 6) if math.isfinite(number) else None for number in (found.value, found.low, found.high)
    )
    return Metric(name=name, value=value, low=low, high=high, n=found.n, protocol=protocol)
