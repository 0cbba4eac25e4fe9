"""Fits on a sample: drawn by content, the same whatever the order of users, and as good as the sample is large."""

from __future__ import annotations

import json

import hdbscan
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from fenqun.config import Segmentation as Settings
from fenqun.segmentation.clusterers.catalogue import make_clusterer
from fenqun.segmentation.clusterers.placing import Neighbours, place
from fenqun.segmentation.clusterers.sampling import SAMPLED_ABOVE, draw_rows
from fenqun.segmentation.selection import select

SAMPLING = ["kmeans", "ward", "gaussian_mixture"]


@given(
    rows=st.lists(st.integers(-2, 2), min_size=1, max_size=40),
    most=st.integers(1, 30),
    seed=st.integers(0, 5),
    random=st.randoms(use_true_random=False),
)
def test_what_is_drawn_hangs_on_content_alone(rows, most, seed, random):
    X = np.array(rows, dtype=float)[:, None]
    order = list(range(len(X)))
    random.shuffle(order)
    drawn, again = draw_rows(X, most, seed), draw_rows(X[order], most, seed)
    assert len(set(drawn)) == len(drawn) == min(most, len(X))
    if most < len(X):
        np.testing.assert_array_equal(X[drawn], X[order][again])
    else:
        assert drawn.tolist() == list(range(len(X)))


def test_users_who_are_alike_are_drawn_one_by_one():
    X = np.repeat(np.array([[1.0, 2.0], [3.0, 4.0]]), [3000, 1000], axis=0)
    drawn = draw_rows(X, 1000, 3)
    assert np.mean(drawn < 3000) == pytest.approx(0.75, abs=0.05)


def test_another_seed_draws_others():
    X = np.random.default_rng(0).normal(size=(1000, 3))
    first, second = (set(draw_rows(X, 100, seed).tolist()) for seed in (0, 1))
    assert len(first & second) < 30


def test_minus_zero_is_zero():
    X = np.arange(50.0)[:, None]
    assert draw_rows(X, 9, 0).tolist() == draw_rows(np.where(X == 0, -0.0, X), 9, 0).tolist()


@pytest.mark.parametrize("name", SAMPLING)
def test_a_fit_on_a_sample_finds_the_groups_and_says_so(name, blobs):
    X, truth = blobs
    model = make_clusterer(name, 6, seed=1, parameters={"sample_above": 200}).fit(X)
    assert model.resolved_["sampled"] == 200
    assert len(model.labels_) == len(X)
    assert adjusted_rand_score(truth, model.predict(X)) > 0.95
    assert "sampled" not in make_clusterer(name, 6, seed=1).fit(X).resolved_


@pytest.mark.parametrize("name", SAMPLING)
def test_a_sample_is_the_same_in_any_order_of_users(name, continuum):
    order = np.random.default_rng(5).permutation(len(continuum))
    parameters = {"sample_above": 250}
    straight = make_clusterer(name, 5, seed=2, parameters=parameters).fit(continuum)
    shuffled = make_clusterer(name, 5, seed=2, parameters=parameters).fit(continuum[order])
    np.testing.assert_array_equal(straight.predict(continuum)[order], shuffled.predict(continuum[order]))
    np.testing.assert_allclose(straight.centroids_, shuffled.centroids_, atol=1e-9)


@pytest.mark.parametrize("name", ["kmeans", "gaussian_mixture"])
def test_segments_of_a_sample_hold_everyone(name, continuum):
    model = make_clusterer(name, 5, seed=2, parameters={"sample_above": 250}).fit(continuum)
    np.testing.assert_array_equal(model.predict(continuum), model.labels_)


def test_a_sample_is_nearly_as_good_as_everyone(continuum):
    X = np.tile(continuum, (5, 1)) + np.random.default_rng(3).normal(size=(2000, 6)) * 0.1

    def spread(**parameters):
        model = make_clusterer("kmeans", 6, seed=1, parameters=parameters).fit(X)
        return model.rule_.energies(X).min(axis=1).sum()

    assert spread(sample_above=1000) < 1.02 * spread()


@pytest.mark.parametrize("selection", ["eom", "leaf"])
@pytest.mark.parametrize("width", [2, 12])
def test_users_are_placed_as_the_package_places_them(selection, width):
    rng = np.random.default_rng(width)
    groups = [0.5 * rng.normal(size=(150, width)) + 2 * rng.normal(size=width) for _ in range(4)]
    X = np.vstack([*groups, 3 * rng.normal(size=(150, width))])
    rows = np.sort(rng.choice(len(X), 400, replace=False))
    model = hdbscan.HDBSCAN(
        min_cluster_size=12, min_samples=5, cluster_selection_method=selection, prediction_data=True
    ).fit(X[rows])
    near = Neighbours.of(X, rows, 10)
    expected = hdbscan.approximate_predict(model, X[near.rest])[0]
    assert {-1, 0, 1} <= set(expected)
    np.testing.assert_array_equal(place(model, near), expected)


def test_trials_say_how_many_users_they_saw():
    """The real threshold, on rows that cost little."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(SAMPLED_ABOVE + 500, 2)) + 6 * rng.integers(0, 3, SAMPLED_ABOVE + 500)[:, None]
    found = select(X, lambda labels: {"lift": 1.0}, Settings(clusterers=("kmeans",)), ks=(3,), seed=1)
    (row,) = found.table().to_pylist()
    assert json.loads(row["parameters"])["sampled"] == SAMPLED_ABOVE
    assert found.refit(X, seed=1, threads=1).resolved_ == {"sampled": SAMPLED_ABOVE}
