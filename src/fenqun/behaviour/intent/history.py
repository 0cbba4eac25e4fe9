"""What a user did before an event, as decayed sums: a store of bounded size can keep them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fenqun.data.sequence_store import SequenceStore


def decayed_history(store: SequenceStore, half_lives: Sequence[int]) -> npt.NDArray[np.float16]:
    """Return, for each event, the logarithm of decayed sums over the user's events up to it.

    Parameters
    ----------
    store
        Sequences of all users.
    half_lives
        Seconds after which an event counts half, h of them.

    Returns
    -------
    ndarray
        float16 (n_events, h) or, where the log carries values, (n_events, 2 h): ``log1p`` of the decayed number of
        events, then of the decayed value; the event itself counts. An event knows nothing of later ones.
    """
    n_users = store.n_users
    lives = np.asarray(half_lives, dtype=np.float64)
    valued = bool(store.has["value"])
    found = np.empty((len(store.item), len(lives) * (2 if valued else 1)), dtype=np.float16)
    sizes = np.diff(store.offsets)
    # The longest histories first: the users that have a further event are then always the first ones.
    order = np.argsort(-sizes, kind="stable")
    starts, sizes = store.offsets[:-1][order], sizes[order]
    sums = np.zeros((n_users, found.shape[1]))
    before = np.zeros(n_users, dtype=np.int64)
    for step in range(int(sizes[0]) if n_users else 0):
        active = int(np.searchsorted(-sizes, -step, side="left"))
        place = starts[:active] + step
        time = np.asarray(store.time[place])
        if step:
            faded = np.exp2(-(time - before[:active])[:, None] / lives)
            sums[:active] *= np.tile(faded, 2) if valued else faded
        sums[:active, : len(lives)] += 1.0
        if valued:
            worth = np.nan_to_num(np.asarray(store.value[place], dtype=np.float64))
            sums[:active, len(lives) :] += np.maximum(worth, 0.0)[:, None]
        before[:active] = time
        found[place] = np.log1p(sums[:active])
    return found
