"""From events to codes: value, duration and pauses in buckets, types, hours and weekdays as they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fenqun.data.sequence_store import SequenceStore

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_BUCKETS = 24
_SAMPLE = 200_000
_SHARES = (50, 12, 4)
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_GAPS = tuple(
    [1, 10, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR]
    + [d * _DAY for d in (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 365)]
)
GAP_CODES = len(_GAPS) + 2
"""Codes of a pause; 0 is an unknown one."""

CONTENT = ("value", "duration", "type")
"""Features that say what an event is; the others say when."""


@dataclass(frozen=True)
class Vocabulary:
    """Which features an event has, and how each becomes a code.

    Code 0 of every feature is "unknown": a missing number, a hidden event, and the gap before the first event
    of a sequence, so that a sequence cut off at the last N events says the same as a longer one cut there.

    Attributes
    ----------
    value_edges, duration_edges
        float64, ascending: quantiles of what the learning time held; empty where the log has none.
    types
        Names of the types of events; a type that is not among them is unknown. Stores number their types by
        themselves, so only the name tells which is which.
    hours
        Whether times carry an hour of the day.
    half_lives
        Seconds, ascending: parts of the learning time's length. Sums over what was before an event decay by them,
        and as far ahead is looked.
    """

    value_edges: Floats
    duration_edges: Floats
    types: tuple[str, ...]
    hours: bool
    half_lives: tuple[int, ...]

    @classmethod
    def fit(cls, store: SequenceStore, folds: Collection[int]) -> Self:
        """Learn the edges from the events of some folds."""
        inside = np.flatnonzero(np.isin(store.fold, np.asarray(sorted(folds), dtype=np.int8)))
        span = np.asarray(store.time[inside])
        if len(inside) > _SAMPLE:  # evenly spaced, so that the same log gives the same edges
            inside = inside[np.linspace(0, len(inside) - 1, _SAMPLE).astype(np.int64)]
        return cls(
            _edges(np.asarray(store.value[inside], dtype=np.float64)),
            _edges(np.asarray(store.duration[inside], dtype=np.float64)),
            tuple(store.event_types),
            bool(store.has["hours"]),
            _half_lives(span),
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Features in the order of their codes, and how many codes each has."""
        sizes = {"gap": GAP_CODES}
        if len(self.value_edges):
            sizes["value"] = len(self.value_edges) + 2
        if len(self.duration_edges):
            sizes["duration"] = len(self.duration_edges) + 2
        if len(self.types) > 1:
            sizes["type"] = len(self.types) + 1
        if self.hours:
            sizes["hour"] = 25
        return sizes | {"weekday": 8}

    def codes(self, store: SequenceStore, positions: Ints) -> dict[str, Ints]:
        """Return each feature's codes of events.

        Parameters
        ----------
        store
            Where the events are.
        positions
            int64 (b, l): events of the store; a row is one sequence, whose first column has no event before it.

        Returns
        -------
        dict
            Feature to int64 (b, l).
        """
        time = np.asarray(store.time[positions])
        gaps = np.zeros(time.shape, dtype=np.int64)
        gaps[:, 1:] = gap_codes(np.diff(time, axis=1))
        known = {"gap": gaps}
        for name, edges, column in (
            ("value", self.value_edges, store.value),
            ("duration", self.duration_edges, store.duration),
        ):
            if len(edges):
                known[name] = _bucket(np.asarray(column[positions], dtype=np.float64), edges)
        if len(self.types) > 1:
            place = {name: code for code, name in enumerate(self.types, start=1)}
            known["type"] = np.array([place.get(name, 0) for name in store.event_types])[
                store.event_type[positions]
            ]
        if self.hours:
            known["hour"] = 1 + np.asarray(store.hour[positions], dtype=np.int64)
        known["weekday"] = 1 + np.asarray(store.weekday[positions], dtype=np.int64)
        return known

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "value_edges": self.value_edges.tolist(),
            "duration_edges": self.duration_edges.tolist(),
            "types": list(self.types),
            "hours": self.hours,
            "half_lives": list(self.half_lives),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            np.asarray(values["value_edges"], dtype=np.float64),
            np.asarray(values["duration_edges"], dtype=np.float64),
            tuple(values["types"]),
            values["hours"],
            tuple(values["half_lives"]),
        )


def gap_codes(seconds: Ints) -> Ints:
    """Return the code of each pause, int64, from 1 on."""
    return 1 + np.searchsorted(_GAPS, seconds, side="right").astype(np.int64)


def _half_lives(time: Ints) -> tuple[int, ...]:
    span = int(time.max() - time.min()) if len(time) else 0
    return tuple(sorted({max(span // share, _HOUR) for share in _SHARES}))


def _edges(values: Floats) -> Floats:
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        return np.empty(0)
    return np.unique(np.quantile(known, np.linspace(0, 1, _BUCKETS + 1)[1:-1], method="inverted_cdf"))


def _bucket(values: Floats, edges: Floats) -> Ints:
    codes = 1 + np.searchsorted(edges, values, side="right")
    return np.where(np.isfinite(values), codes, 0).astype(np.int64)
