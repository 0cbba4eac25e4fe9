"""What lies ahead of a moment: how many events of the user, and how much value, within a few horizons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.intent.spans import Spans
from fenqun.data.sequence_store import SequenceStore

Ints = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]


_SAMPLE, _EVENTS = 500, 200


@dataclass(frozen=True)
class Outlook:
    """Targets that the log itself gives: sums over the time after an event, by logarithm.

    Attributes
    ----------
    horizons
        int64 (h,), seconds.
    last
        int64 (n_users,): position behind each user's last event that may be learned from.
    until
        int64 (n_users,): epoch seconds up to which it is known what a user did.
    has_value
        Whether events carry a value.
    center, scale
        float32 (targets,): mean and deviation over a sample of events, so that every target weighs alike.
    """

    horizons: Ints
    last: Ints
    until: Ints
    has_value: bool
    center: Floats32
    scale: Floats32

    @classmethod
    def of(cls, store: SequenceStore, folds: Collection[int], horizons: Sequence[int], now: int | None) -> Self:
        """Say what is known of whom.

        Parameters
        ----------
        store, folds
            Sequences, and the folds that may be learned from.
        horizons
            Seconds.
        now
            Epoch seconds up to which those folds know everybody, silence included; None: nobody is known beyond
            their own last event, as where each user has a cut of their own.
        """
        known = store.n_events(folds)
        last = store.offsets[:-1] + known
        until = np.zeros(store.n_users, dtype=np.int64)
        until[known > 0] = store.time[last[known > 0] - 1]
        if now is not None:
            until[:] = now
        valued = bool(store.has["value"])
        width = len(horizons) * (2 if valued else 1)
        plain = cls(
            np.asarray(horizons, dtype=np.int64),
            last,
            until,
            valued,
            np.zeros(width, dtype=np.float32),
            np.ones(width, dtype=np.float32),
        )
        return plain._standardised(store, known)

    def _standardised(self, store: SequenceStore, known: Ints) -> Self:
        users = np.flatnonzero(known > 0)
        users = users[np.linspace(0, len(users) - 1, min(len(users), _SAMPLE)).astype(np.int64)]
        if not len(users):
            return self
        # From each user's first event on: of the last ones, little is known of what lies ahead.
        spans = Spans(users, store.offsets[users], np.minimum(known[users], _EVENTS))
        sums = self.targets(store, spans, int(spans.lengths.max())).reshape(-1, self.width)
        count = np.isfinite(sums).sum(axis=0)
        filled = np.nan_to_num(sums.astype(np.float64))
        center = filled.sum(axis=0) / np.maximum(count, 1)
        spread = np.sqrt((np.isfinite(sums) * (filled - center) ** 2).sum(axis=0) / np.maximum(count, 1))
        scale = np.where(spread > 1e-6, spread, 1.0)
        return replace(self, center=center.astype(np.float32), scale=scale.astype(np.float32))

    @property
    def width(self) -> int:
        """Targets of an event."""
        return len(self.horizons) * (2 if self.has_value else 1)

    def targets(self, store: SequenceStore, spans: Spans, width: int, waits: Ints | None = None) -> Floats32:
        """Return ``log1p`` of the events, and then of the value, ahead of moments of spans, standardised.

        Parameters
        ----------
        store
            The sequences.
        spans
            Of n users.
        width
            Events of the longest span.
        waits
            int64 (n, width): seconds after each event at which one looks ahead, before the next event; None: at the
            event itself.

        Returns
        -------
        ndarray
            float32 (n, width, targets); NaN where a horizon reaches beyond what is known, and behind a span's end.
        """
        found = np.full((len(spans), width, self.width), np.nan, dtype=np.float32)
        for row, (user, start, n) in enumerate(zip(spans.users, spans.starts, spans.lengths, strict=True)):
            stop = int(self.last[user])
            time = np.asarray(store.time[start:stop])
            moments = time[:n] if waits is None else time[:n] + waits[row, :n]
            ends = moments[:, None] + self.horizons
            reached = np.searchsorted(time, ends, side="right")
            # Events of the same second as a moment are not ahead of it.
            here = np.searchsorted(time, moments, side="right")[:, None]
            ahead: list[npt.NDArray[Any]] = [reached - here]
            if self.has_value:
                worth = np.nan_to_num(np.asarray(store.value[start:stop], dtype=np.float64))
                total = np.concatenate([[0.0], np.cumsum(worth)])
                ahead.append(total[reached] - total[here])
            unknown = np.tile(ends > self.until[user], len(ahead))
            sums = np.log1p(np.maximum(np.hstack(ahead), 0.0))
            found[row, :n] = np.where(unknown, np.nan, sums)
        return (found - self.center) / self.scale
