"""Tables of lists for segments and for users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from fenqun import schema
from fenqun.evaluation.ranking import rank_user_lists
from fenqun.recommendation.recommenders import Recommender, Scores

_CELLS = 1 << 23  # scores held at once


def segment_recommendations(
    recommender: Recommender, segment_ids: Sequence[str], item_ids: pa.Array | pa.ChunkedArray, length: int
) -> pa.Table:
    """Return the list of each segment in the schema of ``recommendations.parquet``.

    Parameters
    ----------
    recommender
        Fitted.
    segment_ids
        ``k`` in the order of the labels that it was fitted on.
    item_ids
        In the order of the columns of the counts.
    length
        Items per list; fewer where fewer were ever taken.
    """
    lists, scores = top(recommender.segment_scores(), None, length)
    row, rank, item, score = _long(lists, scores)
    return pa.table(
        {
            schema.SEGMENT: pa.array([segment_ids[g] for g in row], pa.string()),
            "rank": pa.array(rank, pa.int32()),
            schema.ITEM: _take(item_ids, item),
            "score": pa.array(score, pa.float64()),
            "recommender": pa.array([recommender.name] * len(row), pa.string()),
        },
        schema=schema.recommendations(item_ids.type),
    )


def user_recommendations(
    recommender: Recommender,
    user_ids: pa.Array | pa.ChunkedArray,
    item_ids: pa.Array | pa.ChunkedArray,
    length: int,
    seen: sparse.csr_matrix | None = None,
) -> Iterator[pa.Table]:
    """Yield the lists of all fitted users, some users at a time, in the schema of ``user_recommendations.parquet``.

    Parameters
    ----------
    recommender
        Fitted.
    user_ids
        In the order of the rows that the recommender was fitted on.
    item_ids
        In the order of the columns of the counts.
    length
        Items per list; fewer where fewer are left.
    seen
        ``(n_users, n_items)``: items that a user's list leaves out; None where the domain repeats.
    """
    n_users, n_items = len(user_ids), len(item_ids)
    target = schema.user_recommendations(user_ids.type, item_ids.type)
    size = max(1, _CELLS // max(n_items, 1))
    for start in range(0, n_users, size):
        users = np.arange(start, min(start + size, n_users))
        chunk_seen = None if seen is None else seen[users]
        lists, scores = top(recommender.scores(users), chunk_seen, length)
        row, rank, item, score = _long(lists, scores)
        yield pa.table(
            {
                schema.USER: _take(user_ids, users[row]),
                "rank": pa.array(rank, pa.int32()),
                schema.ITEM: _take(item_ids, item),
                "score": pa.array(score, pa.float64()),
            },
            schema=target,
        )


def top(scores: Scores, seen: sparse.csr_matrix | None, length: int) -> tuple[NDArray[np.int32], Scores]:
    """Return the best items of each row and their scores, ties by item order.

    Returns
    -------
    lists
        ``(n, length)`` item positions, -1 beyond the end of a list.
    scores
        ``(n, length)``, NaN there.
    """
    lists = rank_user_lists(lambda rows: scores[rows], scores.shape[0], scores.shape[1], seen, length)
    picked = np.full(lists.shape, np.nan)
    row, place = np.nonzero(lists >= 0)
    picked[row, place] = scores[row, lists[row, place]]
    return lists, picked


def _long(
    lists: NDArray[np.int32], scores: Scores
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Scores]:
    row, place = np.nonzero(lists >= 0)
    return row, place + 1, lists[row, place].astype(np.int64), scores[row, place]


def _take(ids: pa.Array | pa.ChunkedArray, positions: NDArray[np.int64]) -> pa.Array:
    taken = ids.take(pa.array(positions, pa.int64()))
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
