"""What lists are like, whatever users took: how new, how true to their taste, how evenly they show the catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.evaluation.intervals import Floats
from fenqun.evaluation.ranking import Lists

_SMOOTHING = 0.01
"""Share of the user's own distribution mixed into the list's, so that the divergence is finite."""


def novelty(lists: Lists, takers: npt.ArrayLike, n_users: int) -> Floats:
    """Return how unknown each user's list is: the mean of -log2(share of users who took an item), in bits.

    Vargas and Castells 2011 (Rank and relevance in novelty and diversity metrics, RecSys, section 3.2), without discount.

    Parameters
    ----------
    lists
        int32, shape (n, length), -1 where a list is shorter.
    takers
        Shape (n_items,): how many users took each item in the time that was learned from.
    n_users
        How many users there are; an item that nobody took counts as taken by one.

    Returns
    -------
    ndarray
        Shape (n,); NaN for an empty list.
    """
    share = np.maximum(np.asarray(takers, dtype=np.float64), 1.0) / max(n_users, 1)
    bits = np.append(-np.log2(np.minimum(share, 1.0)), 0.0)  # the last entry is what -1 points at
    listed = (lists >= 0).sum(axis=1)
    total: Floats = bits[lists].sum(axis=1)
    return np.asarray(np.divide(total, listed, out=np.full(len(lists), np.nan), where=listed > 0))


def miscalibration(lists: Lists, history: Any, codes: npt.ArrayLike, n_categories: int) -> Floats:
    """Return how far the categories of each user's list are from the user's own: a divergence, 0 is the best.

    The Kullback-Leibler divergence of the list's distribution from that of the user's history (Steck 2018, Calibrated
    recommendations, RecSys, equation 4 to 6; .01 of the history mixed into the list), in nats.

    Parameters
    ----------
    lists
        int32, shape (n, length).
    history
        CSR, shape (n, n_items): weights of what each user took.
    codes
        Shape (n_items,): category of each item, -1 where unknown.
    n_categories
        Codes are below it.

    Returns
    -------
    ndarray
        Shape (n,); NaN where the list or the history has no known category.
    """
    category = np.asarray(codes, dtype=np.int64)
    known = np.flatnonzero(category >= 0)
    of_item = sparse.csr_matrix(
        (np.ones(len(known)), (known, category[known])), shape=(len(category), max(n_categories, 1))
    )
    own = np.asarray((sparse.csr_matrix(history) @ of_item).todense(), dtype=np.float64)
    row, place = np.nonzero(lists >= 0)
    listed = category[lists[row, place]]
    row, listed = row[listed >= 0], listed[listed >= 0]
    shown = np.zeros_like(own)
    np.add.at(shown, (row, listed), 1.0)
    mass, length = own.sum(axis=1), shown.sum(axis=1)
    judged = (mass > 0) & (length > 0)
    p = own / np.where(mass > 0, mass, 1.0)[:, None]
    q = shown / np.where(length > 0, length, 1.0)[:, None]
    mixed = (1.0 - _SMOOTHING) * q + _SMOOTHING * p
    terms = np.zeros_like(p)
    np.divide(p, mixed, out=terms, where=p > 0)
    divergence = (p * np.log(np.where(terms > 0, terms, 1.0))).sum(axis=1)
    return np.where(judged, divergence, np.nan)


def exposure_gini(lists: Lists, n_items: int) -> float:
    """Return the Gini coefficient of how often items are listed: 0 all alike, towards 1 a few alone; NaN without lists.

    Parameters
    ----------
    lists
        int32, shape (n, length).
    n_items
        Items that could be listed, those never listed among them.
    """
    shown = lists[lists >= 0]
    if not len(shown) or not n_items:
        return float("nan")
    times = np.sort(np.bincount(shown, minlength=n_items)).astype(np.float64)
    rank = np.arange(1, len(times) + 1)
    return float((2 * rank - len(times) - 1) @ times / (len(times) * times.sum()))
