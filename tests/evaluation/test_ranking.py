import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fenqun.evaluation.ranking import (
    coverage,
    group_scores,
    list_metrics,
    rank_lists,
    rank_user_lists,
    smoothing_mass,
    weigh,
)


def matrix(seed, n=30, m=25, density=0.2):
    generator = np.random.default_rng(seed)
    return sparse.csr_matrix(generator.integers(0, 5, (n, m)) * (generator.random((n, m)) < density)).astype(float)


def slow_list(scores, seen, length):
    order = sorted(range(len(scores)), key=lambda item: (-scores[item], item))
    kept = [item for item in order if item not in seen][:length]
    return kept + [-1] * (length - len(kept))


def slow_metrics(chosen, truth):
    if not truth:
        return dict.fromkeys(("ndcg", "recall", "hit_rate", "precision", "mrr"), math.nan)
    gains = [1 / math.log2(place + 2) for place, item in enumerate(chosen) if item in truth]
    ideal = sum(1 / math.log2(place + 2) for place in range(min(len(chosen), len(truth))))
    hits = len(gains)
    return {
        "ndcg": sum(gains) / ideal,
        "recall": hits / len(truth),
        "hit_rate": float(hits > 0),
        "precision": hits / len(chosen),
        "mrr": next((1 / (place + 1) for place, item in enumerate(chosen) if item in truth), 0.0),
    }


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 30), st.booleans())
def test_lists_and_metrics_equal_a_slow_reference(seed, length, masked):
    counts, truth = matrix(seed), matrix(seed + 1, density=0.1)
    labels = np.random.default_rng(seed).integers(-1, 4, counts.shape[0])
    scores = group_scores(counts, labels, 4, 3.0)
    lists = rank_lists(scores, labels, counts if masked else None, length)
    metrics = list_metrics(lists, truth)
    for user, label in enumerate(labels):
        seen = set(counts[user].indices) if masked else set()
        expected = slow_list(scores[label], seen, length) if label >= 0 else [-1] * length
        assert lists[user].tolist() == expected
        for name, value in slow_metrics(expected, set(truth[user].indices)).items():
            assert metrics[name][user] == pytest.approx(value, nan_ok=True)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_names_of_groups_change_nothing(seed, names):
    counts = matrix(seed)
    labels = np.random.default_rng(seed).integers(0, 4, counts.shape[0])
    renamed = np.array(names)[labels]
    lists = rank_lists(group_scores(counts, labels, 4, 2.0), labels, counts, 10)
    again = rank_lists(group_scores(counts, renamed, 4, 2.0), renamed, counts, 10)
    assert (lists == again).all()


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_metrics_lie_between_zero_and_one(seed):
    labels = np.zeros(30, dtype=int)
    lists = rank_lists(group_scores(matrix(seed), labels, 1, 0.0), labels, None, 7)
    for values in list_metrics(lists, matrix(seed + 1)).values():
        known = values[np.isfinite(values)]
        assert ((known >= 0) & (known <= 1)).all()


def test_a_perfect_list_has_ndcg_one():
    truth = sparse.csr_matrix(np.array([[0, 2.0, 1.0, 0]]))
    metrics = list_metrics(np.array([[1, 2, 0]], dtype=np.int32), truth)
    assert metrics["ndcg"][0] == 1.0
    assert metrics["recall"][0] == 1.0
    assert metrics["precision"][0] == pytest.approx(2 / 3)


def test_relevance_counts_distinct_items_with_positive_weight():
    truth = sparse.csr_matrix((np.array([1.0, 1.0, 0.0]), (np.array([0, 0, 0]), np.array([1, 1, 2]))), shape=(1, 4))
    metrics = list_metrics(np.array([[2, 1]], dtype=np.int32), truth)
    assert metrics["recall"][0] == 1.0
    assert metrics["ndcg"][0] == pytest.approx(1 / math.log2(3))


