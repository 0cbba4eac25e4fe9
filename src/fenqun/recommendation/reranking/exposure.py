"""Exposure: no item in more than its share of all lists."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def cap_exposure(lists: NDArray[np.int32], share: float, length: int) -> NDArray[np.int32]:
    """Choose from each list's candidates so that no item is in more than a share of the lists.

    Lists ask for their best candidates, and an item that too many ask for stays with those that rank it highest; the rest ask
    for their next (deferred acceptance, Gale and Shapley 1962, College admissions, American Mathematical Monthly 69). The
    result does not depend on who asks first, and no list could swap for an item that would rather be there.

    Parameters
    ----------
    lists
        int32 ``(n, candidates)``, best first, -1 where there are fewer.
    share
        In (0, 1]; an item may always be in one list.
    length
        Items that each list wants.

    Returns
    -------
    ndarray
        int32 ``(n, length)``: places of the candidates in their list, ascending, -1 where there are not enough.
    """
    n, width = lists.shape
    most = max(1, math.floor(share * n + 1e-9))
    allowed = lists >= 0
    while True:
        held = allowed & (np.cumsum(allowed, axis=1) <= length)
        row, place = np.nonzero(held)
        item = lists[row, place]
        order = np.lexsort((row, place, item))
        start = np.searchsorted(item[order], item[order], side="left")
        beyond = order[np.arange(len(order)) - start >= most]
        if not len(beyond):
            break
        allowed[row[beyond], place[beyond]] = False
    rank = np.cumsum(held, axis=1) - 1
    chosen = np.full((n, min(length, width)), -1, dtype=np.int32)
    chosen[row, rank[row, place]] = place
    return chosen
