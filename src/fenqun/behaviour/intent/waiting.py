"""Waiting: how long ago an event is at the moment when one looks at the user."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.intent.outlook import Outlook
from fenqun.behaviour.intent.spans import Spans
from fenqun.data.sequence_store import SequenceStore

Ints = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]


def waits_until(store: SequenceStore, positions: Ints, now: int) -> Ints:
    """Return the seconds from events to a moment, int64 of the shape of ``positions``; none is negative."""
    return np.maximum(now - np.asarray(store.time[positions]), 0)


def drawn_waits(
    store: SequenceStore, spans: Spans, positions: Ints, outlook: Outlook, generator: np.random.Generator
) -> Ints:
    """Draw a moment between each event and its user's next one; behind the last one, up to where all is known.

    Parameters
    ----------
    store, spans
        Sequences, and n spans of them.
    positions
        int64 (n, l): events of the spans.
    outlook
        Where a user's events end, and up to when it is known what the user did.
    generator
        Draws evenly over the time in between, as a moment at which somebody looks is not chosen by the user.

    Returns
    -------
    ndarray
        int64 (n, l), seconds after each event.
    """
    time = np.asarray(store.time[positions])
    following = np.minimum(positions + 1, len(store.time) - 1)
    ends = np.asarray(store.time[following])
    over = positions + 1 >= outlook.last[spans.users][:, None]
    ends = np.where(over, outlook.until[spans.users][:, None], ends)
    drawn: Ints = (generator.random(time.shape) * np.maximum(ends - time, 0)).astype(np.int64)
    return drawn


def fade(history: Floats32, waits: Ints, half_lives: Sequence[int]) -> Floats32:
    """Return decayed sums as of later moments, float32 (..., sums).

    Parameters
    ----------
    history
        (..., sums) as :func:`fenqun.behaviour.intent.history.decayed_history` gives them.
    waits
        (...): seconds from the event that the sums are of to the moment.
    half_lives
        Seconds; the sums are one or two for each.
    """
    faded = np.exp2(-waits[..., None] / np.asarray(half_lives, dtype=np.float64))
    sums = np.expm1(history) * np.tile(faded, history.shape[-1] // len(half_lives))
    later: Floats32 = np.log1p(sums).astype(np.float32)
    return later
