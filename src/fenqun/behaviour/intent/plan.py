"""The plan of a training: how many events, and the learning rate after each. It needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from fenqun.config import Intent

MOST_PASSES = 20
"""Passes over a small log, whatever the count of events allows."""

_WARM_UP, _FLOOR = 0.05, 0.05


@dataclass(frozen=True)
class Plan:
    """How many events are trained on, and when it stops.

    Attributes
    ----------
    events
        That the learning rate's schedule is laid out for, repeats counted.
    stop
        Share of them after which training ends.
    """

    events: int
    stop: float = 1.0

    @classmethod
    def of(cls, config: Intent, n_events: int, stop: float = 1.0) -> Plan:
        """Lay out training for a log of ``n_events``."""
        return cls(max(1, min(config.events, MOST_PASSES * n_events)), stop)

    def rate(self, done: int) -> float:
        """Return the share of the learning rate after ``done`` events: a warm-up, then a straight line down."""
        share = done / self.events
        return min((share + 1e-3) / _WARM_UP, 1.0) * (1.0 - (1.0 - _FLOOR) * min(share, 1.0))
