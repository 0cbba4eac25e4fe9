"""Judging a sequence model on held-out time: event by event, and by what the next events are."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fenqun.behaviour.intent.batches import EventReader
from fenqun.behaviour.intent.spans import Spans
from fenqun.behaviour.listing import LENGTH

if TYPE_CHECKING:
    from fenqun.behaviour.intent.model import EventModel

MOST = 8
"""Held-out events of a user that are foretold."""
_ROWS = 64
"""States that are scored at once: their scores of a large catalogue stay in the cache."""


def foretell(
    model: EventModel,
    reader: EventReader,
    learned: Collection[int],
    judged: Collection[int],
    users: npt.NDArray[np.int64],
    length: int,
    tokens: int,
) -> tuple[npt.NDArray[np.float32], float]:
    """Return where users stand at the end of the learning time, and how well each held-out event is foretold.

    Lists ask what a user takes over all of the held-out time and say little of order; this asks for one event at a
    time, from all that came before it, held-out events included. All items are ranked, those that the user has
    included; ties count by half.

    Parameters
    ----------
    model
        Its backbone must be causal.
    reader
        Of the store, looking from the end of the learning time.
    learned, judged
        Folds that were learned from, and those that follow them.
    users
        int64, ascending: rows of the store, each with events in both.
    length, tokens
        Events that one looks back, and events of a batch.

    Returns
    -------
    states
        float32 (users, width): as of the end of the learning time, from what is known then.
    ndcg
        Mean over users of the mean NDCG@20 of their first :data:`MOST` held-out events.
    """
    store = reader.store
    known = store.n_events(learned)[users]
    asked = np.minimum(store.n_events((*learned, *judged))[users] - known, MOST)
    ends = store.offsets[users] + known + asked - 1
    lengths = np.minimum(known, length) + asked - 1  # the last event is foretold and not read
    gain = np.zeros(len(users))
    stands = np.zeros((len(users), model.backbone.width), dtype=np.float32)
    device = next(model.parameters()).device
    for batch in reader.batches(Spans(users, ends - lengths, lengths), tokens):
        batch = batch.to(device)
        of = np.searchsorted(users, batch.users)
        row, back = np.nonzero(np.arange(MOST) < asked[of][:, None])
        states = model.later(batch, model.states(batch))[row, lengths[of][row] - 1 - back]
        first = back == asked[of][row] - 1
        stands[of[row[first]]] = states[first].float().cpu().numpy()
        true = np.asarray(store.item[ends[of][row] - back], dtype=np.int64)
        for start in range(0, len(row), _ROWS):
            some = slice(start, start + _ROWS)
            rank = _ranks(model.scores(states[some]).cpu().numpy(), true[some])
            np.add.at(gain, of[row[some]], np.where(rank <= LENGTH, 1.0 / np.log2(rank + 1.0), 0.0))
    return stands, float(np.mean(gain / asked))


def _ranks(scores: npt.NDArray[np.float32], target: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the rank of a true item among all, from 1 on; items that score alike share the mean of their ranks."""
    true = scores[np.arange(len(target)), target]
    # Row by row NumPy counts bits; PyTorch, and NumPy along an axis, add numbers: twenty times as long.
    above = [np.count_nonzero(row > own) for row, own in zip(scores, true, strict=True)]
    alike = [np.count_nonzero(row == own) - 1 for row, own in zip(scores, true, strict=True)]
    return np.asarray(1.0 + np.array(above) + 0.5 * np.array(alike))
