"""What is particular to single families of clusterers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as Mixture

from fenqun.segmentation.clusterers.density import DBSCAN, HDBSCAN
from fenqun.segmentation.clusterers.kmeans import KMeans
from fenqun.segmentation.clusterers.mixture import GaussianMixture
from fenqun.segmentation.clusterers.ward import cut_tree, ward_tree
from fenqun.segmentation.rule import Rule


@pytest.mark.parametrize("k", [2, 3, 7, 20])
def test_ward_tree_cuts_as_scipys(continuum, k):
    ours = cut_tree(ward_tree(continuum, np.ones(len(continuum))), k)
    theirs = fcluster(linkage(continuum, "ward"), k, "maxclust")
    assert adjusted_rand_score(ours, theirs) == pytest.approx(1.0)


def test_a_weighted_leaf_counts_as_that_many_users(continuum):
    points = continuum[:60]
    sizes = np.random.default_rng(2).integers(1, 6, 60)
    weighted = cut_tree(ward_tree(points, sizes.astype(float)), 5)
    repeated = fcluster(linkage(np.repeat(points, sizes, axis=0), "ward"), 5, "maxclust")
    assert adjusted_rand_score(np.repeat(weighted, sizes), repeated) == pytest.approx(1.0)


def test_cuts_of_one_tree_are_nested(continuum):
    merges = ward_tree(continuum, np.ones(len(continuum)))
    fine, coarse = cut_tree(merges, 12), cut_tree(merges, 4)
    for segment in range(12):
        assert len(set(coarse[fine == segment])) == 1


def test_ward_tree_ends_on_coincident_points():
    merges = ward_tree(np.repeat(np.eye(3), 30, axis=0), np.ones(90))
    assert merges.shape == (89, 2)
    assert adjusted_rand_score(cut_tree(merges, 3), np.repeat([0, 1, 2], 30)) == 1.0


@pytest.mark.parametrize("model", [DBSCAN(0.98, min_samples=5), HDBSCAN(0.1)])
def test_segments_need_not_be_round(model):
    X, truth = make_moons(600, noise=0.05, random_state=0)
    assert adjusted_rand_score(truth, model.fit(X).predict(X)) > 0.95
    assert adjusted_rand_score(truth, KMeans(2).fit(X).predict(X)) < 0.5


def test_larger_quantiles_leave_less_noise(continuum):
    noise = [np.mean(DBSCAN(q).fit(continuum).labels_ < 0) for q in (0.1, 0.4, 0.7, 0.9)]
    assert noise == sorted(noise, reverse=True)
    assert noise[-1] <= 0.1


def test_nothing_but_noise_is_everyone():
    X = np.random.default_rng(0).uniform(size=(60, 20))
    model = HDBSCAN(0.2).fit(X)
    assert set(model.labels_) == {-1}
    assert model.n_clusters_ == 1
    np.testing.assert_allclose(model.centroids_[0], X.mean(axis=0))


def test_radius_is_the_distance_to_the_nth_user_oneself_included():
    X = np.array([[0.0], [1.0], [3.0], [6.0]])
    assert DBSCAN(0.5, min_samples=2).fit(X).resolved_ == {"eps": 2.0, "min_samples": 2}
    assert DBSCAN(1.0, min_samples=2).fit(X).resolved_ == {"eps": 3.0, "min_samples": 2}


@pytest.mark.parametrize("family", [DBSCAN, HDBSCAN])
def test_users_outside_the_sample_are_placed_or_noise(family, blobs):
    X, truth = blobs
    stranger = np.full((1, 8), 60.0)
    model = family(sample_above=300, seed=2).fit(np.vstack([X, stranger]))
    assert model.labels_[-1] == -1
    placed = model.labels_[:-1] >= 0
    assert placed.mean() > 0.6
    assert adjusted_rand_score(truth[placed], model.labels_[:-1][placed]) > 0.97


def test_mixture_weights_are_the_posterior(continuum):
    model = GaussianMixture(3, seed=4).fit(continuum)
    rule = model.rule_
    precision = rule.whitening
    reference = Mixture(3, covariance_type="full" if precision.ndim == 3 else "diag")
    reference.means_, reference.precisions_cholesky_ = rule.prototypes, precision
    diagonal = np.log(np.diagonal(precision, axis1=1, axis2=2) if precision.ndim == 3 else precision).sum(axis=1)
    reference.weights_ = np.exp(-(rule.offset + 2 * diagonal) / 2)
    reference.weights_ /= reference.weights_.sum()
    np.testing.assert_allclose(model.soft(continuum), reference.predict_proba(continuum), atol=1e-10)


def test_one_covariance_for_all_measures_as_one_each():
    rng = np.random.default_rng(2)
    prototypes, whitening = rng.normal(size=(4, 5)) + 50, np.tril(rng.normal(size=(5, 5))) + np.eye(5)
    rule = Rule(prototypes, np.arange(4), prototypes, 2.0, np.stack([whitening] * 4), np.arange(4.0))
    X = prototypes[rng.integers(0, 4, 60)] + rng.normal(size=(60, 5))
    expected = np.square((X[:, None] - prototypes) @ whitening).sum(axis=2) + np.arange(4)
    np.testing.assert_allclose(rule.energies(X), expected, rtol=1e-10)
    np.testing.assert_array_equal(np.vstack([rule.energies(row[None]) for row in X]), rule.energies(X))


def test_bic_finds_the_form_of_covariance():
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(4, 4))
    centres = 30 * np.eye(4)[:3]
    truth = rng.integers(0, 3, 600)
    correlated = centres[truth] + rng.normal(size=(600, 4)) @ mix
    assert GaussianMixture(3).fit(correlated).resolved_["covariance"] == "tied"
    spread = np.array([[0.3, 3, 1, 1], [3, 0.3, 1, 2], [1, 1, 0.2, 4]])
    unequal = centres[truth] + rng.normal(size=(600, 4)) * spread[truth]
    assert GaussianMixture(3).fit(unequal).resolved_["covariance"] == "diag"
    turned = np.stack([np.linalg.qr(rng.normal(size=(4, 4)))[0] @ np.diag([4, 0.3, 1, 1]) for _ in range(3)])
    rotated = centres[truth] + np.einsum("nd,nde->ne", rng.normal(size=(600, 4)), turned[truth].transpose(0, 2, 1))
    assert GaussianMixture(3).fit(rotated).resolved_["covariance"] == "full"


def test_kmeans_is_no_worse_than_its_own_restarts(continuum):
    def inertia(model: KMeans) -> float:
        return float(model.rule_.energies(continuum).min(axis=1).sum())

    assert inertia(KMeans(8, n_init=8, seed=1).fit(continuum)) <= inertia(
        KMeans(8, n_init=1, seed=1).fit(continuum)
    )
