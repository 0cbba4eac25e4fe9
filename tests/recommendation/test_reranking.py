"""What follows a recommender: filters, diversity, caps, and all of it in order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from fenqun.recommendation.lists import user_recommendations
from fenqun.recommendation.recommenders import SegmentCounts
from fenqun.recommendation.reranking.chain import Reranking
from fenqun.recommendation.reranking.diversity import by_category, by_vectors, marginal_relevance
from fenqun.recommendation.reranking.exposure import cap_exposure
from fenqun.recommendation.reranking.filters import in_stock, priced_within

LISTS = np.array([[0, 1, 2, 3]], dtype=np.int32)
SCORES = np.array([[1.0, 0.9, 0.5, 0.1]])


def test_diversity_goes_by_the_formula():
    likeness = by_category(np.array([0, 0, 1, -1]))
    # 1 is level with 0 in category: .5 * .889 - .5 < .5 * .444 and < .5 * 0 of the unknown one, which is like nothing.
    assert marginal_relevance(LISTS, SCORES, 0.5, likeness, 4).tolist() == [[0, 2, 3, 1]]
    assert marginal_relevance(LISTS, SCORES, 0.1, likeness, 2).tolist() == [[0, 1]]


def test_without_weight_the_order_stays_and_short_lists_stay_short():
    lists, scores = np.array([[4, 2, -1]], np.int32), np.array([[2.0, 1.0, np.nan]])
    likeness = by_vectors(np.ones((5, 2)))
    assert marginal_relevance(lists, scores, 0.0, likeness, 3).tolist() == [[0, 1, -1]]
    assert marginal_relevance(
        np.full((1, 3), -1, np.int32), np.full((1, 3), np.nan), 0.5, likeness, 3
    ).tolist() == [[-1, -1, -1]]


def test_likeness_of_vectors_is_their_cosine():
    alike = by_vectors(np.array([[1.0, 0], [2.0, 0], [0, 1], [0, 0]]))(np.arange(4))
    np.testing.assert_allclose(alike[0], [1, 1, 0, 0])


def test_diversity_makes_lists_less_alike_within():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 4))
    likeness = by_vectors(vectors)
    lists = np.argsort(-rng.random((5, 30)), axis=1).astype(np.int32)
    scores = -np.sort(-rng.random((5, 30)), axis=1)

    def within(weight):
        places = marginal_relevance(lists, scores, weight, likeness, 8)
        return np.mean([likeness(lists[row, places[row]].astype(int)).mean() for row in range(5)])

    assert within(0.8) < within(0.4) < within(0.0)


def test_a_cap_leaves_an_item_to_those_that_rank_it_highest():
    lists = np.array([[0, 1, 2], [1, 0, 2], [0, 2, 1]], dtype=np.int32)
    chosen = cap_exposure(lists, 1 / 3, 1)
    assert np.take_along_axis(lists, chosen, axis=1).ravel().tolist() == [0, 1, 2]


@given(st.integers(0, 10**6), st.floats(0.05, 1), st.integers(1, 6))
def test_no_item_is_in_more_lists_than_its_share(seed, share, length):
    rng = np.random.default_rng(seed)
    lists = np.stack([rng.permutation(12) for _ in range(9)]).astype(np.int32)
    lists[0, 7:] = -1
    chosen = cap_exposure(lists, share, length)
    items = np.where(chosen >= 0, np.take_along_axis(lists, np.maximum(chosen, 0), axis=1), -1)
    assert np.bincount(items[items >= 0], minlength=12).max() <= max(1, int(share * 9 + 1e-9))
    for row in chosen:
        there = row[row >= 0]
        assert (np.diff(there) > 0).all() and (row[len(there) :] == -1).all()
    order = rng.permutation(9)
    np.testing.assert_array_equal(
        np.sort(cap_exposure(lists[order], 1.0, length), axis=0), np.sort(cap_exposure(lists, 1.0, length), axis=0)
    )


def test_filters_say_what_may_be_listed():
    assert in_stock(["2", "0", "-1", "缺货", " FALSE ", "yes", None]).tolist() == [1, 0, 0, 0, 0, 1, 1]
    assert priced_within([1.0, 2.0, 3.0, None], None, 2.0).tolist() == [True, True, False, False]
    assert priced_within([1.0, 2.0, 3.0, float("nan")], 2.0, None).tolist() == [False, True, True, False]


def test_the_chain_leaves_lists_as_ranked_unless_asked():
    scores = np.array([[1.0, -np.inf, 3.0]])
    lists, picked = Reranking()(scores, None, 4)
    assert lists.tolist() == [[2, 0, -1, -1]]
    np.testing.assert_array_equal(picked, [[3.0, 1.0, np.nan, np.nan]])


def test_filters_come_before_all_else():
    scores = np.array([[4.0, 3.0, 2.0, 1.0]])
    reranking = Reranking(
        allowed=np.array([False, True, True, True]), diversity=0.6, likeness=by_category(np.array([0, 1, 1, 2]))
    )
    assert reranking(scores, None, 2)[0].tolist() == [[1, 3]]


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_users_lists_keep_to_the_cap_in_any_chunks(share, monkeypatch):
    rng = np.random.default_rng(1)
    counts = sparse.csr_matrix(rng.poisson(0.5, (40, 20)).astype(float))
    labels = rng.integers(0, 2, 40)
    score = SegmentCounts(smoothing=1).fit(counts, labels, 2).scores
    reranking = Reranking(max_exposure=share)

    def made():
        return pa.concat_tables(
            user_recommendations(score, pa.array(range(40)), pa.array(range(20)), 3, counts, reranking)
        )

    whole = made()
    assert np.bincount(whole["item_id"].to_numpy()).max() <= share * 40
    monkeypatch.setattr("fenqun.recommendation.lists._CELLS", 20 * 7)
    assert made().equals(whole)
