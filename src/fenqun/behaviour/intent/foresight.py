"""Judging a sequence model on held-out time: event by event, and by what the next events are."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from fenqun.behaviour.intent.batches import EventReader
from fenqun.behaviour.intent.spans import Spans
from fenqun.behaviour.listing import LENGTH

if TYPE_CHECKING:
    from fenqun.behaviour.intent.model import EventModel

MOST = 8
"""Held-out events of a user that are foretold."""
PAIRS = 250_000_000
"""States times items that are scored at most: on a large catalogue fewer events of each user are foretold, never none."""
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
        Mean over users of the mean NDCG@20 of their first held-out events: :data:`MOST`, or what :data:`PAIRS` leaves.
    """
    store = reader.store
    known = store.n_events(learned)[users]
    most = min(max(PAIRS // (len(users) * store.n_items), 1), MOST)
    asked = np.minimum(store.n_events((*learned, *judged))[users] - known, most)
    ends = store.offsets[users] + known + asked - 1
    lengths = np.minimum(known, length) + asked - 1  # the last event is foretold and not read
    standing = np.zeros((len(users), model.backbone.width), dtype=np.float32)
    device = next(model.parameters()).device
    states, true, owner = [], [], []
    for batch in reader.batches(Spans(users, ends - lengths, lengths), tokens):
        batch = batch.to(device)
        of = np.searchsorted(users, batch.users)
        row, back = np.nonzero(np.arange(most) < asked[of][:, None])
        found = model.later(batch, model.states(batch))[row, lengths[of][row] - 1 - back]
        first = back == asked[of][row] - 1
        standing[of[row[first]]] = found[first].float().cpu().numpy()
        states.append(found)
        true.append(np.asarray(store.item[ends[of][row] - back], dtype=np.int64))
        owner.append(of[row])
    rank = _ranks(model, torch.cat(states), np.concatenate(true))
    gain = np.bincount(
        np.concatenate(owner),
        weights=np.where(rank <= LENGTH, 1.0 / np.log2(rank + 1.0), 0.0),
        minlength=len(users),
    )
    return standing, float(np.mean(gain / asked))


def _ranks(model: EventModel, states: torch.Tensor, true: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the rank of the true item after each state among all, from 1 on; items that score alike share a mean."""
    ranks = np.empty(len(true))
    for start in range(0, len(true), _ROWS):
        some = slice(start, start + _ROWS)
        scores = model.scores(states[some]).cpu().numpy()
        own = scores[np.arange(len(scores)), true[some]]
        # Row by row NumPy counts bits; PyTorch, and NumPy along an axis, add numbers: twenty times as long.
        above = [np.count_nonzero(row > mine) for row, mine in zip(scores, own, strict=True)]
        alike = [np.count_nonzero(row == mine) - 1 for row, mine in zip(scores, own, strict=True)]
        ranks[some] = 1.0 + np.array(above) + 0.5 * np.array(alike)
    return ranks