def test_scores_by_hand():
    counts = sparse.csr_matrix(np.array([[3.0, 1.0], [0.0, 4.0]]))
    scores = group_scores(counts, [0, 1], 2, 8.0)
    # everyone: 3/8 and 5/8
    assert scores[0] == pytest.approx([(3 + 3) / 12, (1 + 5) / 12])
    assert scores[1] == pytest.approx([(0 + 3) / 12, (4 + 5) / 12])


def test_much_smoothing_gives_everyone_s_list_and_an_empty_group_too():
    counts = matrix(3)
    labels = np.random.default_rng(0).integers(0, 3, counts.shape[0])
    everyone = group_scores(counts, np.zeros_like(labels), 1, 0.0)[0]
    scores = group_scores(counts, labels, 4, 0.0)
    assert scores[3] == pytest.approx(everyone)
    assert group_scores(counts, labels, 3, 1e12) == pytest.approx(np.tile(everyone, (3, 1)))
    assert scores.sum(axis=1) == pytest.approx(np.ones(4))


def test_users_without_a_group_count_for_everyone_only():
    counts = sparse.csr_matrix(np.array([[1.0, 0.0], [0.0, 1.0]]))
    assert group_scores(counts, [0, -1], 1, 2.0)[0] == pytest.approx([2 / 3, 1 / 3])


@pytest.mark.filterwarnings("error")
def test_degenerate_logs():
    empty = sparse.csr_matrix((3, 4))
    labels = np.array([0, 0, 1])
    scores = group_scores(empty, labels, 2, 0.0)
    lists = rank_lists(scores, labels, empty, 6)
    assert lists[0].tolist() == [0, 1, 2, 3, -1, -1]
    assert all(np.isnan(values).all() for values in list_metrics(lists, empty).values())
    full = sparse.csr_matrix(np.ones((3, 4)))
    assert (rank_lists(scores, labels, full, 2) == -1).all()
    assert (rank_user_lists(lambda users: np.zeros((len(users), 4)), 3, 4, full, 2) == -1).all()
    assert np.isnan(coverage(lists, 0))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 30), st.booleans())
def test_lists_by_own_scores_equal_lists_by_group(seed, length, masked):
    counts = matrix(seed)
    labels = np.random.default_rng(seed).integers(0, 4, counts.shape[0])
    scores = np.round(group_scores(counts, labels, 4, 1.0), 2)  # with ties
    seen = counts if masked else None
    own = rank_user_lists(lambda users: scores[labels[users]], *counts.shape, seen, length)
    assert (own == rank_lists(scores, labels, seen, length)).all()


def test_large_catalogue_with_long_histories():
    generator = np.random.default_rng(0)
    n, m = 2500, 68_000
    rows = np.repeat(np.arange(n), 300)
    counts = sparse.csr_matrix(
        (np.ones(len(rows)), (rows, (generator.random(len(rows)) ** 3 * m).astype(int))), (n, m)
    )
    labels = generator.integers(0, 20, n)
    lists = rank_lists(group_scores(counts, labels, 20, 100.0), labels, counts, 20)
    assert (lists >= 0).all()
    for user in range(0, n, 500):
        assert not set(lists[user]) & set(counts[user].indices)


def test_weighting():
    counts = sparse.csr_matrix(np.array([[3.0, 1.0], [0.0, 0.0]]))
    assert weigh(counts, "counts").toarray().tolist() == counts.toarray().tolist()
    assert weigh(counts, "binary").toarray().tolist() == [[1, 1], [0, 0]]
    assert weigh(counts, "log").toarray() == pytest.approx(np.log1p(counts.toarray()))
    assert counts[0, 0] == 3.0


def test_smoothing_is_a_share_of_the_mean_group():
    assert smoothing_mass(sparse.csr_matrix(np.ones((4, 5))), 2, 0.1) == pytest.approx(1.0)


def test_coverage_counts_items_that_are_shown():
    assert coverage(np.array([[0, 1], [1, -1]], dtype=np.int32), 4) == 0.5
