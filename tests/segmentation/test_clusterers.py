"""One contract for every clusterer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator

from fenqun.errors import ConfigError, FenqunError
from fenqun.segmentation.clusterers.catalogue import CLUSTERERS, candidates, make_clusterer
from fenqun.segmentation.segmentation import Segmentation

NAMES = [name for name in CLUSTERERS if name != "given"]
TOLD_K = ["kmeans", "minibatch_kmeans", "ward", "gaussian_mixture"]
CENTROID_BASED = ["kmeans", "minibatch_kmeans", "gaussian_mixture"]
DENSITY = ["dbscan", "hdbscan"]


def fitted(name, X, k=6, seed=3):
    return make_clusterer(name, k, seed=seed).fit(X)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_keeps_scikit_learns_contract(name):
    results = check_estimator(CLUSTERERS[name](), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert sum(r["status"] == "passed" for r in results) > 30


@pytest.mark.parametrize("name", NAMES)
def test_finds_planted_groups(name, blobs):
    X, truth = blobs
    model = fitted(name, X)
    assert model.n_clusters_ == 6
    assert adjusted_rand_score(truth, model.predict(X)) > 0.97
    assert model.centroids_.shape == (6, 8)
    for segment in range(6):
        group = np.bincount(truth[model.predict(X) == segment]).argmax()
        assert np.linalg.norm(model.centroids_[segment] - X[truth == group].mean(axis=0)) < 1.0


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_result(name, continuum):
    first, second = fitted(name, continuum), fitted(name, continuum)
    np.testing.assert_array_equal(first.labels_, second.labels_)
    np.testing.assert_array_equal(first.centroids_, second.centroids_)
    np.testing.assert_array_equal(first.soft(continuum), second.soft(continuum))


@pytest.mark.parametrize("name", NAMES)
def test_row_order_changes_only_names(name, blobs):
    X, _ = blobs
    order = np.random.default_rng(5).permutation(len(X))
    straight, shuffled = fitted(name, X).predict(X), fitted(name, X[order]).predict(X)
    assert adjusted_rand_score(straight, shuffled) == pytest.approx(1.0)


@pytest.mark.parametrize("name", CENTROID_BASED)
def test_predict_repeats_fitted_labels(name, continuum):
    model = fitted(name, continuum)
    np.testing.assert_array_equal(model.predict(continuum), model.labels_)


@pytest.mark.parametrize("name", NAMES)
def test_every_prediction_is_a_segment(name, continuum):
    model = fitted(name, continuum)
    far = np.vstack([continuum, 1e6 * np.ones((1, 6)), -1e6 * np.ones((1, 6))])
    labels = model.predict(far)
    assert labels.min() >= 0
    assert labels.max() < model.n_clusters_
    weights = model.soft(far)
    assert weights.shape == (len(far), model.n_clusters_)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_array_equal(weights.argmax(axis=1), labels)


@pytest.mark.parametrize("name", NAMES)
def test_one_user_alone_gets_what_a_batch_gives(name, continuum):
    model = fitted(name, continuum)
    batch = model.soft(continuum)
    alone = np.vstack([model.soft(row[None]) for row in continuum[:50]])
    np.testing.assert_array_equal(alone, batch[:50])


@pytest.mark.parametrize("name", DENSITY)
def test_noise_goes_to_the_nearest_segment(name, blobs):
    X, truth = blobs
    middle = 12 * np.eye(8)[2] + np.array([0, 0, 30, 0, 0, 0, 0, 0])  # beyond group 2, near no one
    model = fitted(name, np.vstack([X, middle]))
    assert model.labels_[-1] == -1
    home = np.bincount(model.labels_[:-1][(truth == 2) & (model.labels_[:-1] >= 0)]).argmax()
    assert model.predict(middle[None])[0] == home


@pytest.mark.parametrize("name", list(CLUSTERERS))
@pytest.mark.parametrize("rows", [1, 2, 3, 40])
def test_identical_rows_are_one_segment(name, rows):
    model = fitted(name, np.full((rows, 3), 2.5))
    assert model.n_clusters_ == 1
    assert set(model.predict(np.full((rows, 3), 2.5))) == {0}
    np.testing.assert_allclose(model.centroids_, [[2.5, 2.5, 2.5]])
    assert Segmentation.from_clusterer(model, np.full((rows, 3), 2.5)).ids == ("S01",)


@pytest.mark.parametrize("name", NAMES)
def test_fewer_distinct_rows_than_segments(name):
    X = np.repeat(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]), 20, axis=0)
    model = fitted(name, X, k=8)
    assert 1 <= model.n_clusters_ <= 3
    if name in TOLD_K:
        assert model.n_clusters_ == 3
        assert adjusted_rand_score(np.repeat([0, 1, 2], 20), model.predict(X)) == 1.0


@pytest.mark.parametrize("name", list(CLUSTERERS))
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_input_is_one_clear_line(name, bad, continuum):
    X = continuum.copy()
    X[7, 2] = bad
    with pytest.raises(FenqunError, match=r"1 of 400 rows hold NaN or infinity.*row 7") as raised:
        fitted(name, X)
    assert "\n" not in str(raised.value)
    with pytest.raises(FenqunError, match="NaN or infinity"):
        fitted(name, continuum).predict(X)


@pytest.mark.parametrize("name", list(CLUSTERERS))
@pytest.mark.parametrize("X", [np.zeros((0, 3)), np.zeros(5), np.array([["a", "b"]])])
def test_what_is_no_matrix_is_refused(name, X):
    with pytest.raises(FenqunError):
        fitted(name, X)


@pytest.mark.parametrize("name", list(CLUSTERERS))
def test_other_width_is_refused(name, continuum):
    with pytest.raises(FenqunError, match="features"):
        fitted(name, continuum).predict(continuum[:, :4])


@pytest.mark.parametrize("name", NAMES)
def test_prototypes_are_means_and_not_members(name, continuum):
    model = fitted(name, continuum)
    assert not {row.tobytes() for row in model.rule_.prototypes} & {row.tobytes() for row in continuum}


@pytest.mark.parametrize("name", NAMES)
def test_fit_many_equals_fitting_one_by_one(name, continuum):
    family = candidates(name, (3, 5, 9), seed=2)
    together = [model.labels_ for model in CLUSTERERS[name].fit_many([clone(m) for m in family], continuum)]
    apart = [model.fit(continuum).labels_ for model in family]
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(together) >= 3


@pytest.mark.parametrize("name", ["ward", "dbscan", "hdbscan"])
def test_large_logs_are_summarised_and_still_right(name, blobs):
    X, truth = blobs
    smaller = {
        "ward": {"micro_above": 100, "n_micro": 60},
        "dbscan": {"sample_above": 300},
        "hdbscan": {"sample_above": 300},
    }[name]
    model = make_clusterer(name, 6, seed=1, parameters=smaller).fit(X)
    assert len(model.labels_) == len(X)
    assert adjusted_rand_score(truth, model.predict(X)) > 0.95


@settings(max_examples=25)
@given(
    name=st.sampled_from(NAMES),
    X=arrays(
        np.float64,
        st.tuples(st.integers(1, 25), st.integers(1, 4)),
        elements=st.floats(-1e4, 1e4, allow_nan=False, width=32),
    ),
    k=st.integers(2, 8),
)
@pytest.mark.filterwarnings("ignore")
def test_any_finite_matrix_gets_segments(name, X, k):
    model = fitted(name, X, k)
    labels = model.predict(X)
    assert len(labels) == len(model.labels_) == len(X)
    assert 1 <= model.n_clusters_ <= len(X)
    assert np.isfinite(model.centroids_).all()
    assert np.isfinite(model.soft(X)).all()
    assert set(labels) <= set(range(model.n_clusters_))


def test_given_reads_segments_back():
    onehot = np.eye(4)[[2, 0, 2, 3, 1, 0]]
    model = fitted("given", onehot)
    assert model.n_clusters_ == 4
    assert adjusted_rand_score([2, 0, 2, 3, 1, 0], model.labels_) == 1.0


def test_unknown_name_says_which_there_are():
    with pytest.raises(ConfigError, match="kmeans, minibatch_kmeans, ward"):
        make_clusterer("spectral", 4)
