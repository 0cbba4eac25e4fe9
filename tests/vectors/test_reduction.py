from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.base import clone
from sklearn.decomposition import PCA

from fenqun.vectors.reduction import Reducer


def test_it_is_principal_component_analysis() -> None:
    X = np.random.default_rng(0).normal(size=(200, 12)) * np.arange(1, 13)
    ours = Reducer(5).fit(X)
    theirs = PCA(5, svd_solver="full").fit(X)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(np.abs(ours.transform(X)), np.abs(theirs.transform(X)), atol=1e-8)


@given(seed=st.integers(0, 40), n=st.integers(1, 30), d=st.integers(1, 10), k=st.integers(1, 12))
@settings(max_examples=40)
def test_any_shape_gives_finite_centred_scores_that_a_user_alone_shares(seed: int, n: int, d: int, k: int) -> None:
    X = np.random.default_rng(seed).normal(size=(n, d))
    reducer = Reducer(k).fit(X)
    scores = reducer.transform(X)
    assert scores.shape == (n, len(reducer.components_)) and 1 <= scores.shape[1] <= min(k, d)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(reducer.transform(X[:1])[0], scores[0], atol=1e-9)


def test_axes_point_the_same_way_whatever_the_order_of_users() -> None:
    X = np.random.default_rng(3).normal(size=(300, 6)) * [6, 5, 4, 3, 2, 1]
    order = np.random.default_rng(4).permutation(300)
    np.testing.assert_allclose(Reducer(6).fit(X[order]).components_, Reducer(6).fit(X).components_, atol=1e-8)
    largest = np.abs(Reducer(6).fit(X).components_).argmax(axis=1)
    assert (Reducer(6).fit(X).components_[np.arange(6), largest] > 0).all()


def test_a_component_that_follows_activity_is_told() -> None:
    rng = np.random.default_rng(0)
    activity = rng.normal(size=400)
    X = np.column_stack([10 * activity, rng.normal(size=(400, 3))])
    figures = Reducer(3).fit(X, activity=activity).figures
    assert abs(figures["activity_correlation"][0]) > 0.99
    assert max(abs(c) for c in figures["activity_correlation"][1:]) < 0.2
    assert figures["components"] == 3


def test_json_and_back_and_clone() -> None:
    X = np.random.default_rng(0).normal(size=(40, 7))
    reducer = Reducer(4, seed=3).fit(X, activity=X[:, 0])
    again = Reducer.from_dict(json.loads(json.dumps(reducer.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(again.transform(X), reducer.transform(X))
    assert again.figures == reducer.figures
    assert clone(reducer).get_params() == {"components": 4, "seed": 3, "method": "pca"}


@pytest.mark.parametrize("X", [np.ones((5, 3)), np.zeros((1, 3))])
def test_users_all_alike_lie_on_one_point(X: np.ndarray) -> None:
    np.testing.assert_array_equal(Reducer(2).fit(X).transform(X), np.zeros((len(X), 1)))


def test_whitened_components_have_variance_one_and_are_kept() -> None:
    X = np.random.default_rng(0).normal(size=(200, 6)) * [9, 5, 3, 2, 1, 0.1]
    reducer = Reducer(4, method="whitened").fit(X)
    scores = reducer.transform(X)
    np.testing.assert_allclose(np.cov(scores.T), np.eye(4), atol=1e-9)
    again = Reducer.from_dict(json.loads(json.dumps(reducer.to_dict())))
    np.testing.assert_array_equal(again.transform(X), scores)
    assert np.isfinite(Reducer(4, method="whitened").fit_transform(np.ones((5, 3)))).all()


def test_without_a_reduction_all_distances_stay() -> None:
    X = np.random.default_rng(0).normal(size=(30, 5)) * [9, 5, 3, 2, 1]
    np.testing.assert_allclose(pdist(Reducer(2, method="none").fit_transform(X)), pdist(X), rtol=1e-9)
