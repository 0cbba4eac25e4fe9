from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from fenqun.behaviour.weighting import damp, inverse_document_frequency, usual_weighting, weigh_users


@pytest.mark.parametrize(
    ("counts", "weighting"),
    [
        ([[1, 0, 1], [0, 1, 1]], "binary"),
        ([[0.2, 0, 0.2], [0, 0.2, 0.2]], "binary"),
        ([[3, 0, 1], [0, 1, 5]], "log"),
        ([[0, 0]], "binary"),
        ([[1, -2], [1, 1]], "binary"),
    ],
)
def test_repeats_decide_the_weighting(counts: list[list[float]], weighting: str) -> None:
    assert usual_weighting(sparse.csr_matrix(counts)) == weighting


def test_negative_and_zero_weights_say_nothing() -> None:
    damped = damp(sparse.csr_matrix([[2.0, -1.0, 0.0], [1.0, 1.0, 0.0]]), "log")
    np.testing.assert_allclose(damped.toarray(), [[np.log(3), 0, 0], [np.log(2), np.log(2), 0]])
    assert damped.nnz == 3
    assert set(damp(sparse.csr_matrix([[5.0, 2.0]]), "binary").data) == {1.0}


def test_an_item_of_everyone_weighs_least_but_something() -> None:
    idf = inverse_document_frequency(sparse.csr_matrix([[1, 1, 0], [1, 0, 0], [1, 0, 0]]))
    assert 0 < idf[0] < idf[1] < idf[2]


@given(seed=st.integers(0, 100))
@settings(max_examples=25)
def test_rows_have_unit_length_or_are_empty(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = sparse.csr_matrix(rng.poisson(0.3, (9, 7)).astype(float))
    weights = weigh_users(counts, "log", rng.uniform(0.1, 3, 7))
    lengths = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
    np.testing.assert_allclose(lengths, (np.diff(counts.indptr) > 0).astype(float), atol=1e-12)
