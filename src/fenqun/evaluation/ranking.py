"""Lists: scores of groups, the items each user is shown, and what held-out time says about them.

Conventions: users are rows and items are columns, in the order of the sequence store; a list is a
row of item positions, best first, filled with -1 where there are not enough items; ties go to the
item that comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.evaluation.intervals import Floats, Ints

Lists = npt.NDArray[np.int32]
Weighting = Literal["counts", "log", "binary"]

_CELLS = 4_000_000  # (user, candidate) cells held in memory at once


def weigh(counts: Any, weighting: Weighting) -> sparse.csr_matrix:
    """Let repeated events of a user with one item count less.

    Parameters
    ----------
    counts
        CSR, shape (n_users, n_items): event weights.
    weighting
        ``counts`` as they are; ``log`` log(1 + count); ``binary`` every user once an item, so that
        group counts are numbers of people.
    """
    weighed = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    if weighting == "log":
        weighed.data = np.log1p(weighed.data)
    elif weighting == "binary":
        weighed.data = np.ones_like(weighed.data)
    return weighed


def smoothing_mass(counts: Any, n_groups: int, share: float) -> float:
    """Events of everyone to add to each group: ``share`` of what a group holds on average.

    Relative, so that one setting suits logs of any size and any number of groups.
    """
    return float(share * sparse.csr_matrix(counts).sum() / max(n_groups, 1))


def group_scores(counts: Any, labels: npt.ArrayLike, n_groups: int, smoothing: float) -> Floats:
    """Share of each item in each group's events, smoothed to everyone's.

    With counts c of group g on item i, N their sum over items, p the share of i in all events and m
    the smoothing: (c + m p) / (N + m), the posterior mean under a Dirichlet prior (Zhai and Lafferty
    2004, ACM TOIS 22, section 3).

    Parameters
    ----------
    counts
        CSR, shape (n_users, n_items), non-negative.
    labels
        Shape (n_users,); users with a negative label count for everyone only.
    n_groups
        Number of groups: labels are below it.
    smoothing
        Events of everyone added to each group, in the unit of ``counts``.

    Returns
    -------
    ndarray
        Shape (n_groups, n_items); rows sum to 1 (a group without events gets everyone's shares).
    """
    matrix = sparse.csr_matrix(counts, dtype=np.float64)
    group = np.asarray(labels, dtype=np.int64)
    inside = np.flatnonzero(group >= 0)
    member = sparse.csr_matrix(
        (np.ones(len(inside)), (group[inside], inside)), shape=(n_groups, matrix.shape[0]), dtype=np.float64
    )
    everyone = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    total = everyone.sum()
    share = everyone / total if total > 0 else everyone
    scores: Floats = (member @ matrix).toarray()
    mass = scores.sum(axis=1)
    scores += smoothing * share
    mass += smoothing
    filled = mass > 0
    scores[filled] /= mass[filled, None]
    scores[~filled] = share
    return scores


def rank_lists(scores: Floats, labels: npt.ArrayLike, seen: Any | None, length: int) -> Lists:
    """Give every user the best items of their group.

    Parameters
    ----------
    scores
        Shape (n_groups, n_items).
    labels
        Shape (n_users,); a negative label gives an empty list.
    seen
        CSR, shape (n_users, n_items): what a user's list must leave out; None: nothing.
    length
        Of the lists.

    Returns
    -------
    ndarray
        int32, shape (n_users, length).
    """
    group = np.asarray(labels, dtype=np.int64)
    lists: Lists = np.full((len(group), length), -1, dtype=np.int32)
    masked = None if seen is None else sparse.csr_matrix(seen)
    for g in np.unique(group[group >= 0]):
        members = np.flatnonzero(group == g)
        if masked is None:
            best = _first(scores[g], length)
            lists[members, : len(best)] = best
        else:
            order = np.argsort(-scores[g], kind="stable").astype(np.int32)
            _rank_unseen(order, members, masked, lists)
    return lists


def _first(scores: Floats, length: int) -> Ints:
    """Return the positions of the highest scores, ties by position, without sorting all of them."""
    width = min(length, len(scores))
    if not width:
        return np.empty(0, dtype=np.int64)
    least = np.partition(scores, len(scores) - width)[len(scores) - width]
    candidates = np.flatnonzero(scores >= least)
    return np.asarray(candidates[np.argsort(-scores[candidates], kind="stable")][:width], dtype=np.int64)


def _rank_unseen(order: Lists, members: Ints, seen: sparse.csr_matrix, lists: Lists) -> None:
    """Fill the rows ``members`` with the first items of ``order`` that the user has not seen."""
    length = lists.shape[1]
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    # Each seen item pushes the end of the list one place down, so users with short histories
    # share a small window; sorting by history keeps windows small.
    history = np.diff(seen.indptr)[members]
    members = members[np.argsort(history, kind="stable")]
    start = 0
    while start < len(members):
        widest = length + int(seen.indptr[members[-1] + 1] - seen.indptr[members[-1]])
        size = max(1, _CELLS // min(widest, len(order)))
        chunk = members[start : start + size]
        window = min(length + int(np.diff(seen.indptr)[chunk].max()), len(order))
        rows = seen[chunk]
        at = place[rows.indices]
        user = np.repeat(np.arange(len(chunk)), np.diff(rows.indptr))
        free = np.ones((len(chunk), window), dtype=bool)
        free[user[at < window], at[at < window]] = False
        rank = np.cumsum(free, axis=1)
        row, column = np.nonzero(free & (rank <= length))
        lists[chunk[row], rank[row, column] - 1] = order[column]
        start += size


def rank_user_lists(
    score: Callable[[Ints], npt.NDArray[np.floating[Any]]],
    n_users: int,
    n_items: int,
    seen: Any | None,
    length: int,
) -> Lists:
    """Give every user the best items by scores of their own, computed a chunk of users at a time.

    Parameters
    ----------
    score
        Takes user positions and returns their scores, shape (len(users), n_items).
    n_users, n_items
        Of the log.
    seen, length
        As in :func:`rank_lists`.

    Returns
    -------
    ndarray
        int32, shape (n_users, length).
    """
    lists: Lists = np.full((n_users, length), -1, dtype=np.int32)
    masked = None if seen is None else sparse.csr_matrix(seen)
    size = max(1, _CELLS // max(n_items, 1))
    width = min(length, n_items)
    for start in range(0, n_users, size):
        users = np.arange(start, min(start + size, n_users))
        block = np.array(score(users), dtype=np.float64)
        if masked is not None:
            rows = masked[users]
            block[np.repeat(np.arange(len(users)), np.diff(rows.indptr)), rows.indices] = -np.inf
        lists[users, :width] = _best_columns(block, width)
    return lists


def _best_columns(scores: Floats, width: int) -> Lists:
    """Return the columns of the highest scores of each row, (n, width), best first, ties by order of the columns."""
    if not width:
        return np.empty((len(scores), 0), dtype=np.int32)
    import torch

    # Torch selects ten times faster than NumPy partitions. What is level with the last place is ordered below.
    highest = torch.from_numpy(scores).topk(width, dim=1, sorted=True).values.numpy()
    row, column = np.nonzero((scores >= highest[:, -1:]) & (scores > -np.inf))
    order = np.lexsort((column, -scores[row, column], row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, np.arange(len(scores)))[row]
    found: Lists = np.full((len(scores), width), -1, dtype=np.int32)
    inside = rank < width
    found[row[inside], rank[inside]] = column[inside]
    return found


def list_metrics(lists: Lists, truth: Any) -> dict[str, Floats]:
    """Judge lists by what users took in held-out time.

    Relevance is binary: the distinct items with a positive weight. The ideal of NDCG has
    min(length, number of relevant items) hits at the top (Järvelin and Kekäläinen 2002, ACM TOIS 20). The reciprocal rank
    is of the first hit, 0 without one (Voorhees 1999, TREC-8).

    Parameters
    ----------
    lists
        int32, shape (n_users, length).
    truth
        CSR, shape (n_users, n_items): weights of held-out events.

    Returns
    -------
    dict
        ``ndcg``, ``recall``, ``hit_rate``, ``precision``, ``mrr``: shape (n_users,), in [0, 1], NaN for
        users without a held-out item.
    """
    n, length = lists.shape
    relevant = sparse.csr_matrix(truth, copy=True)
    relevant.data = (relevant.data > 0).astype(np.float64)
    relevant.eliminate_zeros()
    relevant.sum_duplicates()
    n_items = max(relevant.shape[1], 1)
    amount = np.diff(relevant.indptr).astype(np.float64)
    keys = np.repeat(np.arange(n, dtype=np.int64), np.diff(relevant.indptr)) * n_items + relevant.indices
    asked = np.arange(n, dtype=np.int64)[:, None] * n_items + lists
    # Keys rise: rows follow each other, and sum_duplicates sorts within them.
    place = np.searchsorted(keys, asked)
    hits = (lists >= 0) & (np.append(keys, -1)[place] == asked)
    discount = 1.0 / np.log2(np.arange(length) + 2.0)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(amount, length).astype(np.int64)]
    found = hits.sum(axis=1).astype(np.float64)
    first = np.where(found > 0, hits.argmax(axis=1) + 1.0 if length else 1.0, np.inf)
    judged = amount > 0

    def ratio(numerator: Floats, denominator: Floats | float) -> Floats:
        out = np.full(n, np.nan)
        np.divide(numerator, denominator, out=out, where=judged)
        return out

    return {
        "ndcg": ratio(hits @ discount, ideal),
        "recall": ratio(found, amount),
        "hit_rate": ratio((found > 0).astype(np.float64), 1.0),
        "precision": ratio(found, float(max(length, 1))),
        "mrr": ratio(1.0 / first, 1.0),
    }


def coverage(lists: Lists, n_items: int) -> float:
    """Share of the items that at least one list shows; NaN without items."""
    return float(len(np.unique(lists[lists >= 0])) / n_items) if n_items else float("nan")
