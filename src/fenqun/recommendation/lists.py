"""Tables of lists for segments and for users."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from fenqun import schema
from fenqun.recommendation.recommenders.base import Scores
from fenqun.recommendation.reranking.chain import Reranking

_CELLS = 1 << 23  # scores held at once
_AS_RANKED = Reranking()


def segment_lists(
    scores: Scores,
    recommenders: Sequence[str],
    segment_ids: Sequence[str],
    item_ids: pa.Array | pa.ChunkedArray,
    length: int,
    reranking: Reranking = _AS_RANKED,
) -> pa.Table:
    """Return the list of each segment, in the schema of ``recommendations.parquet``.

    Parameters
    ----------
    scores
        ``(k, n_items)`` of each segment by its own recommender.
    recommenders, segment_ids
        ``k``: name of that recommender, and id of the segment.
    item_ids
        In the order of the columns of the scores.
    length
        Items per list; fewer where fewer were ever taken.
    reranking
        What follows the recommender.
    """
    lists, picked = reranking(scores, None, length)
    row, rank, item, score = _long(lists, picked)
    return pa.table(
        {
            schema.SEGMENT: pa.array([segment_ids[g] for g in row], pa.string()),
            "rank": pa.array(rank, pa.int32()),
            schema.ITEM: _take(item_ids, item),
            "score": pa.array(score, pa.float64()),
            "recommender": pa.array([recommenders[g] for g in row], pa.string()),
        },
        schema=schema.recommendations(item_ids.type),
    )


def user_recommendations(
    score: Callable[[NDArray[np.int64]], Scores],
    user_ids: pa.Array | pa.ChunkedArray,
    item_ids: pa.Array | pa.ChunkedArray,
    length: int,
    seen: sparse.csr_matrix | None = None,
    reranking: Reranking = _AS_RANKED,
) -> Iterator[pa.Table]:
    """Yield the lists of all fitted users, some users at a time, in the schema of ``user_recommendations.parquet``.

    Parameters
    ----------
    score
        Takes rows of users and returns their scores, ``(len(users), n_items)``: a recommender's ``scores``.
    user_ids
        In the order of the rows that the recommender was fitted on.
    item_ids
        In the order of the columns of the counts.
    length
        Items per list; fewer where fewer are left.
    seen
        ``(n_users, n_items)``: items that a user's list leaves out; None where the domain repeats.
    reranking
        What follows the recommender. A cap on exposure needs the candidates of all users at once.
    """
    n_users, n_items = len(user_ids), len(item_ids)
    target = schema.user_recommendations(user_ids.type, item_ids.type)
    size = max(1, _CELLS // max(n_items, 1))
    chunks = [np.arange(start, min(start + size, n_users)) for start in range(0, n_users, size)]

    def candidates(users: NDArray[np.int64]) -> tuple[NDArray[np.int32], Scores]:
        return reranking.candidates(score(users), None if seen is None else seen[users], length)

    if reranking.max_exposure is not None and chunks:
        every = [candidates(users) for users in chunks]
        lists, picked = (np.concatenate(parts) for parts in zip(*every, strict=True))
        lists, picked = reranking.finish(lists, picked, length)
        finished = ((users, lists[users], picked[users]) for users in chunks)
    else:
        finished = ((users, *reranking.finish(*candidates(users), length)) for users in chunks)
    for users, listed, scored in finished:
        row, rank, item, scores = _long(listed, scored)
        yield pa.table(
            {
                schema.USER: _take(user_ids, users[row]),
                "rank": pa.array(rank, pa.int32()),
                schema.ITEM: _take(item_ids, item),
                "score": pa.array(scores, pa.float64()),
            },
            schema=target,
        )


def _long(
    lists: NDArray[np.int32], scores: Scores
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Scores]:
    row, place = np.nonzero(lists >= 0)
    return row, place + 1, lists[row, place].astype(np.int64), scores[row, place]


def _take(ids: pa.Array | pa.ChunkedArray, positions: NDArray[np.int64]) -> pa.Array:
    taken = ids.take(pa.array(positions, pa.int64()))
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken
