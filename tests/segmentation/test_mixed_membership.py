"""Weights of users over segments: mixtures that were put in come back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fenqun.segmentation.mixed_membership import mixed_membership


def nearest(X, centroids):
    return ((X[:, None] - centroids[None]) ** 2).sum(axis=2).argmin(axis=1)


def test_a_mixture_comes_back():
    rng = np.random.default_rng(0)
    centroids = rng.normal(size=(6, 12))
    shares = np.zeros((300, 6))
    own, other = rng.integers(6, size=300), rng.integers(1, 6, size=300)
    shares[np.arange(300), own] = 0.7
    shares[np.arange(300), (own + other) % 6] = 0.3
    X = shares @ centroids + rng.normal(size=(300, 12)) * 0.05
    found = mixed_membership(X, centroids, own)
    assert np.abs(found - shares).mean() < 0.02


def test_segments_on_a_line_share_between_neighbours():
    centroids = np.arange(5.0)[:, None]
    found = mixed_membership(np.array([[2.0], [2.5], [-3.0]]), centroids, np.array([2, 2, 0]))
    np.testing.assert_allclose(found[0], [0, 0, 1, 0, 0])
    assert found[1][2] > 0.3
    assert found[1][[0, 4]].max() < 0.2
    assert found[2].argmax() == 0


@settings(max_examples=40)
@given(
    hnp.arrays(np.float64, (5, 3), elements=st.floats(-100, 100)),
    hnp.arrays(np.float64, (4, 3), elements=st.floats(-100, 100)),
)
def test_rows_are_shares_and_alone_as_in_a_batch(X, centroids):
    labels = nearest(X, centroids)
    found = mixed_membership(X, centroids, labels)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[np.arange(5), labels] == found.max(axis=1)).all()
    for row in range(5):
        alone = mixed_membership(X[row : row + 1], centroids, labels[row : row + 1])
        np.testing.assert_array_equal(alone[0], found[row])
