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
    import torch

    from fenqun.behaviour.intent.model import EventModel

MOST = 8
"""Held-out events of a user that are foretold."""
_ROWS = 256


def next_ndcg(
    model: EventModel,
    reader: EventReader,
    learned: Collection[int],
    judged: Collection[int],
    users: npt.NDArray[np.int64],
    length: int,
    tokens: int,
) -> float:
    """Return how well each held-out event is foretold from all that came before it, held-out events included.

    Lists ask what a user takes over all of the held-out time and say little of order; this asks for one event at a
    time. All items are ranked, those that the user has included; ties count by half.

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
    float
        Mean over users of the mean NDCG@20 of their first :data:`MOST` held-out events.
    """
    import torch

    store = reader.store
    known = store.n_events(learned)[users]
    asked = np.minimum(store.n_events((*learned, *judged))[users] - known, MOST)
    ends = store.offsets[users] + known + asked - 1
    lengths = np.minimum(known, length) + asked - 1  # the last event is foretold and not read
    gain = np.zeros(len(users))
    device = next(model.parameters()).device
    for batch in reader.batches(Spans(users, ends - lengths, lengths), tokens):
        batch = batch.to(device)
        of = np.searchsorted(users, batch.users)
        row, back = np.nonzero(np.arange(MOST) < asked[of][:, None])
        states = model.later(batch, model.states(batch))[row, lengths[of][row] - 1 - back]
        true = torch.from_numpy(np.asarray(store.item[ends[of][row] - back], dtype=np.int64)).to(device)
        for some, items in zip(torch.split(states, _ROWS), torch.split(true, _ROWS), strict=True):
            rank = _ranks(model.scores(some), items)
            found = torch.where(rank <= LENGTH, 1.0 / torch.log2(rank + 1.0), 0.0)
            np.add.at(gain, of[row[: len(some)]], found.cpu().numpy())
            row = row[len(some) :]
    return float(np.mean(gain / asked))


def _ranks(scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the rank of a true item among all, from 1 on; items that score alike share the mean of their ranks."""
    true = scores.gather(1, target[:, None])
    above = (scores > true).sum(1)
    alike = (scores == true).sum(1) - 1
    ranks: torch.Tensor = 1.0 + above + 0.5 * alike
    return ranks
