"""Rates of segments and their mixtures rank as they should at both ends: unsure and sure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from fenqun.evaluation.ranking import group_scores, smoothing_mass
from fenqun.recommendation.mixing import mixed_scores, segment_rates


def log(seed: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    random = np.random.default_rng(seed)
    counts = sparse.csr_matrix((random.random((40, 12)) < 0.3).astype(np.float64))
    return counts, np.concatenate([np.arange(3), random.integers(0, 3, 37)])


@given(st.integers(0, 1000))
def test_not_knowing_is_popularity(seed: int) -> None:
    counts, labels = log(seed)
    rates = segment_rates(counts, labels, 3, 0.0)
    shares = np.bincount(labels, minlength=3) / len(labels)
    np.testing.assert_allclose(mixed_scores(shares[None], rates)[0], counts.toarray().mean(axis=0), atol=1e-10)


@given(st.integers(0, 1000), st.integers(0, 2))
def test_being_sure_is_the_list_of_the_segment(seed: int, segment: int) -> None:
    counts, labels = log(seed)
    scores = group_scores(counts, labels, 3, smoothing_mass(counts, 3, 0.1))
    mixed = mixed_scores(np.eye(3)[[segment]], segment_rates(counts, labels, 3, 0.1))[0]
    order = np.argsort(-scores[segment], kind="stable")
    assert (np.diff(mixed[order]) <= 1e-9).all()


def test_users_of_no_segment_count_for_everyone_only() -> None:
    counts = sparse.csr_matrix(np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]))
    rates = segment_rates(counts, np.array([0, 1, -1]), 2, 1.0)
    assert rates[0, 2] > 0 and rates[0, 0] > rates[0, 1]
    assert rates.sum() == pytest.approx(2)


def test_one_row_is_mixed_as_in_a_batch() -> None:
    counts, labels = log(3)
    rates, weights = segment_rates(counts, labels, 3, 0.1), np.random.default_rng(0).dirichlet(np.ones(3), 50)
    batch = mixed_scores(weights, rates)
    assert all((mixed_scores(weights[i : i + 1], rates)[0] == batch[i]).all() for i in range(50))
