import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from fenqun.evaluation.internal import METRICS, internal_metrics, null_metrics, permuted


def blobs(seed, n=120, k=3, apart=4.0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, k, n)
    return generator.normal(size=(n, 3)) + apart * np.eye(3)[labels % 3], labels


def slow_dunn(X, labels):
    groups = [X[labels == g] for g in np.unique(labels)]
    between = min(cdist(a, b).min() for i, a in enumerate(groups) for b in groups[:i])
    return between / max(cdist(g, g).max() for g in groups)


@pytest.mark.parametrize("n", [120, 1300])  # 1300: several blocks of rows
def test_equal_to_scikit_learn_and_brute_force(n):
    X, labels = blobs(0, n)
    labels[0] = 7  # a group of one
    figures = internal_metrics(X, labels)
    assert figures["silhouette"] == pytest.approx(silhouette_score(X, labels))
    assert figures["calinski_harabasz"] == pytest.approx(calinski_harabasz_score(X, labels))
    assert figures["davies_bouldin"] == pytest.approx(davies_bouldin_score(X, labels))
    assert figures["dunn"] == pytest.approx(slow_dunn(X, labels))


def test_inertia_is_that_of_k_means():
    X, _ = blobs(1)
    model = KMeans(3, n_init=3, random_state=0, tol=0, max_iter=1000).fit(X)
    assert internal_metrics(X, model.labels_)["inertia"] == pytest.approx(model.inertia_)


def test_dunn_by_hand():
    X = np.array([[0.0], [1.0], [4.0], [6.0]])
    assert internal_metrics(X, [0, 0, 1, 1])["dunn"] == pytest.approx(3 / 2)


@settings(max_examples=15)
@given(st.integers(0, 1000), st.permutations(range(3)))
def test_names_of_groups_change_nothing(seed, names):
    X, labels = blobs(seed, 40)
    first, again = internal_metrics(X, labels), internal_metrics(X, np.array(names)[labels])
    assert first == pytest.approx(again, nan_ok=True)
    assert -1 <= first["silhouette"] <= 1
    assert min(first[name] for name in METRICS[1:]) >= 0


def test_noise_does_not_count():
    X, labels = blobs(0)
    labels[:10] = -1
    assert internal_metrics(X, labels) == pytest.approx(internal_metrics(X[10:], labels[10:]))


def test_a_sample_is_near_the_whole():
    X, labels = blobs(0, 3000)
    whole, part = internal_metrics(X, labels), internal_metrics(X, labels, sample=800, seed=3)
    assert part["silhouette"] == pytest.approx(whole["silhouette"], abs=0.03)
    assert part["inertia"] == whole["inertia"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("X", "labels"),
    [
        (np.zeros((5, 2)), np.zeros(5, int)),  # one group
        (np.arange(8.0).reshape(4, 2), np.arange(4)),  # every user a group
        (np.zeros((0, 2)), np.zeros(0, int)),
        (np.zeros((3, 2)), np.full(3, -1)),
    ],
)
def test_no_meaning_is_nan(X, labels):
    figures = internal_metrics(X, labels)
    assert all(np.isnan(figures[name]) for name in METRICS if name != "inertia")


@pytest.mark.filterwarnings("error")
def test_identical_users_do_not_break():
    figures = internal_metrics(np.zeros((6, 2)), [0, 0, 0, 1, 1, 1])
    assert figures["silhouette"] == 0.0
    assert np.isnan(figures["dunn"])
    assert figures["inertia"] == 0.0


def test_the_null_keeps_marginals_and_loses_structure():
    X, _ = blobs(0, 400)
    shuffled = permuted(X, 0)
    assert np.sort(shuffled, axis=0) == pytest.approx(np.sort(X, axis=0))

    def fit(rows, seed):
        return KMeans(3, n_init=2, random_state=seed).fit(rows).labels_

    null = null_metrics(X, fit, seed=0, repeats=2)
    found = internal_metrics(X, fit(X, 0))
    assert null["silhouette"] < found["silhouette"] - 0.1
    assert null["inertia"] > found["inertia"]
    assert null == null_metrics(X, fit, seed=0, repeats=2)
