from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from fenqun.behaviour.neighbours import NeighbourLists

Planted = Callable[..., tuple[sparse.csr_matrix, np.ndarray, np.ndarray]]


def test_vectors_that_tell_types_apart_give_better_lists(planted: Planted) -> None:
    counts, of_user, _ = planted(150, 90, seed=1)
    later, _, _ = planted(150, 90, seed=2)
    lists = NeighbourLists.of(counts, later, True, 0)
    assert lists is not None
    told = lists.ndcg(np.eye(3)[of_user])
    noise = lists.ndcg(np.random.default_rng(0).normal(size=(150, 3)))
    assert told.shape == (len(lists.users),)
    assert np.nanmean(told) > np.nanmean(noise) + 0.1


def test_lists_hold_nothing_seen_where_they_may_not_repeat(planted: Planted) -> None:
    counts, of_user, _ = planted(60, 30, seed=1)
    lists = NeighbourLists.of(counts, counts, False, 0)
    assert lists is not None
    assert np.nanmax(lists.ndcg(np.eye(3)[of_user])) == 0


@pytest.mark.parametrize("counts", [np.zeros((3, 4)), np.eye(4)[:1]], ids=["no events", "one user"])
def test_nobody_to_judge(counts: np.ndarray) -> None:
    matrix = sparse.csr_matrix(counts)
    assert NeighbourLists.of(matrix, matrix, True, 0) is None


def test_scale_and_shift_change_nothing(planted: Planted) -> None:
    counts, of_user, _ = planted(80, 30, seed=1)
    vectors = np.eye(3)[of_user] + np.random.default_rng(0).normal(size=(80, 3))
    lists = NeighbourLists.of(counts, counts, True, 0)
    assert lists is not None
    np.testing.assert_allclose(lists.ndcg(vectors), lists.ndcg(7 * vectors + 3), atol=1e-6)
