"""Whether there is anything to segment: do segments serve their goal better than groups drawn by lot?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fenqun.evaluation.intervals import from_error
from fenqun.pipeline.judging import Labels, PhaseJudge
from fenqun.schema import Metric

LOTS = 5
"""Drawings of groups by lot."""

PROTOCOL = "the goal's first figure on held-out time, less that of groups of the same sizes drawn by lot"


@dataclass(frozen=True)
class Structure:
    """What segments gain over groups of the same sizes that are drawn by lot.

    Attributes
    ----------
    found
        Whether the gain's 95 % interval lies above zero; None where the log cannot say. A clustering algorithm always
        returns groups, and on one leading direction, such as volume, even reproducible ones: only what users do later
        tells whether the groups mean anything.
    figure
        What was gained: ``lift``, ``value``, ``probe``, ``target``.
    gain, low, high
        In the units of :meth:`~fenqun.pipeline.judging.PhaseJudge.gain`, with its 95 % interval over users.
    n
        Users.
    """

    found: bool | None
    figure: str
    gain: float | None
    low: float | None
    high: float | None
    n: int

    def told(self) -> dict[str, Any]:
        """Return plain values for the stage's record."""
        return asdict(self)

    def metric(self) -> Metric:
        """Return the row of ``metrics.json``."""
        return Metric(
            name="published.gain_over_lot",
            value=self.gain,
            low=self.low,
            high=self.high,
            n=self.n,
            protocol=PROTOCOL,
        )


def structure(judge: PhaseJudge, labels: Labels, seed: int) -> Structure:
    """Compare segments with groups drawn by lot, on the time that judges.

    Parameters
    ----------
    judge
        Of the phase that the segments were not chosen on.
    labels
        (n,) segment of each active user.
    seed
        Of the lots.

    Notes
    -----
    The lots are permutations of the labels, so the distribution of segment sizes is held fixed. Their gains are averaged; the
    standard error is that of one comparison, so the interval is on the wide side.
    """
    figure, n = judge.order[0], len(labels)
    random = np.random.default_rng([seed, 17])
    drawn = np.array([judge.gain(labels, random.permutation(labels)) for _ in range(LOTS)])
    gain, error = (float(value) for value in drawn.mean(axis=0))
    if not (math.isfinite(gain) and error > 0):
        return Structure(None, figure, None, None, None, n)
    low, high = from_error(gain, error)
    return Structure(low > 0, figure, round(gain, 6), round(low, 6), round(high, 6), n)
