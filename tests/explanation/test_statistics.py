from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse, stats

from fenqun.explanation.statistics import (
    benjamini_hochberg,
    dense_moments,
    dirichlet_log_odds,
    share_test,
    sparse_moments,
    welch,
)

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=60)


@given(p_values)
def test_adjusted_p_keeps_order_and_never_falls_below_p(values):
    p = np.array(values)
    q = benjamini_hochberg(p)
    assert (q >= p - 1e-12).all() and (q <= 1).all()
    order = np.argsort(p)
    assert (np.diff(q[order]) >= 0).all()


@given(p_values)
def test_adjusted_p_is_scipys(values):
    np.testing.assert_allclose(benjamini_hochberg(np.array(values)), stats.false_discovery_control(values))


def test_missing_p_values_are_no_tests():
    q = benjamini_hochberg(np.array([[0.01, np.nan], [0.02, np.nan]]))
    np.testing.assert_allclose(q[:, 0], [0.02, 0.02])
    assert np.isnan(q[:, 1]).all()


def test_welch_is_scipys_and_sparse_equals_dense():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90)
    values = rng.normal(size=(90, 4)) * (rng.random((90, 4)) < 0.6)
    values[:, 1] += labels
    member = sparse.csr_matrix((np.ones(90), (labels, np.arange(90))), shape=(3, 90))
    d, p = welch(*dense_moments(member, values))
    d_sparse, p_sparse = welch(*sparse_moments(member, sparse.csr_matrix(values), np.ones(90)))
    expected = stats.ttest_ind(values[labels == 2], values[labels != 2], equal_var=False)
    np.testing.assert_allclose(p[2], expected.pvalue)
    np.testing.assert_allclose(d, d_sparse)
    np.testing.assert_allclose(p, p_sparse)
    assert d[2, 1] > 0.8 > abs(d[2, 0])


def test_welch_of_what_does_not_vary_is_unknown():
    member = sparse.csr_matrix(np.repeat(np.eye(2), 5, axis=1))
    values = np.column_stack([np.full(10, 0.1), np.r_[np.full(9, np.nan), 1.0]])
    d, p = welch(*dense_moments(member, values))
    assert np.isnan(d).all() and np.isnan(p).all()


def test_share_test_is_exact_when_few_and_chi_squared_when_many():
    few = share_test(np.array([[3.0], [0.0]]), np.array([[4.0], [6.0]]))
    one_sided = stats.fisher_exact([[3, 1], [0, 6]], alternative="greater").pvalue
    assert few[0, 0] == pytest.approx(2 * one_sided)
    many = share_test(np.array([[60.0], [30.0]]), np.array([[100.0], [100.0]]))
    table = stats.chi2_contingency([[60, 40], [30, 70]], correction=False)
    assert many[0, 0] == pytest.approx(table.pvalue)
    assert np.isnan(share_test(np.array([[3.0]]), np.array([[4.0]]))).all()


def test_log_odds_prefer_what_is_distinctive_to_what_is_popular_or_rare():
    #                 popular everywhere, distinctive, seen once and only here
    inside = np.array([500.0, 80.0, 1.0, 419.0])
    everyone = np.array([5000.0, 160.0, 1.0, 4839.0])
    z = dirichlet_log_odds(inside, everyone, prior=1000.0)
    assert z.argmax() == 1
    assert abs(z[0]) < 2
