from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fenqun.behaviour.listing import Listing
from fenqun.evaluation.ranking import list_metrics, rank_user_lists


@given(seed=st.integers(0, 60), repeats=st.booleans(), n_items=st.integers(1, 40))
@settings(max_examples=40)
def test_it_judges_as_the_ranking_of_evaluation_does(seed: int, repeats: bool, n_items: int) -> None:
    rng = np.random.default_rng(seed)
    counts = sparse.csr_matrix(rng.poisson(0.4, (12, n_items)).astype(float))
    later = sparse.csr_matrix(rng.poisson(0.3, (12, n_items)).astype(float))
    # Whole numbers tie often.
    users, items = rng.integers(-2, 3, (12, 2)).astype(float), rng.integers(-2, 3, (n_items, 2)).astype(float)
    listing = Listing.of(counts, later, repeats, seed)
    judged = np.flatnonzero((np.diff(counts.indptr) > 0) & (np.diff(later.indptr) > 0))
    if listing is None:
        assert not len(judged)
        return
    lists = rank_user_lists(
        lambda rows: users[judged][rows] @ items.T, len(judged), n_items, None if repeats else counts[judged], 20
    )
    expected = np.nanmean(list_metrics(lists, later[judged])["ndcg"])
    assert listing.ndcg(users, items) == pytest.approx(expected, abs=1e-12)


def test_nobody_to_judge_is_none() -> None:
    counts = sparse.csr_matrix([[1.0, 0.0], [0.0, 0.0]])
    assert Listing.of(counts, sparse.csr_matrix([[0.0, 0.0], [1.0, 1.0]]), True, 0) is None
